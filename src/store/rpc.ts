// Questions and answers between threads: one request, one reply, errors that a person can act on survive the trip.

import {Worker} from 'node:worker_threads';
import {AppError, type ErrorCode} from '../core/errors.ts';

/** Method of the last message to a thread. */
const END = '@end';

type Request = {readonly id: number; readonly method: string; readonly args: readonly unknown[]};
type Reply =
  | {readonly id: number; readonly value: unknown}
  | {readonly id: number; readonly error: {readonly code: string; readonly where: string; readonly what: string}}
  | {readonly id: null; readonly notice: unknown};

export type Peer = {
  call(method: string, ...args: unknown[]): Promise<unknown>;
  /**
   * Asks the thread to close its file and to leave, and waits until it has. Calls still open are rejected. Never by force: inside a statement
   * of the database, or while it still loads, that can take the whole process with it; who cannot wait ends the process.
   */
  leave(): Promise<void>;
  readonly alive: boolean;
};

/** A thread of thread.ts (thread.js once built). `onNotice` takes what it says unasked. */
export function startThread(role: string, settings: unknown, onNotice: (notice: unknown) => void): Peer {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), {workerData: {role, settings}, name: `store-${role}`});
  const open = new Map<number, {resolve(value: unknown): void; reject(error: unknown): void}>();
  let nextId = 1;
  let alive = true;
  const end = (reason: unknown): void => {
    alive = false;
    for (const call of open.values()) call.reject(reason);
    open.clear();
  };
  worker.on('message', (reply: Reply) => {
    if (reply.id === null) return onNotice(reply.notice);
    const call = open.get(reply.id);
    open.delete(reply.id);
    if (open.size === 0 && alive) worker.unref();
    if ('error' in reply) call?.reject(new AppError(reply.error.code as ErrorCode, reply.error.where, reply.error.what));
    else call?.resolve(reply.value);
  });
  worker.on('error', error =>
    end(
      new AppError('STORE_UNUSABLE', `the ${role} of the database`, error instanceof Error ? error.message : String(error), {cause: error}),
    ),
  );
  const left = new Promise<void>(resolve =>
    worker.on('exit', () => {
      end(new AppError('STORE_UNUSABLE', `the ${role} of the database`, 'has ended'));
      resolve();
    }),
  );
  worker.unref();
  return {
    call(method, ...args) {
      if (!alive) return Promise.reject(new AppError('STORE_UNUSABLE', `the ${role} of the database`, 'has ended'));
      const id = nextId++;
      worker.ref();
      return new Promise((resolve, reject) => {
        open.set(id, {resolve, reject});
        worker.postMessage({id, method, args} satisfies Request);
      });
    },
    leave() {
      if (alive) worker.postMessage({id: 0, method: END, args: []} satisfies Request);
      alive = false;
      // A thread that nobody waits for may be cut off with the process.
      worker.ref();
      return left;
    },
    get alive() {
      return alive;
    },
  };
}

type Port = {on(event: 'message', listener: (request: Request) => void): unknown; postMessage(reply: Reply): void; close(): void};

/** The other side: answers each request with the method of that name. `onEnd` closes what is open; then the thread ends. */
export function answer(port: Port, methods: Readonly<Record<string, (...args: never[]) => unknown>>, onEnd: () => void): void {
  port.on('message', async ({id, method, args}) => {
    if (method === END) {
      try {
        onEnd();
      } finally {
        port.close();
      }
      return;
    }
    try {
      const work = methods[method] as ((...args: unknown[]) => unknown) | undefined;
      if (!work) throw new Error(`no method ${method}`);
      port.postMessage({id, value: await work(...args)});
    } catch (error) {
      const known =
        error instanceof AppError ? error : new AppError('FAILED', method, error instanceof Error ? error.message : String(error));
      port.postMessage({id, error: {code: known.code, where: known.where, what: known.what}});
    }
  });
}
