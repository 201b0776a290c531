// `npm run audit`: known weaknesses of what is installed with the program. Fails where there is one; says so where the registry cannot be asked.

import {spawnSync} from 'node:child_process';

const {stdout} = spawnSync('npm', ['audit', '--omit=dev', '--json'], {encoding: 'utf8'});
let told;
try {
  told = JSON.parse(stdout);
} catch {
  told = {};
}
const counts = told.metadata?.vulnerabilities;
if (!counts) console.log(`audit: the registry does not answer (${told.message ?? told.error?.summary ?? 'no answer'}); nothing is known`);
else if (counts.total > 0) {
  for (const [name, {severity, via}] of Object.entries(told.vulnerabilities))
    console.error(`${name}: ${severity}, ${via.map(one => one.title ?? one).join('; ')}`);
  process.exit(1);
} else console.log('audit: nothing known');
