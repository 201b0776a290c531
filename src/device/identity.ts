// Who a device is, and whether it is still the same one with the same firmware.

import type {DeviceIdentity} from '../core/health.ts';
import type {DeviceProfile} from '../core/profile.ts';

/** What the profile alone says of a device that was not read yet. */
export const unread = ({id, manufacturer}: DeviceProfile, unit: number): DeviceIdentity => ({
  profile: id,
  unit,
  manufacturer: manufacturer || null,
  model: null,
  serial: null,
  firmware: null,
});

/** Whether the device can tell of a change: it has a register for its firmware or its serial number. */
export const isWatched = ({driver, identity: {firmware, serial}}: DeviceProfile): boolean =>
  driver === 'sunspec' || typeof firmware === 'object' || typeof serial === 'object';

type Change = {readonly kind: 'firmware-changed' | 'device-replaced'; readonly before: string; readonly after: string};

/** What could not be read this time is no change. */
export function changeOf(old: DeviceIdentity, now: DeviceIdentity): Change | null {
  if (old.serial !== null && now.serial !== null && old.serial !== now.serial)
    return {kind: 'device-replaced', before: old.serial, after: now.serial};
  if (old.firmware !== null && now.firmware !== null && old.firmware !== now.firmware)
    return {kind: 'firmware-changed', before: old.firmware, after: now.firmware};
  return null;
}

/** The new identity, with what could not be read from the old one. */
export const known = (old: DeviceIdentity, now: DeviceIdentity): DeviceIdentity => ({
  ...now,
  manufacturer: now.manufacturer ?? old.manufacturer,
  model: now.model ?? old.model,
  serial: now.serial ?? old.serial,
  firmware: now.firmware ?? old.firmware,
});
