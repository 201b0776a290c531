// Every acceptance case of the specification, through the command that outside checks use.

import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {conform} from '../../src/cli/conformance-kinds.ts';

const FILE = path.resolve('../shared/flow-cases.json');
type Case = {id: string; kind: string; input: unknown; expect: Record<string, unknown>};
const cases: Case[] = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as {cases: Case[]}).cases : [];

/** Through JSON, as outside checks see it; digits of BigInt become numbers. */
const seen = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? Number(one) : one)));

describe.skipIf(cases.length === 0)('acceptance cases (skipped where flow-cases.json is missing)', () => {
  test.each(cases.map(one => [one.id, one.kind, one] as const))('%s %s', (_id, _kind, one) => {
    expect(seen(conform(one.kind, one.input))).toMatchObject(one.expect);
    // Nothing but zeros may be missing from a matrix, so it is compared whole.
    const result = seen(conform(one.kind, one.input)) as Record<string, unknown>;
    for (const key of Object.keys(one.expect)) expect(result[key]).toEqual(one.expect[key]);
  });

  test('the command answers each line, and goes on after a bad one', () => {
    const input = ['no json', ...cases.map(one => JSON.stringify(one)), '{"id": "X", "kind": "nothing", "input": {}}'].join('\n');
    const {stdout, status} = spawnSync(process.execPath, ['src/cli/conformance.ts'], {input, encoding: 'utf8'});
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as {id: string | null; result?: Record<string, unknown>; error?: string});
    expect(status).toBe(0);
    expect(lines).toHaveLength(cases.length + 2);
    expect(lines[0]).toMatchObject({id: null, error: expect.any(String)});
    expect(lines.at(-1)).toMatchObject({id: 'X', error: expect.any(String)});
    cases.forEach((one, index) => {
      const line = lines[index + 1];
      expect(line?.id).toBe(one.id);
      for (const key of Object.keys(one.expect)) expect(line?.result?.[key]).toEqual(one.expect[key]);
    });
  });
});
