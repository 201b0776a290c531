// The sun over the simulated roof: a clear sky by day and hour, and clouds that come and go in steps.

import type {Dice} from './random.ts';

const RADIANS = Math.PI / 180;
const DAY_S = 86_400;
/** Frankfurt am Main; the roof looks south. */
const LATITUDE = 50.1 * RADIANS;
const LONGITUDE_DEG = 8.7;
const TILT = 40 * RADIANS;
/** Inverter, cables, heat: what arrives of what the modules are rated at. */
const PERFORMANCE = 0.88;
/** Light from the whole sky, as a share of the direct beam on a level surface. */
const DIFFUSE = 0.12;

/**
 * Power of the modules under a clear sky as a share of their rating, 0 at night.
 * Declination and hour angle after Cooper (1969), air mass after Kasten and Young (1989), attenuation 0.7^(AM^0.678) after Meinel (1976).
 */
export function clearSky(epochS: number): number {
  const midnightS = Math.floor(epochS / DAY_S) * DAY_S;
  const dayOfYear = 1 + (midnightS - Date.UTC(new Date(midnightS * 1000).getUTCFullYear(), 0, 1) / 1000) / DAY_S;
  const declination = 23.45 * RADIANS * Math.sin(((360 * (284 + dayOfYear)) / 365) * RADIANS);
  const solarHour = (epochS - midnightS) / 3600 + LONGITUDE_DEG / 15;
  const hourAngle = (solarHour - 12) * 15 * RADIANS;
  const elevationSine = Math.sin(LATITUDE) * Math.sin(declination) + Math.cos(LATITUDE) * Math.cos(declination) * Math.cos(hourAngle);
  if (elevationSine <= 0.01) return 0;
  const elevationDeg = Math.asin(elevationSine) / RADIANS;
  const airMass = 1 / (elevationSine + 0.50572 * (elevationDeg + 6.07995) ** -1.6364);
  const beam = 1.353 * 0.7 ** (airMass ** 0.678);
  // A roof tilted to the south sees the sun as a level roof nearer to the equator does.
  const incidence =
    Math.sin(LATITUDE - TILT) * Math.sin(declination) + Math.cos(LATITUDE - TILT) * Math.cos(declination) * Math.cos(hourAngle);
  return PERFORMANCE * (beam * Math.max(0, incidence) + DIFFUSE * beam * elevationSine);
}

/** What the clouds let through, until when. */
export type Clouds = {readonly share: number; readonly untilS: number};

/** Share of the light, and how often the sky is like that. */
const SKIES = [
  {share: 1, odds: 0.45},
  {share: 0.95, odds: 0.2},
  {share: 0.35, odds: 0.2},
  {share: 0.25, odds: 0.15},
] as const;
const SHORTEST_S = 15;
const MEAN_S = 60;

/** The sky at that second: the same one until it has lasted, then another. */
export function cloudsAt(clouds: Clouds, epochS: number, dice: Dice): Clouds {
  if (epochS < clouds.untilS) return clouds;
  let pick = dice.next();
  const sky =
    SKIES.find(one => {
      pick -= one.odds;
      return pick < 0;
    }) ?? SKIES[0];
  const lastsS = SHORTEST_S + Math.round(-(MEAN_S - SHORTEST_S) * Math.log(1 - dice.next()));
  return {share: sky.share, untilS: epochS + lastsS};
}
