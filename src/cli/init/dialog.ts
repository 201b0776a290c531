// Questions on a terminal, line by line: an empty answer takes what stands in brackets, `?` explains, a wrong one is asked again.

import {createInterface} from 'node:readline';
import {Writable} from 'node:stream';
import {AppError} from '../../core/errors.ts';

export type Question<T> = {
  readonly text: string;
  /** What an empty answer means; stands in brackets. */
  readonly otherwise: string;
  /** The answer to `?`. */
  readonly help: string;
  /** The answer as a value. Throws AppError where it is none; the question is then asked again. */
  readonly read: (answer: string) => T;
  /** Typed without being shown. */
  readonly hidden?: true;
};

export type Dialog = {
  /** True where nobody is asked: every answer is what stands in brackets. */
  readonly silent: boolean;
  /** Rejects with an AppError once the person has left. */
  ask<T>(question: Question<T>): Promise<T>;
  say(text: string): void;
  /** Aborts when the person leaves. */
  readonly signal: AbortSignal;
  close(): void;
};

/** Answers every question with its brackets. */
export function silentDialog(say: (text: string) => void, signal: AbortSignal): Dialog {
  return {silent: true, ask: async question => question.read(question.otherwise), say, signal, close() {}};
}

/** A person at the terminal, or lines from a pipe. Questions go to stderr, so that stdout holds results only. */
export function openDialog(outer: AbortSignal): Dialog {
  const left = new AbortController();
  let muted = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) process.stderr.write(chunk);
      done();
    },
  });
  const terminal = process.stdin.isTTY === true;
  const lines: string[] = [];
  let waiting: (() => void) | null = null;
  const reader = createInterface({input: process.stdin, output, terminal});
  reader.on('line', line => {
    lines.push(line);
    waiting?.();
  });
  // Ctrl-C, Ctrl-D, a closed window, the end of a pipe.
  reader.on('close', () => {
    left.abort();
    waiting?.();
  });
  outer.addEventListener('abort', () => reader.close(), {once: true});
  const say = (text: string): void => void process.stderr.write(`${text}\n`);

  async function line(text: string, hidden: boolean): Promise<string> {
    const prompt = text.slice(text.lastIndexOf('\n') + 1);
    process.stderr.write(text.slice(0, text.length - prompt.length));
    if (terminal) {
      reader.setPrompt(prompt);
      reader.prompt();
    } else process.stderr.write(prompt);
    muted = hidden && terminal;
    try {
      while (lines.length === 0 && !left.signal.aborted)
        await new Promise<void>(resolve => {
          waiting = resolve;
        });
    } finally {
      waiting = null;
      if (muted || !terminal) process.stderr.write('\n');
      muted = false;
    }
    const answer = lines.shift();
    if (answer === undefined)
      throw terminal
        ? new AppError('FAILED', 'wattledger init', 'stopped; nothing was written')
        : new AppError('USAGE', 'wattledger init', `${ENDED}; nothing was written`);
    return answer.trim();
  }

  return {
    silent: false,
    signal: left.signal,
    say,
    close: () => reader.close(),
    async ask({text, otherwise, help, read, hidden = undefined}) {
      for (;;) {
        const answer = await line(`${text}${otherwise === '' ? '' : ` [${otherwise}]`}: `, hidden === true);
        if (answer === '?') {
          say(`  ${help}`);
          continue;
        }
        try {
          return read(answer === '' ? otherwise : answer);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          say(`  ${error.what}`);
        }
      }
    },
  };
}
const ENDED = 'there is no terminal to ask on, and no further answer; give --link LINK and --yes';

/** A refusal of an answer, in words for the person. */
export const wrong = (what: string): never => {
  throw new AppError('USAGE', 'wattledger init', what);
};

export const yesNo = (text: string, otherwise: 'yes' | 'no', help: string): Question<boolean> => ({
  text,
  otherwise,
  help,
  read: answer => (/^y(es)?$/i.test(answer) ? true : /^no?$/i.test(answer) ? false : wrong(`"${answer}" is neither yes nor no`)),
});

/** One of a list, by its number or its word. */
export function choice<T extends string>(
  text: string,
  options: readonly {readonly word: T; readonly means: string}[],
  otherwise: T,
  help: string,
): Question<T> {
  const list = options.map(({word, means}, index) => `  ${index + 1}  ${word}: ${means}`).join('\n');
  return {
    text: `${text}\n${list}\nNumber or word`,
    otherwise,
    help,
    read: answer =>
      (options[Number(answer) - 1] ?? options.find(({word}) => word === answer.toLowerCase()))?.word ??
      wrong(`"${answer}" is none of these: a number from 1 to ${options.length}, or ${options.map(({word}) => word).join(', ')}`),
  };
}
