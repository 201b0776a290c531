// The options of a tool: `--help` prints how it is called, and what it does not know ends it with 2 and a line.

import {type ParseArgsOptionsConfig, parseArgs} from 'node:util';

/** Values of the command line. `usage`: how the tool is called, and what it does, in a few lines. */
export function optionsOf<const O extends ParseArgsOptionsConfig>(usage: string, options: O) {
  const asked = {...options, help: {type: 'boolean', short: 'h'}} as const;
  try {
    const {values} = parseArgs({options: asked});
    if ((values as {help?: boolean}).help === true) {
      console.log(usage);
      process.exit(0);
    }
    return values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message.split('\n')[0] : error}\n${usage}`);
    process.exit(2);
  }
}
