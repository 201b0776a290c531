// Devices and gateways that refuse, choke or say nothing: what is there is read in the same sweep, and what was found out is kept.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import type {Span} from '../../src/core/planner.ts';
import type {Limits} from '../../src/core/profile.ts';
import {createLearned} from '../../src/device/learned.ts';
import {timingOf} from '../../src/device/plan.ts';
import {readSpans, type Sweep} from '../../src/device/words.ts';
import {mbap} from '../../src/link/framing.ts';
import {createLineTransport} from '../../src/link/line.ts';
import type {Link} from '../../src/link/link.ts';
import {createQueue} from '../../src/link/queue.ts';
import {type ServedAnswer, startModbusServer} from '../../src/link/server.ts';
import type {Transport} from '../../src/link/transport.ts';
import {streamWire} from '../../src/link/wire.ts';
import {afterTest} from '../support/after.ts';

const never = new AbortController().signal;
const LIMITS: Limits = {maxRegisters: 125, maxGap: 16, barriers: [], forbidden: [], single: [], atomic: []};
const HOUR_MS = 3_600_000;
const values = (at: number, words: number): number[] => Array.from({length: words}, (_, index) => (at + index) & 0xffff);
/** Twenty values of two registers each, side by side. */
const TWENTY: readonly Span[] = Array.from({length: 20}, (_, index) => ({fc: 3, at: 100 + 2 * index, words: 2}));

/** A server that answers has all the time in the world; only what it will be silent about is not waited for. */
const ANSWERS_MS = 60_000;
const SILENCE_MS = 20;

async function unit(answer: (at: number, words: number) => ServedAnswer | 'right', spans = TWENTY) {
  const sent: [number, number][] = [];
  let next: ServedAnswer | 'right' = 'silent';
  const source = {
    read: (_fc: number, at: number, words: number): ServedAnswer => (next === 'right' ? values(at, words) : next),
  };
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[1, source]])});
  afterTest(() => server.close());
  const url = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
  const wire = createLineTransport(streamWire('127.0.0.1', server.port), mbap(), {silenceMs: 0, afterTrouble: 'replace'});
  // One exchange at a time: what the server will say is settled before it is asked.
  const transport: Transport = {
    get connected() {
      return wire.connected;
    },
    exchange(toUnit, request, _timeoutMs, connectDelayMs, signal) {
      sent.push([request.at, request.words]);
      next = answer(request.at, request.words);
      return wire.exchange(toUnit, request, next === 'silent' ? SILENCE_MS : ANSWERS_MS, connectDelayMs, signal);
    },
    suspicion: () => wire.suspicion(),
    close: () => wire.close(),
  };
  const link = createQueue(transport, {name: 'test', url: url.text, clock: realClock});
  afterTest(() => link.close());
  const learned = createLearned();
  const timing = {connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: ANSWERS_MS};
  const sweep = async (monoMs = 0): Promise<{got: Sweep; sent: [number, number][]}> => {
    sent.length = 0;
    const got = await readSpans(spans, {link, unit: 1, limits: LIMITS, timing, bus: timingOf(url), learned, monoMs}, never);
    return {got, sent: [...sent]};
  };
  return {sweep};
}
/** Spans whose words are all there; every word is its address. */
function read(got: Sweep, spans = TWENTY): number[] {
  return spans
    .filter(({fc, at, words}) => values(at, words).every(address => got.word(fc, address)?.value === address))
    .map(span => span.at);
}
const touches = (at: number, words: number, from: number, to = from): boolean => at <= to && at + words > from;

