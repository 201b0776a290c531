// Requests whose answers never came, on a line without transaction numbers. Should one come late, it must not pass for the answer to a request
// of the same shape: such a request is preceded by one that no late answer fits. Devices answer in order, so what comes after that is fresh.

import type {ReadRequest} from './link.ts';

/** Nobody answers later than this. Source: the slowest gateways in field reports take six seconds. */
const LATEST_MS = 15_000;
const HIGHEST_ADDRESS = 0xffff;

type Lost = {
  add(unit: number, request: ReadRequest, nowMs: number): void;
  /** The unit answered a request that nothing late could have answered. */
  found(unit: number): void;
  /** What to ask first, so that the answer to `request` cannot be an old one; null where it could not be anyway. */
  probeFor(unit: number, request: ReadRequest, nowMs: number): ReadRequest | null;
};

export function createLost(): Lost {
  const units = new Map<number, {readonly request: ReadRequest; readonly atMs: number}[]>();
  return {
    add(unit, request, nowMs) {
      const recent = (units.get(unit) ?? []).filter(one => nowMs - one.atMs < LATEST_MS);
      units.set(unit, [...recent, {request, atMs: nowMs}]);
    },
    found: unit => void units.delete(unit),
    probeFor(unit, request, nowMs) {
      const recent = (units.get(unit) ?? []).filter(one => nowMs - one.atMs < LATEST_MS);
      const taken = (words: number): boolean => recent.some(one => one.request.fc === request.fc && one.request.words === words);
      if (!taken(request.words)) return null;
      let words = 1;
      while (taken(words)) words++;
      return {fc: request.fc, at: Math.min(request.at, HIGHEST_ADDRESS + 1 - words), words};
    },
  };
}
