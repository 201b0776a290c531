// Runs conformance cases through the production code: JSON lines in, JSON lines out. A line that cannot be done says why, and the run goes on.

import {createInterface} from 'node:readline';
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

function answer(one: unknown): void {
  const {id = null, kind, input} = (typeof one === 'object' && one !== null ? one : {}) as {id?: unknown; kind?: unknown; input?: unknown};
  let result: unknown;
  try {
    result = {id, result: conform(kind, input)};
  } catch (error) {
    result = {id, error: (error as Error).message};
  }
  process.stdout.write(`${text(result)}\n`);
}

/** A whole document with `cases` may come instead of lines; it is longer than any line of a case. */
let pending = '';
for await (const line of createInterface({input: process.stdin, crlfDelay: Infinity})) {
  if (line.trim() === '' && pending === '') continue;
  try {
    answer(JSON.parse(line));
    continue;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (pending !== '' || line.trim() === '{') pending += `${line}\n`;
  else process.stdout.write(`${JSON.stringify({id: null, error: 'not JSON'})}\n`);
}
if (pending !== '') {
  try {
    const document = JSON.parse(pending) as {cases?: unknown[]};
    for (const one of document.cases ?? [document]) answer(one);
  } catch {
    process.stdout.write(`${JSON.stringify({id: null, error: 'not JSON'})}\n`);
  }
}
