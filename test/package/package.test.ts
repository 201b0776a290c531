// What goes onto a machine: the unit's sandbox, the maintainer scripts, the manual page, the completion. The package itself is tried by `npm run package:test`.

import {execFileSync, spawnSync} from 'node:child_process';
import {lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
// @ts-expect-error plain JavaScript, without types of its own
import * as manual from '../../tools/package/manual.mjs';
// @ts-expect-error the same
import * as needs from '../../tools/package/needs.mjs';
import {tempFolder} from '../support/cli.ts';

const {commands, completion, manPage, optionsOf} = manual as {
  commands(): string[];
  completion(): string;
  manPage(version: string): string;
  optionsOf(command: string): string[];
};
const {binariesIn, needsOf} = needs as {
  binariesIn(folder: string): string[];
  needsOf(files: readonly string[]): {libc: string; libstdcxx: string};
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

test('the environment of the service, which may hold secrets, is for root alone; purge takes the links of `systemctl enable` along', () => {
  const folder = tempFolder();
  const script = (name: string): string => {
    const moved = readFileSync(`tools/package/debian/${name}`, 'utf8').replaceAll(/(?<= )\/(etc|var|run|usr)\//g, `${folder}/$1/`);
    // Nothing here may touch this machine.
    expect(moved.replaceAll(folder, '').replaceAll(/ \/(etc|var|run|usr)\//g, ' ')).not.toMatch(/\/(etc|var|run|usr)\//);
    return moved;
  };
  for (const place of ['etc/default', 'etc/wattledger', 'etc/systemd/system/timers.target.wants', 'var/lib/wattledger', 'bin'])
    mkdirSync(path.join(folder, place), {recursive: true});
  // Programs that would touch this machine do nothing here.
  for (const name of ['systemd-sysusers', 'systemctl', 'deb-systemd-helper', 'deb-systemd-invoke', 'chown'])
    writeFileSync(path.join(folder, 'bin', name), '#!/bin/sh\nexit 0\n', {mode: 0o755});
  const sh = (name: string, what: string): void =>
    void execFileSync('sh', ['-c', script(name), name, what], {env: {PATH: `${folder}/bin:/usr/bin:/bin`}});
  const environment = path.join(folder, 'etc/default/wattledger');
  const link = path.join(folder, 'etc/systemd/system/timers.target.wants/wattledger-backup.timer');
  writeFileSync(environment, 'SECRET=mine\n', {mode: 0o644});
  symlinkSync('/nowhere', link);
  sh('postinst', 'configure');
  expect(statSync(environment).mode & 0o007).toBe(0);
  sh('postrm', 'purge');
  expect(lstatSync(link, {throwIfNoEntry: false})).toBeUndefined();
  expect(statSync(path.join(folder, 'var/lib/wattledger'), {throwIfNoEntry: false})).toBeUndefined();
});

describe('what the package asks of the system', () => {
  const fake = (name: string, ...versions: string[]): string => {
    const file = path.join(tempFolder(), name);
    writeFileSync(file, `\x7fELF\0${versions.join('\0')}\0`);
    return file;
  };

  test('is the most that one of its binaries asks for', () => {
    const files = [
      fake('node', 'GLIBC_2.28', 'GLIBC_2.3.4', 'GLIBCXX_3.4.21'),
      fake('a.node', 'GLIBC_2.34', 'GLIBCXX_3.4.29', 'GLIBC_2.9'),
    ];
    expect(needsOf(files)).toEqual({libc: '2.34', libstdcxx: '11'});
  });

  test('is never guessed', () => {
    expect(() => needsOf([fake('node', 'GLIBC_2.28', 'GLIBCXX_3.4.99')])).toThrow('GLIBCXX_3.4.99');
    expect(() => needsOf([])).toThrow('of which Debian');
  });

  test.each(['x64', 'arm64'])('%s: no system is too old for the database that the page about installation promises', cpu => {
    const folder = 'node_modules/better-sqlite3/prebuilds';
    const {libc, libstdcxx} = needsOf(binariesIn(folder).filter(file => path.basename(file) === `linux-${cpu}.node`));
    expect(readFileSync('docs/install.md', 'utf8')).toContain('Raspberry Pi OS or Debian 12 and later');
    // Debian 12 has glibc 2.36 and GCC 12.
    expect(Number(libc.split('.')[1])).toBeLessThanOrEqual(36);
    expect(Number(libstdcxx)).toBeLessThanOrEqual(12);
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
