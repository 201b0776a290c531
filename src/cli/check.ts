// `wattledger check`: everything that can be known before the daemon starts.

import {loadConfig, parseConfig} from '../config/load.ts';
import {upgradeFile} from '../config/upgrade.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {busLoads, offlineFindings, priceFindings} from './findings.ts';
import {askAround, type OnlineTold} from './online.ts';

const FOUND = 3;

export const command: Command = {
  name: 'check',
  summary: 'configuration, site map, clock, disk; with --online each device and broker',
  usage: '--config FILE [--online] [--upgrade] [--json]',
  options: {config: {type: 'string', short: 'c'}, online: {type: 'boolean'}, upgrade: {type: 'boolean'}, json: {type: 'boolean'}},
  help: `  --config FILE   the configuration (default /etc/wattledger/wattledger.yaml)
  --online        asks each device once, logs in at each broker, reads each address of prices, and looks whether the house adds up at this moment
  --upgrade       writes a configuration of an earlier version in the form of today; the old file is kept beside it as FILE.vN
  --json          as JSON

Exit code 0 where all is well, 3 where anything is found, 2 where the configuration itself is wrong.`,

  async run(context) {
    const fileName = textOption(context, 'config') ?? '/etc/wattledger/wattledger.yaml';
    const config = loadConfig(fileName, 'reachable');
    for (const {key, why} of config.unknownSecrets) context.err(`${key} is not looked at: ${why}`);
    if (flagOption(context, 'upgrade')) {
      const upgraded = upgradeFile(fileName, text => void parseConfig(text, fileName, 'reachable'));
      context.err(
        upgraded
          ? `${fileName}: version ${upgraded.from} became ${upgraded.to} (${upgraded.changes.join('; ')}); the old file is ${upgraded.copy}`
          : `${fileName}: has the form of today`,
      );
    }
    const json = flagOption(context, 'json');
    let online: OnlineTold | null = null;
    const isOnline = flagOption(context, 'online');
    const findings = [...offlineFindings(config), ...(await priceFindings(config, isOnline))];
    if (isOnline) {
      online = await askAround(config, context.signal, ({id, identity, good, latencyMs}) => {
        const {manufacturer, model, serial} = identity;
        const who = [manufacturer, model, serial && `serial ${serial}`].filter(Boolean).join(' ') || 'answers';
        context.err(`${id}: ${who}, ${good} values, ${latencyMs} ms an answer`);
      });
      findings.push(...online.findings);
      for (const line of online.brokers) context.err(line);
      if (online.homeW !== null) context.err(`the house takes ${online.homeW} W right now`);
    }
    const loads = Object.fromEntries([...busLoads(config)].map(([link, load]) => [link, Math.round(load * 1000) / 1000]));
    if (json)
      context.out(
        JSON.stringify(
          {
            schema: 1,
            file: fileName,
            ok: findings.length === 0,
            findings,
            bus_load: loads,
            ...(online ? {devices: online.devices, brokers: online.brokers, home_w: online.homeW} : {}),
          },
          null,
          2,
        ),
      );
    else {
      for (const {where, what, todo} of findings) {
        context.out(`${where}: ${what}`);
        context.out(`  ${todo}`);
      }
      context.out(
        findings.length === 0
          ? `${fileName}: all is well; ${config.devices.length} devices on ${config.links.length} links, busiest ${Math.round(Math.max(0, ...Object.values(loads)) * 100)} % of the time`
          : `${findings.length} found`,
      );
    }
    return findings.length === 0 ? 0 : FOUND;
  },
};
