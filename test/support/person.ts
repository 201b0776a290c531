// A person at a terminal: a pseudo-terminal of its own for a command, what stands on its screen, and keys.

import {spawn} from 'node:child_process';
import path from 'node:path';
import {afterTest} from './after.ts';

const MAIN = path.resolve('src/cli/main.ts');

export type Person = {
  /** Waits until the screen shows `question` after the last answer, then types `keys` and Enter. */
  answer(question: string | RegExp, keys: string): Promise<void>;
  /** The same without Enter: `\x03` is Ctrl-C, `\x04` Ctrl-D. */
  press(question: string | RegExp, key: string): Promise<void>;
  /** All that was ever shown, without the codes of the terminal. */
  screen(): string;
  /** The same with them. */
  raw(): string;
  readonly ended: Promise<number | null>;
};

/** Needs socat. `env` for the command only. */
export function sitDown(args: readonly string[], env: NodeJS.ProcessEnv = {}): Person {
  const words = [process.execPath, MAIN, ...args].map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  // The terminal stays a moment longer than the command, or socat may leave before it has read the last words.
  const command = `${words}; e=$?; sleep 0.3; exit $e`.replace(/([:,!"'\\])/g, '\\$1');
  const child = spawn('socat', ['-t', '0.1', '-', `SYSTEM:${command},pty,setsid,ctty,stderr`], {
    env: {...process.env, TERM: 'xterm', ...env},
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  afterTest(() => child.kill('SIGKILL'));
  let raw = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of a terminal begin with one
  const shown = (): string => raw.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
  let seen = 0;
  let look: () => void = () => {};
  child.stdout.on('data', chunk => {
    raw += chunk;
    look();
  });
  const ended = new Promise<number | null>(resolve => {
    child.once('close', code => {
      resolve(code);
      look();
    });
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const press = (question: string | RegExp, key: string): Promise<void> =>
    new Promise((resolve, reject) => {
      look = () => {
        const fresh = shown().slice(seen);
        const at = typeof question === 'string' ? fresh.indexOf(question) : fresh.search(question);
        // A question ends with a colon and a blank; what follows it is ours.
        if (at >= 0 && /: $/.test(fresh.slice(at))) {
          seen = shown().length;
          look = () => {};
          child.stdin.write(key);
          resolve();
        } else if (over || child.exitCode !== null) reject(new Error(`ended before asking ${question}:\n${shown()}`));
      };
      look();
    });
  return {answer: (question, keys) => press(question, `${keys}\r`), press, screen: shown, raw: () => raw, ended};
}
