// One batch into the tables: readings, quarter hours, events and what the flow knows, all of it or nothing.

import {type Said, say} from '../core/sentences/say.ts';
import type {BatchData} from './batch.ts';
import {codeOf, type Db} from './connect.ts';
import type {Ledger} from './ledger.ts';
import {setMeta, setUncounted, uncounted} from './meta.ts';
import {deleteOutbox, enqueueSlot} from './outbox.ts';
import type {Raw} from './raw.ts';
import {wholeRecord} from './record.ts';

export type Session = {readonly db: Db; readonly raw: Raw; readonly ledger: Ledger};

/**
 * `refused` is told of a part that a table does not take: the rest is stored all the same, for one bad reading must not hold back all the
 * others for ever. Throws what SQLite throws where the disk or the file is in trouble; then nothing is stored.
 */
export function storeBatch(session: Session, data: BatchData, history: boolean, refused: (what: Said) => void): void {
  try {
    attempt(session, data, history, null);
  } catch (error) {
    if (isDiskTrouble(error)) throw error;
    attempt(session, data, history, refused);
  }
}

function attempt(session: Session, data: BatchData, history: boolean, refused: ((what: Said) => void) | null): void {
  const {db, raw, ledger} = session;
  try {
    db.transaction(() => write(session, data, history, refused)).immediate();
  } catch (error) {
    raw.forget();
    ledger.forget();
    throw error;
  }
}

function write({db, raw, ledger}: Session, data: BatchData, history: boolean, refused: ((what: Said) => void) | null): void {
  const part = (what: Said, work: () => void): void => {
    try {
      if (refused) db.transaction(work)();
      else work();
    } catch (error) {
      if (!refused || isDiskTrouble(error)) throw error;
      raw.forget();
      ledger.forget();
      refused(say('{what} could not be stored: {trouble}', {what, trouble: (error as Error).message}));
    }
  };
  for (const rows of data.raw) part(say('readings of {device}', {device: rows.device}), () => raw.put(rows));
  for (const text of data.texts) part(say('a text of {device}', {device: text.device}), () => raw.putText(text));
  for (const {record, atMs} of data.slots) {
    part(say('a slot'), () => {
      const whole = wholeRecord(db, record);
      ledger.put(whole);
      if (history) enqueueSlot(db, whole, atMs);
    });
  }
  const event = db.prepare('INSERT INTO wl_event (at_ms, kind, about, detail, evidence) VALUES (?, ?, ?, ?, ?)');
  for (const {atMs, kind, about, detail, evidence} of data.events)
    part(say('an event'), () => void event.run(atMs, kind, about, detail, evidence ? JSON.stringify(evidence) : null));
  deleteOutbox(db, data.outboxDone);
  if (data.flowState !== null) setMeta(db, 'flow_state', data.flowState);
  const {countedSeq} = data;
  if (countedSeq !== null) {
    const left = uncounted(db).filter(({seq}) => seq > countedSeq);
    setUncounted(db, left);
  }
  if (data.energy !== null) setMeta(db, 'energy', JSON.stringify(data.energy));
  if (data.wallMs !== null) setMeta(db, 'last_wall_ms', String(Math.round(data.wallMs)));
}

/** The disk or the file, as opposed to one piece of data that a table refuses. */
const isDiskTrouble = (error: unknown): boolean => /^SQLITE_(?!CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(codeOf(error));
