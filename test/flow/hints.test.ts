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

describe('a load meter beside the grid meter', () => {
  /** A load that is switched on one phase after the other, while other things happen in the house. */
  const hintsOf = (meterPhase: (phase: number) => number): FlowEvent[] => {
    const base = siteOf({}, 2000);
    const phases = ['power_w', 'power_l1_w', 'power_l2_w', 'power_l3_w'];
    const street = base.map.grid;
    if (!street) throw new Error('no meter');
    const load = {...street.meter, device: 'heating', part: 'load', id: 'heat_pump', points: phases};
    const map = {...base.map, solar: [], batteries: [], loads: [load], grid: {...street, meter: {...street.meter, points: phases}}};
    let state = createFlow({...base, map}, 'boot');
    const events: FlowEvent[] = [];
    for (let t = 0; t < 4 * 3600; t += 2) {
      const monoMs = 1_000_000 + 1000 * t;
      const on = Math.floor(t / 60) % 2 === 0 ? Math.floor(t / 120) % 3 : -1;
      const loads = [0, 1, 2].map(phase => (phase === on ? 900 : 40));
      const meter = [0, 1, 2].map(phase => 200 + 30 * Math.sin(t / 17 + phase) + (t % 700 < 90 && phase === 1 ? 2000 : 0));
      for (const phase of [0, 1, 2]) meter[meterPhase(phase)] = (meter[meterPhase(phase)] ?? 0) + (loads[phase] ?? 0);
      const tell = (device: string, part: string, watts: readonly number[]): Reading[] =>
        [watts.reduce((sum, one) => sum + one, 0), ...watts].map((value, index) => ({
          device,
          point: `${part}.${phases[index]}`,
          measured: {kind: 'good', value, monoMs},
        }));
      const step = advance({...base, map}, state, {
        tick: {seq: t, monoMs: monoMs + 5, wallMs: Date.UTC(2026, 5, 1, 10) + 1000 * t},
        readings: [...tell('meter', 'meter', meter), ...tell('heating', 'load', loads)],
        clockTrusted: true,
        flush: false,
      });
      state = step.state;
      events.push(...step.events.filter(event => event.kind === 'hint'));
    }
    return events;
  };

  test('with two phases swapped is named once, with the phases and how often it was seen', () => {
    const [hint, ...more] = hintsOf(phase => [1, 0, 2][phase] as number);
    expect(more).toEqual([]);
    expect(hint).toMatchObject({about: 'heating', evidence: {hint: 'swapped phases', percent: 100}});
    expect(hint?.detail).toMatch(/its L[12] steps on L[21] of the grid meter/);
  });

  test('connected as it should be is not', () => {
    expect(hintsOf(phase => phase)).toEqual([]);
  });
});
