// The device profiles: those of the program and those of the user's own folders.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {AppError} from '../core/errors.ts';
import {holding, nearest} from '../core/nearest.ts';
import type {DeviceProfile} from '../core/profile.ts';
import {parseYaml, placeOf, validate} from './document.ts';
import {dataFolder} from './folder.ts';
import {ProfileProblem, toProfile} from './profile-meaning.ts';
import {profileSchema} from './profile-schema.ts';

type ProfileEntry = {readonly id: string; readonly file: string};

/** Ids and files of all profiles, by id; a user's own profile hides the program's of the same id. Throws AppError for a folder that is none. */
export function listProfiles(folders: readonly string[] = []): readonly ProfileEntry[] {
  const found = new Map<string, string>();
  for (const folder of [dataFolder('profiles'), ...folders]) {
    let names: string[];
    try {
      names = readdirSync(folder);
    } catch (error) {
      throw new AppError('PROFILES_UNREADABLE', folder, 'no folder of profiles that can be read', {cause: error});
    }
    for (const name of names) if (name.endsWith('.yaml')) found.set(name.slice(0, -5), path.join(folder, name));
  }
  return [...found].map(([id, file]) => ({id, file})).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** By file, for as long as it says the same: a reload of the daemon must see what was changed in one's own profile. */
const loaded = new Map<string, {readonly text: string; readonly profile: DeviceProfile}>();

/** The profile of that id. Throws AppError PROFILE_UNKNOWN or PROFILE_INVALID (with file and line). */
export function loadProfile(id: string, folders: readonly string[] = []): DeviceProfile {
  const entries = listProfiles(folders);
  const entry = entries.find(one => one.id === id);
  if (!entry) {
    const ids = entries.map(one => one.id);
    const parts = holding(id, ids);
    const near = parts.length > 0 ? parts : [nearest(id, ids)].filter(one => one !== null);
    const meant = near.length > 0 ? `; did you mean ${near.map(one => `"${one}"`).join(' or ')}?` : '';
    throw new AppError('PROFILE_UNKNOWN', `profile "${id}"`, `no profile "${id}"${meant}`);
  }
  const text = readFileSync(entry.file, 'utf8');
  const known = loaded.get(entry.file);
  if (known?.text === text) return known.profile;
  const profile = parseProfile(text, entry.file);
  if (profile.id !== id) throw new AppError('PROFILE_INVALID', entry.file, `its id is "${profile.id}", its file name says "${id}"`);
  loaded.set(entry.file, {text, profile});
  return profile;
}

/** A profile from its text. Throws AppError PROFILE_INVALID. */
export function parseProfile(text: string, fileName: string): DeviceProfile {
  const yaml = parseYaml(text, fileName, 'PROFILE_INVALID');
  const file = validate(profileSchema, yaml, 'PROFILE_INVALID');
  try {
    return toProfile(file);
  } catch (error) {
    if (!(error instanceof ProfileProblem)) throw error;
    throw new AppError('PROFILE_INVALID', placeOf(yaml, error.path), `${error.path.map(String).join('.')}: ${error.message}`, {
      cause: error,
    });
  }
}
