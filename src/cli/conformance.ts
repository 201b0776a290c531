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

/**
 * The order of ids in an object counts, and the language moves those that look like numbers to its front: while they are worked on, texts of
 * digits wear a mark of the range for private use.
 */
const MARK = '\u{E000}';
const parse = (json: string): unknown => JSON.parse(json.replaceAll(/(?<=[[{,:]\s*)"(?=\d+")/g, `"${MARK}`)) as unknown;

const print = (line: string): void => void process.stdout.write(`${line.replaceAll(MARK, '')}\n`);

/** What nests too deep to be written is no result, and no id. */
function lineOf(id: unknown, resultOf: () => unknown): string {
  try {
    return text({id, result: resultOf()});
  } catch (error) {
    const why = (error as Error).message;
    try {
      return text({id, error: why});
    } catch {
      return text({id: null, error: why});
    }
  }
}

type Case = {readonly id?: unknown; readonly kind?: unknown; readonly input?: unknown; readonly cases?: unknown};

function answer(one: unknown): void {
  const {id = null, kind, input} = (typeof one === 'object' && one !== null ? one : {}) as Case;
  print(lineOf(id, () => conform(kind, input)));
}

/** One case, a list of them, or a document that has a list under `cases`. */
function answerAll(whole: unknown): void {
  const {kind, cases = null} = (Array.isArray(whole) ? {cases: whole} : (whole ?? {})) as Case;
  if (Array.isArray(cases) && kind === undefined) for (const one of cases as unknown[]) answer(one);
  else answer(whole);
}

/** One line on its own. What is no JSON keeps its id where one can still be read. */
function answerLine(line: string): void {
  let one: unknown;
  try {
    one = parse(line);
  } catch (error) {
    const id = /"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)/.exec(line)?.[1];
    print(text({id: id === undefined ? null : (parsed(id) ?? null), error: `not JSON: ${(error as Error).message}`}));
    return;
  }
  answerAll(one);
}

/** The value of a JSON text, or undefined where it is none. */
function parsed(json: string): unknown {
  try {
    return parse(json);
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
  // Files that were put together each bring their own byte order mark.
  const line = raw.replace(/^\uFEFF/, '');
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