test.each([
  ['refuses one address', (at: number, words: number) => (touches(at, words, 113) ? {exception: 2} : 'right')],
  ['calls one address a bad value', (at: number, words: number) => (touches(at, words, 113) ? {exception: 3} : 'right')],
  ['says nothing for one address', (at: number, words: number) => (touches(at, words, 113) ? 'silent' : 'right')],
] as const)('a device that %s: all others in the same sweep, and from then on around it', async (_name, answer) => {
  const {sweep} = await unit(answer as (at: number, words: number) => ServedAnswer | 'right');
  const {got} = await sweep();
  expect(read(got)).toEqual(TWENTY.map(span => span.at).filter(at => at !== 112));
  expect(got.fault(3, 113)?.kind).toMatch(/refused|timeout/);
  const second = await sweep(1000);
  expect(read(second.got)).toHaveLength(19);
  // Two blocks, one on each side.
  expect(second.sent).toEqual([
    [100, 12],
    [114, 26],
  ]);
  // After an hour it is tried again.
  const later = await sweep(HOUR_MS + 1000);
  expect(later.sent[0]).toEqual([100, 40]);
});

test.each([
  ['exception 3', {exception: 3}],
  ['exception 11', {exception: 11}],
  ['silence', 'silent'],
] as const)('a gateway that answers more than ten registers with %s: shorter blocks at once, and remembered', async (_name, tooMany) => {
  const {sweep} = await unit((_at, words) => (words > 10 ? tooMany : 'right'));
  const {got} = await sweep();
  expect(read(got)).toHaveLength(20);
  const second = await sweep(1000);
  expect(read(second.got)).toHaveLength(20);
  expect(second.sent.every(([, words]) => words <= 10)).toBe(true);
  expect(second.sent.length).toBeLessThanOrEqual(5);
});

test('a gap that may not be read over: two blocks, and remembered', async () => {
  const spans: Span[] = [
    {fc: 3, at: 10, words: 2},
    {fc: 3, at: 20, words: 2},
  ];
  const {sweep} = await unit((at, words) => (touches(at, words, 15) ? {exception: 2} : 'right'), spans);
  expect(read((await sweep()).got, spans)).toEqual([10, 20]);
  expect((await sweep(1000)).sent).toEqual([
    [10, 2],
    [20, 2],
  ]);
});

test('a value and its scale factor that a gateway cannot bring at once come one by one', async () => {
  const parts: Span[] = [
    {fc: 3, at: 10, words: 1},
    {fc: 3, at: 60, words: 1},
  ];
  const joined: Span = {fc: 3, at: 10, words: 51, parts};
  const {sweep} = await unit((_at, words) => (words > 20 ? {exception: 11} : 'right'), [joined]);
  expect(read((await sweep()).got, parts)).toEqual([10, 60]);
});

test.each([
  ['busy', {exception: 6}],
  ['failing', {exception: 4}],
  ['no path', {exception: 10}],
] as const)('a device that is %s for a while is not taken apart, and forgets nothing', async (_name, storm) => {
  let over = false;
  const {sweep} = await unit(() => (over ? 'right' : storm));
  const during = await sweep();
  expect(read(during.got)).toEqual([]);
  // The one block, and the queue's own patience with it.
  expect(new Set(during.sent.map(String)).size).toBe(1);
  expect(during.sent.length).toBeLessThanOrEqual(4);
  over = true;
  expect(await sweep(1000)).toMatchObject({sent: [[100, 40]]});
});

test('one that dies in the middle costs two questions, not one a block', async () => {
  const spans: Span[] = Array.from({length: 8}, (_, index) => ({fc: 3, at: 1000 * index, words: 2}));
  let alive = 2;
  const {sweep} = await unit(() => (alive-- > 0 ? 'right' : 'silent'), spans);
  const {got, sent} = await sweep();
  expect(read(got, spans)).toEqual([0, 1000]);
  expect(sent).toHaveLength(4);
  expect(got.fault(3, 7000)).toMatchObject({kind: 'timeout'});
});

test('an answer lost once is asked for again', async () => {
  let lost = 1;
  const {sweep} = await unit((_at, words) => (words > 1 && lost-- > 0 ? 'silent' : 'right'));
  const first = await sweep();
  expect(read(first.got)).toHaveLength(20);
  expect((await sweep(1000)).sent).toEqual([[100, 40]]);
});

