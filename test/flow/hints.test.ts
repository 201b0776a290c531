// What a lasting contradiction is called: by what would resolve it.

import {describe, expect, test} from 'vitest';
import {advance, createFlow} from '../../src/core/flow/advance.ts';
import type {FlowEvent} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import type {Site} from '../../src/core/site.ts';
import {siteOf} from '../pipeline/house.ts';

const MINUTES = 17;

/** A house at noon: three phases of the grid meter, sun, a battery that rests; `spoil` does what an electrician may have done. */
function hints(spoil: (phases: number[], solarW: number) => {phases: number[]; solarW: number}, sunW = 6000): FlowEvent[] {
  const base = siteOf({}, 2000);
  const meter = base.map.grid?.meter;
  if (!meter || !base.map.grid) throw new Error('no meter');
  const site: Site = {
    ...base,
    map: {
      ...base.map,
      batteries: [],
      grid: {...base.map.grid, meter: {...meter, points: ['power_w', 'power_l1_w', 'power_l2_w', 'power_l3_w']}},
    },
  };
  let state = createFlow(site, 'boot');
  const events: FlowEvent[] = [];
  for (let t = 0; t < MINUTES * 60; t += 2) {
    const monoMs = 1_000_000 + 1000 * t;
    const loads = [400 + 60 * Math.sin(t / 40), 300 + 90 * Math.cos(t / 31), 350 + 50 * Math.sin(t / 23)];
    // The inverter feeds all phases alike.
    const honest = loads.map(load => load - sunW / 3);
    const {phases, solarW} = spoil(honest, sunW);
    const good = (device: string, point: string, value: number): Reading => ({device, point, measured: {kind: 'good', value, monoMs}});
    const step = advance(site, state, {
      tick: {seq: t, monoMs: monoMs + 5, wallMs: Date.UTC(2026, 5, 1, 10) + 1000 * t},
      readings: [
        good(
          'meter',
          'meter.power_w',
          phases.reduce((sum, one) => sum + one, 0),
        ),
        ...phases.map((power, index) => good('meter', `meter.power_l${index + 1}_w`, power)),
        good('pv', 'inverter.power_w', solarW),
      ],
      clockTrusted: true,
      flush: false,
    });
    state = step.state;
    events.push(...step.events.filter(event => event.kind === 'hint'));
  }
  return events;
}

describe('a lasting contradiction', () => {
  test('that is none gives no hint', () => {
    expect(hints((phases, solarW) => ({phases, solarW}))).toEqual([]);
  });

  test('of an inverter whose clamp is reversed names the inverter', () => {
    const [hint, ...more] = hints((phases, solarW) => ({phases, solarW: -solarW}));
    expect(more).toEqual([]);
    expect(hint?.detail).toMatch(/pv/);
    expect(hint?.evidence).toMatchObject({hint: 'reversed clamp or wrong sign'});
  });

  test('of a roof that nobody measures stays without a suspect that is innocent', () => {
    // Two roofs of 6 kW each, one of them without a meter: more is exported than made.
    const [hint] = hints((phases, solarW) => ({phases: phases.map(one => one - 2000), solarW}));
    expect(hint?.evidence?.['meanW']).toBeGreaterThan(3000);
    expect(hint?.detail).toMatch(/more leave the house than come in/);
  });

  test('at night, with one clamp of the meter reversed, names its phase', () => {
    // 400 W on L1, 3 kW on L2, 350 W on L3; the clamp of L2 is the wrong way round, so that the house seems to export.
    const [hint] = hints(phases => ({phases: [phases[0] ?? 0, -((phases[1] ?? 0) + 2700), phases[2] ?? 0], solarW: 0}), 0);
    expect(hint?.about ?? hint?.detail).toMatch(/L2/);
    expect(hint?.detail).toMatch(/adds up in 100 %/);
  });
});
