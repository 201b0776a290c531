// A block of text on a terminal that is drawn over itself, and leaves the terminal as it found it.

import type {WriteStream} from 'node:tty';

type Painter = {
  /** Shortest time between two drawings, ms. */
  readonly everyMs: number;
  style(): {readonly columns: number; readonly colour: boolean};
  draw(lines: readonly string[]): void;
  /** Shows the cursor again; the last block stays. */
  close(): void;
};

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_TO_END = '\x1b[0J';
const CLEAR_LINE = '\x1b[K';
const FALLBACK_COLUMNS = 80;
const FALLBACK_ROWS = 24;

/** A terminal that calls itself dumb shows escapes as rubbish: it gets lines. */
export const canPaint = (): boolean => process.env['TERM'] !== 'dumb';

/** NO_COLOR is honoured (no-color.org). */
export function openPainter(terminal: WriteStream): Painter {
  let drawn = 0;
  const show = (): void => void terminal.write(SHOW_CURSOR);
  terminal.write(HIDE_CURSOR);
  process.once('exit', show);
  // After a resize the old block's lines may have wrapped; begin on a clean screen.
  const onResize = (): void => {
    terminal.write('\x1b[2J\x1b[H');
    drawn = 0;
  };
  terminal.on('resize', onResize);
  return {
    everyMs: 250,
    style: () => ({columns: terminal.columns || FALLBACK_COLUMNS, colour: !process.env['NO_COLOR'] && canPaint()}),
    draw(lines) {
      const rows = lines.slice(0, Math.max(1, (terminal.rows || FALLBACK_ROWS) - 1));
      terminal.write(`${drawn > 0 ? `\x1b[${drawn}A\r` : ''}${rows.map(line => line + CLEAR_LINE).join('\n')}\n${CLEAR_TO_END}`);
      drawn = rows.length;
    },
    close() {
      terminal.off('resize', onResize);
      process.off('exit', show);
      show();
    },
  };
}
