// Prints docs/devices.md from the profiles: `node tools/device-table.ts > docs/devices.md`.

import {listProfiles, loadProfile} from '../src/config/profiles.ts';

const rows = listProfiles().map(({id}) => {
  const {name, points, night, defaults, driver} = loadProfile(id);
  const parts = driver === 'sunspec' ? 'what its model list says' : [...new Set(points.map(point => point.name.split('.')[0]))].join(', ');
  return `| \`${id}\` | ${name} | ${parts} | ${defaults.unit} | ${defaults.port}${defaults.baud === null ? '' : `, ${defaults.baud} baud`} | ${night === 'answers' ? '' : 'may sleep'} |`;
});
process.stdout.write(`# Devices

${rows.length} profiles. \`wattledger profiles ID\` lists the points of one, its limits, its sources and what is known about its quirks;
[profiles.md](profiles.md) tells how to write another. A device that speaks SunSpec needs no profile of its own: \`sunspec\` asks it.

| id | device | parts | usual unit | port | at night |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`);
