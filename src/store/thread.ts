// The threads of the store: one writes, one answers questions, one checks and copies. Each has its own connection.

import {parentPort, workerData} from 'node:worker_threads';
import {copyVerified, findDamage} from './backup.ts';
import type {BatchData} from './batch.ts';
import {openReadOnly} from './connect.ts';
import {openReader, type Reader} from './queries.ts';
import {answer} from './rpc.ts';
import {createWriter, type WriterSettings} from './writer.ts';

const port = parentPort;
if (!port) throw new Error('thread.ts runs as a worker thread only');
const {role, settings} = workerData as {role: 'writer' | 'reader' | 'keeper'; settings: WriterSettings};

if (role === 'writer') serveWriter();
else if (role === 'reader') serveReader();
else serveKeeper();

function serveWriter(): void {
  const writer = createWriter(settings, (event, replaced) => port?.postMessage({id: null, notice: {event, replaced}}));
  let busy = false;
  let closed = false;
  let wallMs = 0;
  /** A piece at a time, so that a commit never waits for more than one of them. */
  const housekeep = (): void => {
    busy = !closed && writer.upkeep(wallMs);
    if (busy) setImmediate(housekeep);
  };
  answer(
    port as NonNullable<typeof port>,
    {
      start(now: number) {
        wallMs = now;
        return writer.start(now);
      },
      commit(data: BatchData) {
        const info = writer.commit(data);
        wallMs = data.wallMs ?? wallMs;
        if (!busy) {
          busy = true;
          setImmediate(housekeep);
        }
        return info;
      },
      ask(name: keyof Reader, args: never[]) {
        const reader = openReader(settings.path, {inside: true});
        try {
          return (reader[name] as (...args: never[]) => unknown)(...args);
        } finally {
          reader.close();
        }
      },
      nextOutbox: (afterId: number, limit: number) => writer.nextOutbox(afterId, limit),
      putPrices: (series: string, rows: Parameters<typeof writer.putPrices>[1]) => writer.putPrices(series, rows),
      keepBills: (bills: Parameters<typeof writer.keepBills>[0], currency: string, now: number) => writer.keepBills(bills, currency, now),
      setAside(why: string, now: number) {
        writer.setAside(why, now);
        if (!busy) {
          busy = true;
          setImmediate(housekeep);
        }
      },
      close() {
        closed = true;
        writer.close();
      },
    },
    () => {
      closed = true;
      writer.close();
    },
  );
}

function serveReader(): void {
  let reader: Reader | null = null;
  answer(
    port as NonNullable<typeof port>,
    {
      ask(name: keyof Reader, args: never[]) {
        reader ??= openReader(settings.path, {inside: true});
        try {
          return (reader[name] as (...args: never[]) => unknown)(...args);
        } catch (error) {
          // The next question opens the file anew; it may have been replaced.
          reader.close();
          reader = null;
          throw error;
        }
      },
    },
    () => reader?.close(),
  );
}

function serveKeeper(): void {
  const onFile = <T>(work: (db: ReturnType<typeof openReadOnly>) => T): T => {
    const db = openReadOnly(settings.path, {inside: true});
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  answer(
    port as NonNullable<typeof port>,
    {
      check: () => onFile(findDamage),
      copy: (file: string) => onFile(db => copyVerified(db, file)),
    },
    () => {},
  );
}
