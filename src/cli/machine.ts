// What a Raspberry Pi tells of itself: under-voltage and throttling, the SD card's wear, serial adapters. Files of the kernel only; nothing is run.

import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import path from 'node:path';
import type {Finding} from '../core/checks.ts';

/** `root` stands in front of every path, so that another machine's files can be looked at. */
type Machine = {readonly lines: readonly string[]; readonly findings: readonly Finding[]};

/** Bits of the firmware's `get_throttled`. Source: Raspberry Pi documentation, "vcgencmd", get_throttled. */
const THROTTLED: readonly (readonly [bit: number, what: string])[] = [
  [0, 'under-voltage now'],
  [1, 'the processor is slowed down now'],
  [2, 'throttled now'],
  [3, 'too warm now'],
  [16, 'under-voltage since the start'],
  [17, 'the processor was slowed down since the start'],
  [18, 'throttled since the start'],
  [19, 'too warm since the start'],
];

export function readMachine(root = '/'): Machine {
  const lines: string[] = [];
  const findings: Finding[] = [];
  const text = (...parts: string[]): string | null => {
    try {
      return readFileSync(path.join(root, ...parts), 'utf8').trim();
    } catch {
      return null;
    }
  };
  const names = (...parts: string[]): string[] => {
    try {
      return readdirSync(path.join(root, ...parts)).sort();
    } catch {
      return [];
    }
  };

  const model = text('proc/device-tree/model')?.replaceAll('\0', '');
  if (model) lines.push(model);
  const warm = Number(text('sys/class/thermal/thermal_zone0/temp') ?? Number.NaN) / 1000;
  if (Number.isFinite(warm)) lines.push(`processor at ${warm.toFixed(0)} °C`);
  const flags = Number.parseInt(text('sys/devices/platform/soc/soc:firmware/get_throttled') ?? '', 16);
  if (Number.isFinite(flags)) {
    const told = THROTTLED.filter(([bit]) => (flags & (1 << bit)) !== 0).map(([, what]) => what);
    lines.push(`power and heat: ${told.length === 0 ? 'all is well' : told.join(', ')}`);
    if (told.some(what => what.startsWith('under-voltage')))
      findings.push({
        where: 'machine',
        what: told.join(', '),
        todo: 'use the power supply made for this Pi, with its own cable: SD cards die of this',
      });
    else if (told.length > 0) findings.push({where: 'machine', what: told.join(', '), todo: 'give it air, or a heat sink'});
  }

  for (const block of names('sys/block').filter(name => name.startsWith('mmcblk') && !name.includes('boot'))) {
    const device = ['sys/block', block, 'device'] as const;
    const made = [text(...device, 'name'), text(...device, 'date')].filter(Boolean).join(', made ');
    const gigabytes = (Number(text('sys/block', block, 'size') ?? 0) * 512) / 1e9;
    const life =
      text(...device, 'life_time')
        ?.split(/\s+/)
        .map(word => Number.parseInt(word, 16)) ?? [];
    // eMMC tells its wear in tenths; most SD cards tell nothing. Source: JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST.
    const worst = Math.max(0, ...life.filter(Number.isFinite));
    lines.push(
      `${block}: ${made || 'card'}, ${gigabytes.toFixed(0)} GB, ${worst > 0 ? `${Math.min(100, worst * 10)} % of its life used at most` : 'tells nothing of its wear'}`,
    );
    if (worst >= 9)
      findings.push({
        where: block,
        what: 'the memory has used up 80 % of its life or more',
        todo: '`wattledger backup` to another disk, and replace it',
      });
  }

  const adapters = names('dev/serial/by-id');
  for (const name of adapters) {
    let target = '';
    try {
      target = readlinkSync(path.join(root, 'dev/serial/by-id', name));
    } catch {
      // A file without a link behind it names itself.
    }
    lines.push(`serial: /dev/serial/by-id/${name}${target === '' ? '' : ` (${path.basename(target)})`}`);
  }
  if (adapters.length === 0) lines.push('serial: no adapter under /dev/serial/by-id');
  return {lines, findings};
}
