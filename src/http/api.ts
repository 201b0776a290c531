// The questions of the API and their answers; what they look like is described in openapi.ts.

import type {Board} from '../core/board.ts';
import {siteFindings} from '../core/checks.ts';
import {localDay} from '../core/flow/slots.ts';
import type {TickRecord} from '../core/sink.ts';
import {POLICIES} from '../core/site.ts';
import {moneyJson} from '../core/tariff/shown.ts';
import {utcText} from '../core/time.ts';
import {VERSION} from '../core/version.ts';
import {pointInfo} from '../core/vocabulary.ts';
import type {HttpDeps} from './deps.ts';
import {HttpError} from './errors.ts';
import {freshnessOf} from './freshness.ts';
import {MOST_POINTS, oneOf, onlyKnown, openRangeOf, rangeOf, stepOf, wholeOf} from './parameters.ts';

/** Answers a GET below /api/v1/. `query` is what stands behind the question mark. */
type Endpoint = (query: URLSearchParams) => unknown | Promise<unknown>;

const NOTHING = {ts: null, grid_power_w: null, solar_power_w: null, battery_power_w: null, home_power_w: null, battery_soc_pct: null};

/** The house now: the keys of `site/state`, today, lifetime totals, and how old each device's news are. */
export function nowOf(record: TickRecord | null, deps: Pick<HttpDeps, 'health' | 'site' | 'money'>): Record<string, unknown> {
  const health = deps.health();
  return {
    schema: 1,
    ...NOTHING,
    ...(record?.state ?? {}),
    energy: record?.energy ?? null,
    day: record?.day ?? null,
    money: record?.money ?? null,
    stored: storedOf(record),
    freshness: record ? freshnessOf(deps.site.map, record.board, record.tick.monoMs) : {},
    site: {
      id: deps.site.id,
      name: deps.site.name,
      timezone: deps.site.timezone,
      currency: deps.site.currency,
      policy: deps.site.flows.policy,
      tariffs: Boolean(deps.money),
    },
    roles: {batteries: batteryRefs(deps).map(ref => ref.id), loads: deps.site.map.loads.map(load => load.id)},
    soc: batteryRefs(deps)
      .filter(ref => ref.points.includes('soc_pct'))
      .map(ref => ({id: ref.id, device: ref.device, point: `${ref.part}.soc_pct`})),
    ok: health.ok,
    problems: health.problems,
    devices: health.devices.map(({id, state, lastGoodMs}) => ({
      id,
      state,
      age_s: lastGoodMs === null ? null : Math.max(0, Math.round((health.tick.lastMs - lastGoodMs) / 1000)),
    })),
    poll_every_ms: health.tick.everyMs,
  };
}

/** What each battery holds, Wh by origin; charge that has not come out again, so a little more than the battery's own figure. */
const storedOf = (record: TickRecord | null): Record<string, Record<string, number>> =>
  Object.fromEntries(
    Object.entries(record?.stored ?? {}).map(([id, mix]) => [
      id,
      Object.fromEntries(Object.entries(mix).map(([origin, milliWh]) => [origin, milliWh / 1000])),
    ]),
  );

const batteryRefs = ({site: {map}}: Pick<HttpDeps, 'site'>) => [...map.batteries, ...map.hybrids.flatMap(hybrid => hybrid.battery)];

