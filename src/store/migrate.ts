// Brings a database to the present schema: a verified copy first, then every step in one transaction.

import {statSync} from 'node:fs';
import {AppError} from '../core/errors.ts';
import {copyVerified} from './backup.ts';
import {type Db, refuseNewer, siblingName, versionOf} from './connect.ts';
import {MIGRATIONS, type Migration} from './schema.ts';
import {createViews} from './views.ts';

type Migrated = {readonly from: number; readonly to: number; readonly backup: string | null};

/** A new database is filled without a copy. Throws AppError STORE_NEWER; any other error leaves the database as it was. */
export function migrate(db: Db, file: string, wallMs: number, steps: readonly Migration[] = MIGRATIONS): Migrated {
  refuseNewer(db, file);
  const from = versionOf(db);
  const open = steps.filter(step => step.version > from);
  const to = steps.at(-1)?.version ?? from;
  if (open.length === 0) return {from, to, backup: null};
  let backup: string | null = null;
  if (from > 0) {
    backup = siblingName(file, wallMs, `v${from}`);
    if (!statSync(backup, {throwIfNoEntry: false})) copyVerified(db, backup);
  }
  db.transaction(() => {
    // Views are made anew after the last step, so that no step has to know them.
    for (const {name} of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").all() as {name: string}[])
      db.exec(`DROP VIEW "${name.replaceAll('"', '""')}"`);
    for (const step of open) {
      try {
        db.exec(step.sql);
      } catch (error) {
        throw new AppError(
          'STORE_UNUSABLE',
          file,
          `step ${step.version} (${step.what}) failed, nothing was changed: ${(error as Error).message}`,
          {cause: error},
        );
      }
    }
    createViews(db);
    db.pragma(`user_version = ${to}`);
  }).immediate();
  return {from, to, backup};
}