test('any map on any device: what can be read is read, never wrong, and soon without a refusal', async () => {
  const spans = fc.array(fc.tuple(fc.integer({min: 0, max: 20}), fc.constantFrom(1, 2, 4)), {minLength: 1, maxLength: 40}).map(list => {
    let at = 0;
    return list.map(([gap, words]): Span => {
      const span: Span = {fc: 3, at: at + gap, words};
      at = span.at + words;
      return span;
    });
  });
  const law = fc.asyncProperty(
    spans,
    fc.array(fc.nat(300), {maxLength: 6}),
    fc.integer({min: 4, max: 125}),
    fc.constantFrom(3, 0x0b),
    async (wanted, holes, most, tooMany) => {
      let refusals = 0;
      // A device with holes, behind a gateway that brings so many registers and no more.
      const link: Pick<Link, 'read'> = {
        async read(_unit, {at, words: count}) {
          const exception = count > most ? tooMany : holes.some(hole => touches(at, count, hole)) ? 2 : null;
          if (exception !== null) refusals++;
          return exception === null
            ? {kind: 'words', words: values(at, count), monoMs: 0, tookMs: 1}
            : {kind: 'fault', fault: {kind: 'refused', exception}, monoMs: 0, tookMs: 1};
        },
      };
      const learned = createLearned();
      const bus = {kind: 'tcp', turnaroundMs: 10} as const;
      const timing = {connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: 1000};
      const there = wanted.filter(({at, words: count}) => !holes.some(hole => touches(at, count, hole)));
      let quiet = false;
      for (let sweep = 0; sweep < 12 && !quiet; sweep++) {
        const before = refusals;
        const got = await readSpans(wanted, {link: link as Link, unit: 1, limits: LIMITS, timing, bus, learned, monoMs: sweep}, never);
        expect(read(got, wanted)).toEqual(there.map(span => span.at));
        quiet = refusals === before;
      }
      expect(quiet).toBe(true);
    },
  );
  await fc.assert(law, {numRuns: 300});
});

test('what is learned or forgotten changes the next plan, however often the one before was used', () => {
  const learned = createLearned();
  const bus = {kind: 'tcp', turnaroundMs: 10} as const;
  const ask = (): string => {
    const plan = learned.plan(TWENTY, LIMITS, bus);
    expect(learned.plan(TWENTY, LIMITS, bus)).toEqual(plan);
    return plan.map(({at, words}) => `${at}+${words}`).join(' ');
  };
  const fresh = ask();
  const middle = TWENTY[10] as Span;
  learned.refuse(middle, {kind: 'refused', exception: 2});
  const around = ask();
  expect(learned.plan(TWENTY, LIMITS, bus).some(({at, words}) => touches(at, words, middle.at))).toBe(false);
  const undo = learned.shorten(4);
  expect(learned.plan(TWENTY, LIMITS, bus).every(({words}) => words <= 4)).toBe(true);
  undo();
  expect(ask()).toBe(around);
  learned.forget();
  expect(ask()).toBe(fresh);
  learned.split(3, middle.at);
  expect(learned.plan(TWENTY, LIMITS, bus).some(({at, words}) => at < middle.at && at + words > middle.at)).toBe(false);
  // Other limits, or a bus of another speed, have plans of their own.
  expect(learned.plan(TWENTY, {...LIMITS, maxRegisters: 2}, bus).every(({words}) => words <= 2)).toBe(true);
  const expectedMs = learned.plan(TWENTY, LIMITS, bus)[0]?.ms;
  for (let i = 0; i < 30; i++) learned.measured(0.1, 1, bus);
  expect(learned.plan(TWENTY, LIMITS, bus)[0]?.ms).toBeLessThan(expectedMs as number);
});
