// `wattledger simulate`: captures of real devices, served as Modbus devices.

import {AppError} from '../core/errors.ts';
import {parseLinkUrl} from '../core/linkurl.ts';
import {bankOf, type Capture, readCapture} from '../device/capture.ts';
import {startSerialServer} from '../link/line-server.ts';
import {type RegisterSource, startModbusServer} from '../link/server.ts';
import {type Command, textOption} from './command.ts';

export const command: Command = {
  name: 'simulate',
  summary: 'serves captures as Modbus devices',
  usage: 'FILE… [--listen HOST:PORT | --serial PATH]',
  options: {listen: {type: 'string'}, serial: {type: 'string'}},
  allowPositionals: true,
  help: `  FILE                a capture, as \`wattledger capture\` writes it; several may be given
  --listen HOST:PORT  where to listen (default 127.0.0.1:5020; port 0 takes a free one). Captures with the same unit id
                      get the following ports, one each
  --serial PATH       a serial port instead, such as /dev/ttyUSB0 or /dev/ttyUSB0?baud=19200&parity=even (default 9600 baud)

An address that a capture does not hold is refused with exception 2. Blocks of the same range with \`at_ms\` play one after the other.
Runs until Ctrl-C.`,

  async run(context) {
    if (textOption(context, 'listen') !== undefined && textOption(context, 'serial') !== undefined)
      throw new AppError('USAGE', 'wattledger simulate', 'expected one of --listen and --serial');
    if (context.positionals.length === 0) throw new AppError('USAGE', 'wattledger simulate', 'expected at least one capture file');
    const listen = /^(.*):(\d{1,5})$/.exec(textOption(context, 'listen') ?? '127.0.0.1:5020');
    if (!listen || Number(listen[2]) > 65_535) throw new AppError('USAGE', '--listen', 'expected HOST:PORT');
    const [, host = '127.0.0.1', portText = '5020'] = listen;
    const captures = context.positionals.map(readCapture);
    const groups = grouped(captures);
    if (Number(portText) > 0 && Number(portText) + groups.length - 1 > 65_535)
      throw new AppError('USAGE', '--listen', `these captures need ${groups.length} ports from ${portText} on; there is none above 65535`);
    const servers: {close(): Promise<void>}[] = [];
    const started = performance.now();
    const serial = textOption(context, 'serial');
    let gone: Promise<string> = new Promise(() => {});
    try {
      if (serial !== undefined) {
        const url = parseLinkUrl(`rtu://${serial}`, '--serial');
        if (url.kind !== 'rtu' || url.usb !== null) throw new AppError('USAGE', '--serial', 'expected the path of a serial port');
        const units = new Map<number, RegisterSource>();
        for (const capture of captures)
          for (const [unit, bank] of bankOf(capture, () => performance.now() - started)) units.set(unit, bank);
        const server = await startSerialServer(url.path, url.serial, units);
        servers.push(server);
        gone = server.gone;
        context.out(`${url.text}  unit ${[...units.keys()].join(', ')}`);
      }
      for (const [index, group] of (serial === undefined ? groups : []).entries()) {
        const port = Number(portText) === 0 ? 0 : Number(portText) + index;
        const units = new Map<number, RegisterSource>();
        for (const capture of group) for (const [unit, bank] of bankOf(capture, () => performance.now() - started)) units.set(unit, bank);
        const server = await startModbusServer({host: host.replace(/^\[|\]$/g, ''), port, units});
        servers.push(server);
        for (const capture of group)
          context.out(
            `tcp://${host}:${server.port}  unit ${[...new Set(capture.blocks.map(block => block.unit))].join(', ')}  ${capture.device}`,
          );
      }
      context.err('serving until Ctrl-C');
      const stopped = new Promise<null>(resolve => {
        if (context.signal.aborted) resolve(null);
        context.signal.addEventListener('abort', () => resolve(null), {once: true});
      });
      const reason = await Promise.race([stopped, gone]);
      if (reason !== null) throw new AppError('LINK_UNUSABLE', '--serial', reason);
    } finally {
      await Promise.all(servers.map(server => server.close()));
    }
    return 0;
  },
};

/** Captures whose units do not collide share a port. */
function grouped(captures: readonly Capture[]): Capture[][] {
  const groups: Capture[][] = [];
  for (const capture of captures) {
    const units = new Set(capture.blocks.map(block => block.unit));
    const free = groups.find(group => !group.some(other => other.blocks.some(block => units.has(block.unit))));
    if (free) free.push(capture);
    else groups.push([capture]);
  }
  return groups;
}
