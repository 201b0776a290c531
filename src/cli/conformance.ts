// Runs conformance cases through the production code: JSON lines in, JSON lines out. A line that cannot be done says why, and the run goes on.

import {conform} from './conformance-kinds.ts';

/** JSON with BigInt as plain digits: money in pico-currency may pass 2^53. */
function text(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(text).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => `${JSON.stringify(key)}:${text(one)}`)
      .join(',')}}`;
  }
  return JSON.stringify(Object.is(value, -0) ? 0 : value);
}

const print = (answer: unknown): void => void process.stdout.write(`${text(answer)}\n`);

function answer(one: unknown): void {
  const {id = null, kind, input} = (typeof one === 'object' && one !== null ? one : {}) as {id?: unknown; kind?: unknown; input?: unknown};
  let result: unknown;
  try {
    result = {id, result: conform(kind, input)};
  } catch (error) {
    result = {id, error: (error as Error).message};
  }
  print(result);
}

/** One case, a list of them, or a document that has a list under `cases`. */
function answerAll(whole: unknown): void {
  const cases = Array.isArray(whole) ? whole : (whole as {cases?: unknown} | null)?.cases;
  if (Array.isArray(cases)) for (const one of cases as unknown[]) answer(one);
  else answer(whole);
}

/** One line on its own. What is no JSON keeps its id where one can still be read. */
function answerLine(line: string): void {
  let one: unknown;
  try {
    one = JSON.parse(line);
  } catch (error) {
    const id = /"id"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
    print({id: id === undefined ? null : (parsed(id) ?? null), error: `not JSON: ${(error as Error).message}`});
    return;
  }
  answerAll(one);
}

/** The value of a JSON text, or undefined where it is none. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

/** Lines end with a line feed and with nothing else: JSON may hold other separators inside its texts. */
async function* linesOf(input: NodeJS.ReadStream): AsyncGenerator<string> {
  let rest = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    const lines = `${rest}${chunk as string}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

/** A whole document may come instead of lines: then the first line is only its beginning. */
let document: string[] | null = null;
let first = true;
for await (const raw of linesOf(process.stdin)) {
  const line = first ? raw.replace(/^\uFEFF/, '') : raw;
  if (document) document.push(line);
  else if (line.trim() !== '') {
    if (first && /^[[{].*[[{,]$|^[[{]$/.test(line.trim())) document = [line];
    else answerLine(line);
    first = false;
  }
}
if (document) {
  const whole = parsed(document.join('\n'));
  if (whole === undefined) for (const line of document.filter(one => one.trim() !== '')) answerLine(line);
  else answerAll(whole);
}
