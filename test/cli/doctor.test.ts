// What doctor says of the machine: read from the kernel's files of a Pi, laid out here as they are there.

import {mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {readMachine} from '../../src/cli/machine.ts';
import {run, tempFolder} from '../support/cli.ts';

function pi(files: Readonly<Record<string, string>>): string {
  const root = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), {recursive: true});
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

describe('the machine', () => {
  test('a healthy Pi 4 with an adapter', () => {
    const root = pi({
      'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4\0',
      'sys/class/thermal/thermal_zone0/temp': '48312\n',
      'sys/devices/platform/soc/soc:firmware/get_throttled': '0\n',
      'sys/block/mmcblk0/size': '62333952\n',
      'sys/block/mmcblk0/device/name': 'SD32G\n',
      'sys/block/mmcblk0/device/date': '07/2021\n',
    });
    mkdirSync(path.join(root, 'dev/serial/by-id'), {recursive: true});
    symlinkSync('../../ttyUSB0', path.join(root, 'dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0'));
    const {lines, findings} = readMachine(root);
    expect(lines).toEqual([
      'Raspberry Pi 4 Model B Rev 1.4',
      'processor at 48 °C',
      'power and heat: all is well',
      'mmcblk0: SD32G, made 07/2021, 32 GB, tells nothing of its wear',
      'serial: /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 (ttyUSB0)',
    ]);
    expect(findings).toEqual([]);
  });

  test('a weak power supply, heat, and a card near its end', () => {
    const {lines, findings} = readMachine(
      pi({
        // The example of Raspberry Pi's own documentation of get_throttled: under-voltage has occurred, throttling has occurred.
        'sys/devices/platform/soc/soc:firmware/get_throttled': '50000\n',
        'sys/block/mmcblk0/size': '30535680\n',
        'sys/block/mmcblk0/device/life_time': '0x09 0x02\n',
      }),
    );
    expect(lines.join('\n')).toMatch(/under-voltage since the start, throttled since the start/);
    expect(findings.map(finding => finding.where)).toEqual(['machine', 'mmcblk0']);
  });

  test('a machine that tells nothing', () => {
    expect(readMachine(tempFolder())).toEqual({lines: ['serial: no adapter under /dev/serial/by-id'], findings: []});
  });
});

test('the page has its sections, the state of the database, and no secret', async () => {
  const folder = tempFolder();
  const demo = await run(['demo', '--data', folder, '--seconds', '4', '--speed', '60', '--port', '0', '--json']);
  expect(demo.code).toBe(0);
  const config = path.join(folder, 'wattledger.yaml');
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace(/^http: .*$/m, 'http: {listen: "127.0.0.1:8080", password: "hunter2 hunter2"}'),
  );
  const {code, stdout} = await run(['doctor', '--config', config]);
  expect(code).toBe(0);
  for (const section of ['machine', 'configuration', 'buses', 'findings', 'database']) expect(stdout).toContain(`\n## ${section}`);
  expect(stdout).toContain('checked: sound');
  expect(stdout).not.toContain('hunter2');
  writeFileSync(path.join(folder, 'wattledger.db'), Buffer.alloc(8192, 7));
  expect((await run(['doctor', '--config', config])).stdout).toMatch(/wattledger\.db: (is not a database|.*damaged)/);
});
