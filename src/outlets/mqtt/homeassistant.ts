// Discovery for Home Assistant: what this house, its devices and the daemon offer, as its MQTT integration wants it. Pure.
// Unique ids are an interface: they never change.

import type {DeviceHealth} from '../../core/health.ts';
import type {Site} from '../../core/site.ts';
import {VERSION} from '../../core/version.ts';
import {parsePoint, pointInfo, pointKey} from '../../core/vocabulary.ts';
import {namesOf} from './names.ts';
import {energyKey} from './payloads.ts';

export type Component = Readonly<Record<string, unknown>> & {readonly platform: 'sensor' | 'binary_sensor'; readonly unique_id: string};
export type Discovery = {
  /** Object id of the config topic; the device's identifier as well. */
  readonly id: string;
  readonly device: Readonly<Record<string, unknown>>;
  readonly components: Readonly<Record<string, Component>>;
};
export type DiscoveryFacts = {
  readonly site: Site;
  readonly base: string;
  readonly devices: readonly DeviceHealth[];
  /** Keys of the newest `site/state`, `site/energy` and `site/day`. */
  readonly stateKeys: readonly string[];
  readonly energyKeys: readonly string[];
  readonly dayKeys: readonly string[];
  /** Keys of `site/money`; none before the first sums. */
  readonly moneyKeys?: readonly string[];
  /** The configuration has tariffs. */
  readonly tariffs: boolean;
};

const ORIGIN = {name: 'wattledger', sw_version: VERSION};

/** Every device of this daemon has an identifier that begins so. */
export const ownPrefix = (site: Site): string => `wattledger_${site.id}_`;

/** The daemon first: the others hang on it. */
export function discoveries(facts: DiscoveryFacts): Discovery[] {
  return [
    bridge(facts),
    ...(facts.stateKeys.length > 0 ? [house(facts)] : []),
    ...facts.devices.flatMap(device => physical(facts, device)),
  ];
}

/** Topic and payload of a discovery: one message for all (`device`), or one each (`single`, for consumers that know no other). */
export function messagesOf(
  {id, device, components}: Discovery,
  prefix: string,
  style: 'device' | 'single',
): {topic: string; payload: string}[] {
  if (style === 'device') return [{topic: `${prefix}/device/${id}/config`, payload: JSON.stringify({device, origin: ORIGIN, components})}];
  return Object.entries(components).map(([key, {platform, ...component}]) => ({
    topic: `${prefix}/${platform}/${id}/${key}/config`,
    payload: JSON.stringify({device, origin: ORIGIN, ...component}),
  }));
}

type Kind = {
  readonly device_class?: string;
  readonly unit_of_measurement?: string;
  readonly state_class?: string;
  readonly suggested_display_precision?: number;
};
const POWER: Kind = {device_class: 'power', unit_of_measurement: 'W', state_class: 'measurement', suggested_display_precision: 0};
const ENERGY: Kind = {device_class: 'energy', unit_of_measurement: 'kWh', state_class: 'total_increasing', suggested_display_precision: 2};
const PERCENT: Kind = {unit_of_measurement: '%', state_class: 'measurement', suggested_display_precision: 1};
/** Classes by the unit in a point's name. */
const BY_UNIT: Readonly<Record<string, Kind>> = {
  w: POWER,
  v: {device_class: 'voltage', unit_of_measurement: 'V', state_class: 'measurement', suggested_display_precision: 1},
  a: {device_class: 'current', unit_of_measurement: 'A', state_class: 'measurement', suggested_display_precision: 2},
  hz: {device_class: 'frequency', unit_of_measurement: 'Hz', state_class: 'measurement', suggested_display_precision: 2},
  c: {device_class: 'temperature', unit_of_measurement: '°C', state_class: 'measurement', suggested_display_precision: 1},
  va: {device_class: 'apparent_power', unit_of_measurement: 'VA', state_class: 'measurement', suggested_display_precision: 0},
  var: {device_class: 'reactive_power', unit_of_measurement: 'var', state_class: 'measurement', suggested_display_precision: 0},
  wh: {device_class: 'energy_storage', unit_of_measurement: 'Wh', state_class: 'measurement', suggested_display_precision: 0},
};

const words = (key: string): string => {
  const text = key
    .replaceAll('_to_', ' to ')
    .replaceAll('_via_', ' via ')
    .replaceAll('_', ' ')
    .replace(/\bsoc\b/, 'state of charge')
    .replace(/\bpv\b/, 'PV');
  return text.charAt(0).toUpperCase() + text.slice(1);
};
/** A key that begins with a digit is no name in a template of Home Assistant. */
const template = (key: string): string => (/^\d/.test(key) ? `{{ value_json['${key}'] }}` : `{{ value_json.${key} }}`);

