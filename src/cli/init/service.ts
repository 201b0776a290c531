// What is left to do once the configuration stands: the owner of the files, and the service.

import {spawnSync} from 'node:child_process';
import {chownSync, readFileSync, writeFileSync} from 'node:fs';
import {AppError} from '../../core/errors.ts';
import {type Dialog, yesNo} from './dialog.ts';

const GROUP = 'wattledger';

/** A new file that root and the service's group can read. Throws AppError where it is there, or cannot be. */
export function writePrivate(file: string, text: string): void {
  try {
    writeFileSync(file, text, {flag: 'wx', mode: 0o640});
    const group = serviceGroup();
    if (group !== null && process.getuid?.() === 0) chownSync(file, 0, group);
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException;
    throw code === 'EEXIST'
      ? new AppError('FILE_EXISTS', file, 'is there already', {cause: error})
      : new AppError('FILE_UNWRITABLE', file, message, {cause: error});
  }
}

/** The id of the group the package makes, or null where it is not installed. */
function serviceGroup(): number | null {
  try {
    const id = new RegExp(`^${GROUP}:[^:]*:(\\d+):`, 'm').exec(readFileSync('/etc/group', 'utf8'))?.[1];
    return id === undefined ? null : Number(id);
  } catch {
    return null;
  }
}

const systemctl = (...args: string[]): {readonly good: boolean; readonly text: string} => {
  const {status, stdout, stderr} = spawnSync('systemctl', args, {encoding: 'utf8'});
  return {good: status === 0, text: `${stdout ?? ''}${stderr ?? ''}`.trim()};
};

/** Starts the service where it runs this file and somebody wants it: `start` true or false, or null to ask. True once it runs. */
export async function offerStart(dialog: Dialog, file: string, start: boolean | null): Promise<boolean> {
  const unit = systemctl('cat', 'wattledger.service');
  if (!unit.good || !unit.text.includes(file)) return false;
  const question = yesNo(
    'Start the service now, and at every boot',
    'yes',
    'systemctl enable --now wattledger; the log is in `journalctl -u wattledger`',
  );
  if (!(start ?? (!dialog.silent && (await dialog.ask(question))))) return false;
  for (const args of [
    ['enable', 'wattledger.service'],
    ['restart', 'wattledger.service'],
  ]) {
    const {good, text} = systemctl(...args);
    if (good) continue;
    dialog.say(`  systemctl ${args.join(' ')}: ${text}`);
    return false;
  }
  return true;
}
