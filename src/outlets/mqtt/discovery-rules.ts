// The rules Home Assistant holds a discovery message to. It drops what breaks them without a word; here they are told. Pure.
// Source: home-assistant/core, components/mqtt/schemas.py and sensor.py, components/sensor/const.py; the MQTT sensor documentation.

/** Units a device class allows. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  power: ['mW', 'W', 'kW', 'MW', 'GW', 'TW'],
  energy: ['J', 'kJ', 'MJ', 'GJ', 'mWh', 'Wh', 'kWh', 'MWh', 'GWh', 'TWh', 'cal', 'kcal', 'Mcal', 'Gcal'],
  energy_storage: ['J', 'kJ', 'MJ', 'GJ', 'mWh', 'Wh', 'kWh', 'MWh', 'GWh', 'TWh', 'cal', 'kcal', 'Mcal', 'Gcal'],
  battery: ['%'],
  voltage: ['V', 'mV', 'µV', 'kV', 'MV'],
  current: ['A', 'mA', 'µA'],
  frequency: ['mHz', 'Hz', 'kHz', 'MHz', 'GHz'],
  apparent_power: ['mVA', 'VA', 'kVA'],
  reactive_power: ['mvar', 'var', 'kvar'],
  temperature: ['°C', '°F', 'K'],
  duration: ['d', 'h', 'min', 's', 'ms', 'µs'],
  data_size: ['B', 'kB', 'MB', 'GB'],
};
const STATE_CLASSES: Readonly<Record<string, readonly string[]>> = {
  energy: ['total', 'total_increasing'],
  monetary: ['total'],
  enum: [],
  timestamp: [],
};
const SIMPLE_TEMPLATE = /^\{\{ value_json(\.[a-z_][a-z0-9_]*|\['[a-z0-9_]+'\]) \}\}$/;
const SWITCH_TEMPLATE = /^\{\{ 'ON' if value_json\.[a-z_][a-z0-9_]* else 'OFF' \}\}$/;

/** What is wrong with a message on a config topic, one line each; empty where nothing is. */
export function discoveryProblems(topic: string, payload: string): string[] {
  const problems: string[] = [];
  const levels = topic.split('/');
  if (levels.pop() !== 'config') problems.push(`${topic}: the topic does not end in config`);
  for (const level of levels.slice(levels.at(-2) === 'device' ? -1 : -2))
    if (!/^[a-zA-Z0-9_-]+$/.test(level)) problems.push(`${topic}: "${level}" has characters that are not allowed`);
  const message = JSON.parse(payload) as Record<string, unknown>;
  const device = message['device'] as Record<string, unknown> | undefined;
  if (!device || !(Array.isArray(device['identifiers']) && device['identifiers'].length > 0))
    problems.push(`${topic}: the device has no identifiers`);
  for (const [key, value] of Object.entries(device ?? {}))
    if (key !== 'identifiers' && typeof value !== 'string') problems.push(`${topic}: device.${key} is no string`);
  const origin = message['origin'] as Record<string, unknown> | undefined;
  if (typeof origin?.['name'] !== 'string') problems.push(`${topic}: the origin has no name`);
  const components = message['components'] as Record<string, Record<string, unknown>> | undefined;
  if (components)
    for (const [key, component] of Object.entries(components)) problems.push(...componentProblems(`${topic} ${key}`, component));
  else problems.push(...componentProblems(topic, {platform: levels.at(-3), ...message}));
  return problems;
}

function componentProblems(where: string, component: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  const say = (what: string): void => void problems.push(`${where}: ${what}`);
  const text = (key: string): string | undefined => (typeof component[key] === 'string' ? (component[key] as string) : undefined);
  const platform = text('platform');
  if (platform !== 'sensor' && platform !== 'binary_sensor') say('no platform');
  if (!text('unique_id')) say('no unique_id');
  if (!text('state_topic')) say('no state_topic');
  if ('object_id' in component) say('object_id is gone since 2026.4; default_entity_id it is');
  const entity = text('default_entity_id');
  if (entity !== undefined && !entity.startsWith(`${platform}.`)) say(`default_entity_id ${entity} is of another domain`);
  const valueTemplate = text('value_template');
  if (valueTemplate !== undefined && !SIMPLE_TEMPLATE.test(valueTemplate) && !SWITCH_TEMPLATE.test(valueTemplate))
    say(`template ${valueTemplate}`);
  if ('availability' in component && 'availability_topic' in component) say('availability and availability_topic exclude each other');
  const availability = component['availability'];
  if (Array.isArray(availability) && availability.length > 1 && component['availability_mode'] !== 'all')
    say('availability_mode must be all');
  const category = text('entity_category');
  if (category !== undefined && category !== 'diagnostic') say(`entity_category ${category}`);
  if (platform === 'binary_sensor') return problems;

  const kind = text('device_class');
  const unit = text('unit_of_measurement');
  const stateClass = text('state_class');
  if (kind !== undefined && kind in UNITS && !(unit !== undefined && UNITS[kind]?.includes(unit))) say(`${kind} in ${unit ?? 'no unit'}`);
  if (stateClass !== undefined && !['measurement', 'total', 'total_increasing'].includes(stateClass)) say(`state_class ${stateClass}`);
  if (kind !== undefined && stateClass !== undefined && kind in STATE_CLASSES && !STATE_CLASSES[kind]?.includes(stateClass))
    say(`${kind} as ${stateClass}`);
  if (kind === 'energy' && stateClass === undefined) say('energy without state_class has no statistics');
  if (kind === 'battery' && stateClass !== 'measurement') say('battery without measurement cannot be chosen in the Energy dashboard');
  const options = component['options'];
  if (kind === 'enum' ? !(Array.isArray(options) && options.length > 0) : options !== undefined)
    say('options belong to enum, and enum to options');
  if (kind === 'enum' && (unit !== undefined || stateClass !== undefined)) say('enum with a unit or state_class');
  const precision = component['suggested_display_precision'];
  if (precision !== undefined && !(Number.isInteger(precision) && (precision as number) >= 0)) say('suggested_display_precision');
  return problems;
}
