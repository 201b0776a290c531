// Readings and events from before the clock was set wait in memory for their date; energy does not wait, its slots have a way of their own.

import type {TickRecord} from '../core/sink.ts';

export type Hold = {
  /** What may be stored now: the record without what has to wait, or what has waited with its date and then the record. */
  pass(record: TickRecord, trusted: boolean): readonly TickRecord[];
  /** What still waits, with the time as it was shown: at the end nobody will know better. */
  rest(): readonly TickRecord[];
};

/** Ten minutes at a beat of a second: a machine that hears of no time server by then has none. What is older is stored as it is. */
const MOST = 600;

export function createHold(most = MOST): Hold {
  let waiting: TickRecord[] = [];
  const only = (record: TickRecord): TickRecord => ({...record, slots: [], flowState: null, energy: null});
  return {
    pass(record, trusted) {
      if (!trusted) {
        waiting.push(only(record));
        const overdue = waiting.length > most ? waiting.splice(0, 1) : [];
        return [...overdue, {...record, readings: [], events: []}];
      }
      const offsetMs = record.tick.wallMs - record.tick.monoMs;
      const dated = waiting.map(one => ({...one, tick: {...one.tick, wallMs: one.tick.monoMs + offsetMs}}));
      waiting = [];
      return [...dated, record];
    },
    rest() {
      const left = waiting;
      waiting = [];
      return left;
    },
  };
}