/** The endpoints by name. `newest` gives the last record; `hasLogin`: somebody may be logged in, and out. */
export function endpoints(deps: HttpDeps, newest: () => TickRecord | null, hasLogin = false): Readonly<Record<string, Endpoint>> {
  const {site, query: ask} = deps;
  const zone = site.timezone;
  const board = (): Board => newest()?.board ?? new Map();
  /** A point that is measured now, or was once: what a device told before it was taken out is still history. */
  const knows = async (device: string, point: string): Promise<boolean> =>
    deps.health().devices.some(one => one.id === device && one.points.includes(point)) ||
    (await ask('devices')).some(one => one.id === device && one.points.some(({name}) => name === point));
  return {
    now: query => {
      onlyKnown(query, []);
      return nowOf(newest(), deps);
    },

    async flows(query) {
      onlyKnown(query, ['from', 'to', 'step', 'policy']);
      const {fromMs, toMs} = rangeOf(query, zone, deps.wallMs());
      const step = stepOf(query, fromMs, toMs);
      const policy = oneOf(query, 'policy', POLICIES, site.flows.policy);
      const [rows, totals] = await Promise.all([
        ask('flows', {fromMs, toMs, step, policy, zone}),
        ask('totals', {fromMs, toMs, step, zone}),
      ]);
      const slots = new Map<
        number,
        {start: string; day: string | null; cells: object[]; totals: Record<string, number>; quality: Set<string>}
      >();
      const slotAt = (startMs: number, day: string | null) => {
        let slot = slots.get(startMs);
        if (!slot) {
          slot = {start: utcText(startMs), day, cells: [], totals: {}, quality: new Set()};
          slots.set(startMs, slot);
        }
        return slot;
      };
      for (const {startMs, day, origin, via, source, sink, energyMilliWh, label, quality} of rows) {
        const slot = slotAt(startMs, day);
        slot.cells.push({origin, via, source, sink, wh: energyMilliWh / 1000, label});
        for (const word of quality.split(',')) if (word !== 'ok') slot.quality.add(word);
      }
      for (const {startMs, day, name, energyMilliWh} of totals) slotAt(startMs, day).totals[name] = energyMilliWh / 1000;
      return {
        schema: 1,
        from: utcText(fromMs),
        to: utcText(toMs),
        step,
        policy,
        zone,
        slots: [...slots].sort((a, b) => a[0] - b[0]).map(([, slot]) => ({...slot, quality: [...slot.quality].sort()})),
      };
    },

    async money(query) {
      onlyKnown(query, ['from', 'to', 'step', 'policy', 'bills']);
      if (!deps.money) throw new HttpError(404, 'no tariffs are configured; see `tariffs:` in the configuration');
      const {fromMs, toMs} = rangeOf(query, zone, deps.wallMs());
      const step = stepOf(query, fromMs, toMs);
      const policy = oneOf(query, 'policy', POLICIES, site.flows.policy);
      const depth = oneOf(query, 'bills', ['0', '1'], '0') === '1' ? 'bills' : 'stocks';
      const answer = await ask('money', {fromMs, toMs, step, policy, zone, depth, nowMs: deps.wallMs(), ...deps.money});
      return {schema: 1, from: utcText(fromMs), to: utcText(toMs), step, policy, zone, ...moneyJson(answer, site.currency)};
    },

    async points(query) {
      onlyKnown(query, ['device', 'point', 'from', 'to', 'points']);
      const {fromMs, toMs} = rangeOf(query, zone, deps.wallMs());
      const [device, point] = [query.get('device'), query.get('point')];
      if (!device || !point) throw new HttpError(400, 'device and point are needed, such as device=meter&point=meter.power_w');
      const series = await ask('points', {device, point, fromMs, toMs, maxPoints: wholeOf(query, 'points', 500, 2, MOST_POINTS)});
      if (series.rows.length === 0 && !(await knows(device, point)))
        throw new HttpError(404, `no device "${device}" tells "${point}"; api/v1/devices has all of them`);
      return {schema: 1, from: utcText(fromMs), to: utcText(toMs), ...series};
    },

    devices(query) {
      onlyKnown(query, []);
      const record = newest();
      const all = board();
      return {
        schema: 1,
        devices: deps.health().devices.map(device => {
          const details = deps.details(device.id);
          return {
            id: device.id,
            link: device.link,
            state: device.state,
            since: utcText(device.sinceMs),
            last_good: device.lastGoodMs === null ? null : utcText(device.lastGoodMs),
            ...device.identity,
            polls: device.polls,
            faults: device.faults,
            last_fault: device.lastFault,
            latency_ms: device.latencyMs,
            points: (details?.points ?? []).map(({point, every, note, registers}) => {
              const measured = all.get(`${device.id}/${point}`)?.measured;
              return {
                point,
                unit: pointInfo(point).unit,
                value: measured && measured.kind !== 'missing' ? measured.value : null,
                quality: measured?.kind ?? 'missing',
                fault: measured?.kind === 'missing' ? measured.fault.kind : null,
                age_ms:
                  measured && measured.kind !== 'missing' && record ? Math.max(0, record.tick.monoMs - Math.round(measured.monoMs)) : null,
                every,
                note,
                registers,
              };
            }),
            plan: details?.plan ?? [],
          };
        }),
        links: deps.health().links,
        findings: siteFindings(site, new Map(deps.health().devices.map(({id, points}) => [id, points]))),
      };
    },

    health: query => {
      onlyKnown(query, []);
      return {schema: 1, ...deps.health()};
    },

    async events(query) {
      onlyKnown(query, ['from', 'to', 'limit']);
      const rows = await ask('events', {...openRangeOf(query, zone), limit: wholeOf(query, 'limit', 100, 1, 1000)});
      return {
        schema: 1,
        events: rows.map(({id, atMs, kind, about, detail, evidence}) => ({id, at: utcText(atMs), kind, about, detail, evidence})),
      };
    },

    async setup(query) {
      onlyKnown(query, []);
      const [size, bounds] = await Promise.all([ask('size'), ask('ledgerBounds')]);
      return {
        schema: 1,
        version: VERSION,
        config: {file: deps.configFile, text: deps.configText},
        database: size,
        ledger: {first_day: bounds.firstDay, last_day: bounds.lastDay, undated: bounds.undated, today: localDay(zone, deps.wallMs())},
        outlets: deps.health().sinks,
        log: deps.logTail().slice(-100),
        login: hasLogin,
      };
    },
  };
}
