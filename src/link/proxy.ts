// A link offered to other programs as a Modbus TCP server that only reads: for devices and buses that admit one client.

import {EXCEPTION} from '../core/modbus.ts';
import type {Fault} from '../core/reading.ts';
import type {ReadOptions, ReadRequest} from './link.ts';
import {type ModbusServer, type RegisterSource, type ServedAnswer, startModbusServer} from './server.ts';
import type {Shared} from './shared.ts';

type ProxySettings = {
  readonly host: string;
  readonly port: number;
  /** Answers this young are given without asking the device, ms. */
  readonly cacheMs: number;
  /** Pauses and time-outs that the devices behind the link need, the strictest of each. */
  readonly timing: Pick<ReadOptions, 'timeoutMs' | 'minGapMs' | 'unitPauseMs' | 'connectDelayMs'>;
};
/** Requests by client address: all, and those that needed no time on the bus. */
export type ClientCounts = Readonly<Record<string, {readonly requests: number; readonly fromMemory: number}>>;
export type LinkProxy = {
  readonly port: number;
  clients(): ClientCounts;
  close(): Promise<void>;
};

const never = new AbortController().signal;

/** Listens. Throws AppError PORT_TAKEN or PORT_FORBIDDEN. Guests wait behind our own polls, and take turns. */
export async function startProxy(shared: Shared, {host, port, cacheMs, timing}: ProxySettings): Promise<LinkProxy> {
  const clients: Record<string, {requests: number; fromMemory: number}> = {};
  const pending = new Map<string, Promise<ServedAnswer>>();

  async function ask(unit: number, request: ReadRequest, client: string): Promise<ServedAnswer> {
    const answer = await shared.link.read(unit, request, never, {...timing, priority: 'guest', client});
    return answer.kind === 'words' ? answer.words : {exception: exceptionOf(answer.fault)};
  }

  const sourceOf = (unit: number): RegisterSource => ({
    async read(fc, at, words, client = 'unknown'): Promise<ServedAnswer> {
      clients[client] ??= {requests: 0, fromMemory: 0};
      const counted = clients[client];
      counted.requests++;
      const key = `${unit}/${fc}/${at}/${words}`;
      // Who asks for what is just being asked for gets the same answer.
      const known = shared.recall(unit, fc, at, words, cacheMs) ?? pending.get(key);
      if (known) {
        counted.fromMemory++;
        return known;
      }
      const asked = ask(unit, {fc, at, words}, client).finally(() => pending.delete(key));
      pending.set(key, asked);
      return asked;
    },
  });
  // Whatever unit is asked for: the bus knows who is there.
  const units = new (class extends Map<number, RegisterSource> {
    override get(unit: number): RegisterSource {
      return sourceOf(unit);
    }
  })();
  const server: ModbusServer = await startModbusServer({host, port, units});
  return {port: server.port, clients: () => clients, close: () => server.close()};
}

function exceptionOf(fault: Fault): number {
  switch (fault.kind) {
    case 'refused':
      return fault.exception;
    case 'timeout':
      return EXCEPTION.targetSilent;
    case 'disconnected':
      return EXCEPTION.gatewayPath;
    default:
      return EXCEPTION.deviceFailure;
  }
}
