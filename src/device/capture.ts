// Captures: raw registers of a device in a file, and a file as registers to be served.

import {readFileSync} from 'node:fs';
import {AppError} from '../core/errors.ts';
import {EXCEPTION} from '../core/modbus.ts';
import type {RegisterSource} from '../link/server.ts';

export type Block = {
  readonly unit: number;
  readonly fc: 3 | 4;
  readonly start: number;
  readonly registers: readonly (number | null)[];
  readonly at_ms?: number;
};
export type Capture = {
  readonly format: 'wattledger-capture/1';
  readonly device: string;
  readonly source?: string;
  readonly taken_at?: string;
  readonly note?: string;
  readonly blocks: readonly Block[];
  readonly expected?: Readonly<Record<string, unknown>>;
};

/** A capture from a file. Throws AppError CAPTURE_INVALID with what is wrong. */
export function readCapture(fileName: string): Capture {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(fileName, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new AppError('CAPTURE_INVALID', fileName, missing ? 'no such file' : `not JSON: ${(error as Error).message}`, {cause: error});
  }
  return checkCapture(parsed, fileName);
}

export function checkCapture(value: unknown, fileName: string): Capture {
  const fail = (what: string): never => {
    throw new AppError('CAPTURE_INVALID', fileName, what);
  };
  const capture = value as Partial<Capture> | null;
  if (typeof capture !== 'object' || capture === null || capture.format !== 'wattledger-capture/1')
    return fail('expected "format": "wattledger-capture/1"');
  if (!Array.isArray(capture.blocks) || capture.blocks.length === 0) return fail('expected "blocks", a list of register blocks');
  for (const [index, one] of (capture.blocks as readonly unknown[]).entries()) {
    const where = `blocks[${index}]`;
    if (typeof one !== 'object' || one === null) return fail(`${where}: expected a block of registers`);
    const block = one as Partial<Block>;
    if (!isWord(block.unit) || block.unit > 255) fail(`${where}.unit: expected a unit id`);
    if (block.fc !== 3 && block.fc !== 4) fail(`${where}.fc: expected 3 or 4`);
    if (!isWord(block.start)) fail(`${where}.start: expected an address from 0 to 65535`);
    if (!Array.isArray(block.registers)) return fail(`${where}.registers: expected a list`);
    for (const [at, word] of (block.registers as readonly unknown[]).entries())
      if (word !== null && !isWord(word)) fail(`${where}.registers[${at}]: expected a number from 0 to 65535, or null`);
    if ((block.start as number) + block.registers.length > 0x10000) fail(`${where}: ends beyond address 65535`);
    if (block.at_ms !== undefined && !(typeof block.at_ms === 'number' && block.at_ms >= 0)) fail(`${where}.at_ms: expected milliseconds`);
  }
  // It is shown on terminals, and a capture comes from anybody.
  return {...capture, device: String(capture.device ?? fileName).replace(/\p{Cc}+/gu, ' ')} as Capture;
}

const isWord = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff;

/** The capture's units as register sources. `elapsedMs` only rises, and drives blocks with `at_ms`: the newest one whose moment has come holds. */
export function bankOf(capture: Capture, elapsedMs: () => number): ReadonlyMap<number, RegisterSource> {
  const units = new Map<number, Block[]>();
  for (const block of capture.blocks) units.set(block.unit, [...(units.get(block.unit) ?? []), block]);
  const sources = new Map<number, RegisterSource>();
  for (const [unit, blocks] of units) {
    const words = new Map<number, number>();
    const put = (block: Block): void =>
      block.registers.forEach((word, i) => {
        if (word !== null) words.set(block.fc * 0x10000 + block.start + i, word);
      });
    for (const block of blocks) if (block.at_ms === undefined) put(block);
    const moving = blocks.filter(block => block.at_ms !== undefined).sort((a, b) => (a.at_ms ?? 0) - (b.at_ms ?? 0));
    sources.set(unit, {
      read(fc, at, count) {
        // The first moment of a series holds before it, too.
        const nowMs = Math.max(elapsedMs(), moving[0]?.at_ms ?? 0);
        while (moving[0] && (moving[0].at_ms ?? 0) <= nowMs) put(moving.shift() as Block);
        const result: number[] = [];
        for (let i = 0; i < count; i++) {
          const word = words.get(fc * 0x10000 + at + i);
          if (word === undefined) return {exception: EXCEPTION.illegalAddress};
          result.push(word);
        }
        return result;
      },
    });
  }
  return sources;
}
