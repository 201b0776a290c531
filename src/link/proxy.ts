// A link offered to other programs as a Modbus TCP server that only reads: for devices and buses that admit one client.

import type {Fault} from '../core/reading.ts';
import {type ModbusServer, type RegisterSource, type ServedAnswer, startModbusServer} from './server.ts';
import type {Shared} from './shared.ts';

export type ProxySettings = {
  readonly host: string;
  readonly port: number /** Answers this young are given without asking the device, ms. */;
  readonly cacheMs: number;
};
export type LinkProxy = {
  readonly port: number;
  /** Requests by client address: all, and those that needed no time on the bus. */
  clients(): Readonly<Record<string, {readonly requests: number; readonly fromMemory: number}>>;
  close(): Promise<void>;
};

const never = new AbortController().signal;
const GATEWAY_PATH = 0x0a;
const TARGET_SILENT = 0x0b;
const DEVICE_FAILURE = 4;

/** Listens. Throws AppError PORT_TAKEN or PORT_FORBIDDEN. Guests wait behind our own polls; one request of each is under way at a time. */
export async function startProxy(shared: Shared, {host, port, cacheMs}: ProxySettings): Promise<LinkProxy> {
  const clients: Record<string, {requests: number; fromMemory: number}> = {};
  const sourceOf = (unit: number): RegisterSource => ({
    async read(fc, at, words, client = 'unknown'): Promise<ServedAnswer> {
      const counted = clients[client] ?? {requests: 0, fromMemory: 0};
      clients[client] = counted;
      counted.requests++;
      const remembered = shared.recall(unit, fc, at, words, cacheMs);
      if (remembered) {
        counted.fromMemory++;
        return remembered;
      }
      const answer = await shared.link.read(unit, {fc, at, words}, never, {priority: 'guest'});
      return answer.kind === 'words' ? answer.words : {exception: exceptionOf(answer.fault)};
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
      return TARGET_SILENT;
    case 'disconnected':
      return GATEWAY_PATH;
    default:
      return DEVICE_FAILURE;
  }
}
