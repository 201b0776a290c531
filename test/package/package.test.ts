// What goes onto a machine: the unit's sandbox, the maintainer scripts, the manual page, the completion. The package itself is tried by `npm run package:test`.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
// @ts-expect-error plain JavaScript, without types of its own
import * as manual from '../../tools/package/manual.mjs';
import {tempFolder} from '../support/cli.ts';

const {commands, completion, manPage, optionsOf} = manual as {
  commands(): string[];
  completion(): string;
  manPage(version: string): string;
  optionsOf(command: string): string[];
};
const haveAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
const unit = readFileSync('systemd/wattledger.service', 'utf8');

test.skipIf(!haveAnalyze)(`the unit's exposure is below 1.5${haveAnalyze ? '' : ' [skipped: needs systemd-analyze]'}`, () => {
  const {status, stdout} = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=14', 'systemd/wattledger.service'], {
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/Overall exposure level for wattledger\.service: 1\.[0-4]/);
  expect(status).toBe(0);
});

test.skipIf(!haveAnalyze)(
  `units and drop-ins are what systemd understands${haveAnalyze ? '' : ' [skipped: needs systemd-analyze]'}`,
  () => {
    for (const dropIn of [null, ...readdirSync('systemd').filter(name => name.endsWith('.conf'))]) {
      const folder = tempFolder();
      // The programs are not installed here; everything else is as it ships.
      for (const name of readdirSync('systemd').filter(name => /\.(service|timer)$/.test(name)))
        writeFileSync(
          path.join(folder, name),
          readFileSync(`systemd/${name}`, 'utf8')
            .replaceAll('/usr/bin/wattledger', '/bin/true')
            .replace(/^Documentation=.*$/gm, ''),
        );
      if (dropIn) {
        mkdirSync(path.join(folder, 'wattledger.service.d'));
        writeFileSync(path.join(folder, 'wattledger.service.d', dropIn), readFileSync(`systemd/${dropIn}`));
      }
      const files = readdirSync(folder)
        .filter(name => !name.endsWith('.d'))
        .map(name => path.join(folder, name));
      const {stderr} = spawnSync('systemd-analyze', ['verify', ...files], {encoding: 'utf8'});
      expect(
        stderr.split('\n').filter(line => line.includes(folder) || /^wattledger/.test(line)),
        `${dropIn}`,
      ).toEqual([]);
    }
  },
);

test('the service waits for a configuration, watches data, comes back, and never gives up', () => {
  for (const line of [
    'Type=notify',
    'Restart=on-failure',
    'RestartPreventExitStatus=2',
    'SyslogIdentifier=wattledger',
    'StartLimitIntervalSec=0',
    'After=network-online.target time-sync.target',
    'ConditionPathExists=/etc/wattledger/wattledger.yaml',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
  ])
    expect(unit.split('\n')).toContain(line);
  expect(unit).toMatch(/^WatchdogSec=\d+$/m);
  expect(unit).not.toMatch(/^Requires=.*time/m);
});

describe('maintainer scripts', () => {
  test.each(readdirSync('tools/package/debian'))('%s is a shell script without a fault in its grammar', name => {
    const script = `tools/package/debian/${name}`;
    expect(readFileSync(script, 'utf8')).toMatch(/^#!\/bin\/sh\nset -e\n/);
    execFileSync('sh', ['-n', script]);
  });
});

describe('what the shell and `man` say', () => {
  test('every command has its page section and its completion', () => {
    const names = commands();
    expect(names.length).toBeGreaterThan(15);
    const page = manPage('1.2.3');
    const words = completion();
    for (const name of names) {
      expect(page).toContain(`.SS "${name}: `);
      expect(words).toContain(`    ${name}) words=`);
    }
    expect(optionsOf('run')).toContain('--config');
  });

  test('bash completes commands and options', () => {
    const file = path.join(tempFolder(), 'completion');
    writeFileSync(file, completion());
    const complete = (...line: string[]): string[] =>
      execFileSync(
        'bash',
        [
          '-c',
          `source "${file}"; COMP_WORDS=(${line.map(word => `"${word}"`).join(' ')}); COMP_CWORD=${line.length - 1}; _wattledger; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ],
        {encoding: 'utf8'},
      )
        .split('\n')
        .filter(Boolean);
    expect(complete('wattledger', 're').sort()).toEqual(['read', 'recompute', 'report', 'restore']);
    expect(complete('wattledger', 'report', '--mo')).toEqual(['--month']);
  });
});