function bridge({site, base}: DiscoveryFacts): Discovery {
  const id = `${ownPrefix(site)}bridge`;
  const common = {entity_category: 'diagnostic'};
  return {
    id,
    device: {identifiers: [id], name: `${site.name} wattledger`, manufacturer: 'wattledger', model: 'wattledger', sw_version: VERSION},
    components: {
      connection: {
        platform: 'binary_sensor',
        unique_id: `${id}_connection`,
        default_entity_id: `binary_sensor.wattledger_${site.id}_connection`,
        name: 'Connection',
        state_topic: `${base}/status`,
        payload_on: 'online',
        payload_off: 'offline',
        device_class: 'connectivity',
        ...common,
      },
      problem: {
        platform: 'binary_sensor',
        unique_id: `${id}_problem`,
        default_entity_id: `binary_sensor.wattledger_${site.id}_problem`,
        name: 'Problem',
        state_topic: `${base}/bridge/health`,
        value_template: "{{ 'ON' if value_json.problem else 'OFF' }}",
        device_class: 'problem',
        availability: [{topic: `${base}/status`}],
        ...common,
      },
      memory: {
        platform: 'sensor',
        unique_id: `${id}_memory`,
        default_entity_id: `sensor.wattledger_${site.id}_memory`,
        name: 'Memory',
        state_topic: `${base}/bridge/health`,
        value_template: template('rss_mb'),
        device_class: 'data_size',
        unit_of_measurement: 'MB',
        state_class: 'measurement',
        suggested_display_precision: 0,
        enabled_by_default: false,
        availability: [{topic: `${base}/status`}],
        ...common,
      },
    },
  };
}

/** Totals have names people know from their meter and their inverter's app. */
const TOTAL_NAMES: Readonly<Record<string, string>> = {
  grid_import: 'Grid import',
  grid_export: 'Grid export',
  solar: 'Solar production',
  battery_charge: 'Battery charged',
  battery_discharge: 'Battery discharged',
  home: 'Home consumption',
};
const LABELS: readonly string[] = ['btm_consumed_w', 'stored_w', 'btm_exported_w', 'imported_w'];
const QUALITIES = ['ok', 'adjusted', 'skew-corrected', 'stale-estimated', 'grid-derived', 'islanded', 'suspect'];

export const RATIOS: readonly string[] = ['self_sufficiency_pct', 'self_consumption_pct'];
const MONEY_NAMES: Readonly<Record<string, string>> = {cost: 'Cost of imports', credit: 'Credit for exports', saved: 'Saved by own energy'};
const SPAN_NAMES: Readonly<Record<string, string>> = {today: 'today', month: 'this month', year: 'this year'};

function house({site, base, stateKeys, energyKeys, dayKeys, moneyKeys = []}: DiscoveryFacts): Discovery {
  const id = `${ownPrefix(site)}house`;
  const components: Record<string, Component> = {};
  const put = (key: string, name: string, kind: Kind, topic: string, extra: Readonly<Record<string, unknown>> = {}): void => {
    components[key] = {
      platform: 'sensor',
      unique_id: `${ownPrefix(site)}${key}`,
      default_entity_id: `sensor.${site.id}_${key}`,
      name,
      state_topic: `${base}/site/${topic}`,
      value_template: template(key),
      ...kind,
      ...extra,
      // Counters stay readable while the picture of the moment is gone.
      availability:
        topic === 'energy' || topic === 'money'
          ? [{topic: `${base}/status`}]
          : [{topic: `${base}/status`}, {topic: `${base}/site/availability`}],
      availability_mode: 'all',
    };
  };
  for (const key of stateKeys) {
    if (key.endsWith('_power_w')) put(key, words(key.slice(0, -2)), POWER, 'state');
    else if (key.endsWith('_soc_pct')) put(key, words(key.slice(0, -4)), {...PERCENT, device_class: 'battery'}, 'state');
    else if (key.includes('_to_') && key.endsWith('_w'))
      put(key, `${words(key.slice(0, -2))} now`, POWER, 'state', {enabled_by_default: false});
    else if (LABELS.includes(key))
      put(key, `${words(key.slice(0, -2)).replace('Btm', 'Own power')} now`, POWER, 'state', {enabled_by_default: false});
    else if (key === 'unexplained_w') put(key, 'Unexplained power', POWER, 'state', {entity_category: 'diagnostic'});
    else if (key === 'quality') put(key, 'Quality', {device_class: 'enum'}, 'state', {options: QUALITIES, entity_category: 'diagnostic'});
    else if (key === 'skew_ms')
      put(key, 'Skew of readings', {device_class: 'duration', unit_of_measurement: 'ms', state_class: 'measurement'}, 'state', {
        entity_category: 'diagnostic',
        enabled_by_default: false,
      });
  }
  const names = namesOf(site);
  for (const key of energyKeys) {
    const bare = key.slice(0, -4);
    // The ledger still tells what a load took that is no longer in the house.
    if (!key.endsWith('_kwh') || !names.has(bare)) continue;
    put(
      key,
      TOTAL_NAMES[bare] ?? `${words(bare)}`,
      ENERGY,
      'energy',
      bare.startsWith('unexplained') || bare.startsWith('unknown') ? {entity_category: 'diagnostic'} : {},
    );
  }
  for (const key of dayKeys) if (RATIOS.includes(key)) put(key, `${words(key.slice(0, -4))} today`, PERCENT, 'day');
  for (const key of moneyKeys) {
    const [, span = '', what = ''] = /^(today|month|year)_(cost|credit|saved)$/.exec(key) ?? [];
    if (key === 'import_price' || key === 'export_price')
      put(
        key,
        key === 'import_price' ? 'Import price' : 'Export price',
        {unit_of_measurement: `${site.currency}/kWh`, state_class: 'measurement', suggested_display_precision: 4},
        'money',
      );
    else if (what)
      // Money goes down as well (negative prices), and begins anew: Home Assistant calls that a total with a last reset.
      put(
        key,
        `${MONEY_NAMES[what]} ${SPAN_NAMES[span]}`,
        {device_class: 'monetary', unit_of_measurement: site.currency, state_class: 'total', suggested_display_precision: 2},
        'money',
        {last_reset_value_template: template(`${span}_from`)},
      );
  }
  return {
    id,
    device: {
      identifiers: [id],
      name: site.name,
      manufacturer: 'wattledger',
      model: 'House',
      sw_version: VERSION,
      via_device: `${ownPrefix(site)}bridge`,
    },
    components,
  };
}

