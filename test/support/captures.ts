// Registers recorded from real devices. They lie beside the repository, not in it; where they are missing, tests say so and are skipped.

import {existsSync} from 'node:fs';
import path from 'node:path';

const FOLDER = path.resolve('../shared/captures');
export const haveCaptures = existsSync(FOLDER);
export const captureFile = (name: string): string => path.join(FOLDER, `${name}.json`);
/** For titles of skipped tests. */
export const WITHOUT = haveCaptures ? '' : ' (skipped: the folder with recorded registers is not there)';
