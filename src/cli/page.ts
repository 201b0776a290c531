// What a terminal page is drawn with: bars of eighths of a character, colours where there is a terminal, blocks side by side. Pure.

import {stripVTControlCharacters} from 'node:util';
import {COLOURS} from '../demo/screen.ts';

export type PageStyle = {readonly columns: number; readonly colour: boolean};
/** The page of a pipe or a file. */
export const PLAIN: PageStyle = {columns: 80, colour: false};

export type Colour = keyof typeof COLOURS;
export type Paint = (colour: Colour, text: string) => string;
export const paintOf =
  ({colour}: PageStyle): Paint =>
  (name, text) =>
    colour && text.trim() !== '' ? `\x1b[${COLOURS[name]}m${text}\x1b[0m` : text;

const BLOCKS = ' ▏▎▍▌▋▊▉█';

/** A bar of eighths of a character; anything above zero shows. */
export function bar(share: number, width: number): string {
  const eighths = share > 0 ? Math.max(1, Math.round(Math.min(1, share) * width * 8)) : 0;
  return '█'.repeat(Math.floor(eighths / 8)) + (eighths % 8 === 0 ? '' : (BLOCKS[eighths % 8] ?? ''));
}

/** Characters that take a place, without those that only colour. */
export const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;
export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** Two blocks beside each other where `columns` has room for both, else one below the other with an empty line between. */
export function beside(left: readonly string[], right: readonly string[], columns: number): string[] {
  if (left.length === 0 || right.length === 0) return [...left, ...right];
  const half = Math.floor(columns / 2);
  if (Math.max(...left.map(widthOf)) > half - 2 || Math.max(...right.map(widthOf)) > columns - half) return [...left, '', ...right];
  return Array.from({length: Math.max(left.length, right.length)}, (_, row) =>
    right[row] === undefined ? (left[row] ?? '') : padEnd(left[row] ?? '', half) + right[row],
  );
}

/** Energy for people. */
export const kwh = (milliWh: number): string => (milliWh / 1_000_000).toFixed(2);
/** A share for people: `38 %`; below one percent with a decimal, `-` where there is none. */
export const percent = (share: number | null): string =>
  share === null ? '-' : `${(share * 100).toFixed(share > 0 && share < 0.01 ? 1 : 0)} %`;

/** The colour of an origin, a sink or a label by its words. */
export function colourOf(name: string): Colour {
  if (/via|battery|stored/.test(name)) return 'battery';
  if (/solar|wind|generator|btm/.test(name)) return 'solar';
  if (/grid|import|export/.test(name)) return 'grid';
  return /unknown|unexplained|loss|lost/.test(name) ? 'bad' : 'home';
}
