// Raw values read again: a point whose scale or sign was wrong in its profile is multiplied back to what the device really said.

import {AppError} from '../core/errors.ts';
import {say} from '../core/sentences/say.ts';
import {utcText} from '../core/time.ts';
import type {Db} from './connect.ts';
import {type Audit, addAudit, recomputeIn, tellOf} from './correction.ts';
import {SLOT_S} from './schema.ts';
import {quoted} from './views.ts';

/** `factor`: what the stored values are multiplied with, such as 0.1 or -1. */
type Rescale = {
  readonly device: string;
  readonly point: string;
  readonly factor: number;
  readonly fromMs: number;
  readonly toMs: number;
};
type Rescaled = {readonly rows: number; readonly quarterHours: number};

/**
 * Multiplies the raw values of one point in [fromMs, toMs), widened to whole quarter hours, and makes its quarter hours and days again.
 * Quarter hours whose raw values are gone stay as they are. One transaction; audited; told as event `rescaled`.
 * Throws AppError USAGE where there is no such point, FAILED where no value is kept, or one would no longer be exact.
 */
export function rescale(db: Db, {device, point, factor, fromMs, toMs}: Rescale, audit: Audit): Rescaled {
  if (!Number.isFinite(factor) || factor === 0) throw new AppError('USAGE', `${device}/${point}`, 'expected a factor other than zero');
  return db
    .transaction(() => {
      const found = db
        .prepare(
          "SELECT d.raw, p.col FROM wl_point p JOIN wl_device d ON d.id = p.device WHERE d.key = ? AND p.name = ? AND p.kind <> 'text'",
        )
        .get(device, point) as {raw: string; col: string} | undefined;
      if (!found) throw new AppError('USAGE', `${device}/${point}`, 'no such point of numbers is stored');
      const [table, col] = [quoted(found.raw), quoted(found.col)];
      const [from, to] = [Math.floor(fromMs / 1000 / SLOT_S) * SLOT_S, Math.ceil(toMs / 1000 / SLOT_S) * SLOT_S];
      const range = `${col} IS NOT NULL AND ts >= ? AND ts < ?`;
      const figures = (): unknown =>
        db.prepare(`SELECT count(*) AS n, min(${col}) AS min, max(${col}) AS max FROM ${table} WHERE ${range}`).get(from, to);
      const before = figures();
      const tooLarge = db.prepare(`SELECT 1 FROM ${table} WHERE ${range} AND abs(${col} * ?) > ?`);
      if (tooLarge.get(from, to, Math.abs(factor), Number.MAX_SAFE_INTEGER))
        throw new AppError('FAILED', `${device}/${point}`, 'a value would become larger than an integer holds exactly');
      const {changes} = db.prepare(`UPDATE ${table} SET ${col} = CAST(round(${col} * ?) AS INTEGER) WHERE ${range}`).run(factor, from, to);
      if (changes === 0) throw new AppError('FAILED', utcText(fromMs), `no raw value of ${device}/${point} is kept in this range`);
      const {quarterHours} = recomputeIn(db, from * 1000, to * 1000, device);
      addAudit(db, audit, null, before, figures());
      tellOf(
        db,
        audit,
        'rescaled',
        `${device}/${point}`,
        say('{what}: {n} raw values from {from} to {to}; {who}: {why}', {
          ...audit,
          n: changes,
          from: utcText(from * 1000),
          to: utcText(to * 1000),
        }),
        {
          factor,
          rows: changes,
        },
      );
      return {rows: changes, quarterHours};
    })
    .immediate();
}