/** Points that few people look at are there, but not switched on. */
const RARE = new Set(['apparent_power_va', 'reactive_power_var', 'power_factor']);

/** A device that was never reached offers nothing yet, and what it offered before stays. */
function physical({site, base}: DiscoveryFacts, device: DeviceHealth): Discovery[] {
  if (device.points.length === 0 || device.lastGoodMs === null) return [];
  const id = `${ownPrefix(site)}device_${device.id}`;
  const components: Record<string, Component> = {};
  for (const point of device.points) {
    const parsed = parsePoint(point);
    if (!parsed) continue;
    const info = pointInfo(point);
    const counter = info.behaves === 'counter';
    const key = counter ? energyKey(point) : pointKey(point);
    const kind: Kind =
      info.behaves === 'text'
        ? {}
        : counter
          ? ENERGY
          : info.unit === 'pct'
            ? {...PERCENT, ...(parsed.quantity === 'soc_pct' ? {device_class: 'battery'} : {})}
            : parsed.quantity === 'power_factor'
              ? {device_class: 'power_factor', state_class: 'measurement', suggested_display_precision: 2}
              : (BY_UNIT[info.unit] ?? {});
    const diagnostic = !counter && info.unit !== 'w' && info.unit !== 'pct';
    components[key] = {
      platform: 'sensor',
      unique_id: `${id}_${key}`,
      default_entity_id: `sensor.${device.id}_${key}`,
      name: nameOf(point),
      state_topic: `${base}/device/${device.id}/${counter ? 'energy' : 'state'}`,
      value_template: template(key),
      ...kind,
      ...(diagnostic ? {entity_category: 'diagnostic'} : {}),
      ...(RARE.has(parsed.quantity) ? {enabled_by_default: false} : {}),
      availability: counter
        ? [{topic: `${base}/status`}]
        : [{topic: `${base}/status`}, {topic: `${base}/device/${device.id}/availability`}],
      availability_mode: 'all',
    };
  }
  const {manufacturer, model, serial, firmware} = device.identity;
  return [
    {
      id,
      device: {
        identifiers: [id],
        // The name people gave it: of two meters of one model nobody could tell which is which.
        name: words(device.id),
        ...(manufacturer ? {manufacturer} : {}),
        ...(model ? {model} : {}),
        ...(serial ? {serial_number: serial} : {}),
        ...(firmware ? {sw_version: firmware} : {}),
        via_device: `${ownPrefix(site)}bridge`,
      },
      components,
    },
  ];
}

function nameOf(point: string): string {
  const parsed = parsePoint(point);
  const info = pointInfo(point);
  if (!parsed) return words(pointKey(point));
  const part = `${parsed.part === 'pv' ? 'PV' : parsed.part}${parsed.instance > 1 ? ` ${parsed.instance}` : ''}`;
  const label = info.label
    .replace(', lifetime', '')
    .replace(/^String /, '')
    .toLowerCase();
  const place = parsed.string === null ? (parsed.phase === null ? '' : ` L${parsed.phase}`) : ` string ${parsed.string}`;
  const text = `${part}${parsed.string === null ? '' : place} ${label}${parsed.string === null ? place : ''}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
