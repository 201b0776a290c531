// A broker inside the demo's process, for those who have none. It is loaded only when it is needed.

import {createServer, type Socket} from 'node:net';
import {AppError} from '../core/errors.ts';

type DemoBroker = {readonly url: string; close(): Promise<void>};

/** Listens on a free port of loopback. Throws AppError where the optional broker is not installed. */
export async function startBroker(): Promise<DemoBroker> {
  const {Aedes} = await import('aedes').catch((error: unknown) => {
    throw new AppError(
      'FAILED',
      'demo',
      'the broker of the demo is not installed; name one with --mqtt mqtt://HOST:1883, or run `npm ci` without --omit=optional',
      {
        cause: error,
      },
    );
  });
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    url: `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    async close() {
      await new Promise<void>(resolve => {
        broker.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => {
        server.close(() => resolve());
      });
    },
  };
}
