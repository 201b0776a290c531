// Writes config/site.schema.json, so that editors complete and check a configuration: `node tools/json-schemas.ts`.

import {writeFileSync} from 'node:fs';
import {configJsonSchema} from '../src/config/schema.ts';

writeFileSync('config/site.schema.json', `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
