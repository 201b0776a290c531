import os from 'node:os';
import path from 'node:path';
import {defineConfig} from 'vitest/config';
import {BaseSequencer, type Reporter, type TestModule, type TestSpecification} from 'vitest/node';

/** What takes longest begins first, what waits beside what computes; otherwise the last of them would run alone. */
const LONG = [
  'demo/demo',
  'pipeline/topologies',
  'app/clock',
  'pipeline/day',
  'store/crash',
  'outlets/week',
  'web/page',
  'flow/age',
  'tariff/year',
  'cli/init',
  'app/run',
  'cli/bad-input',
  'tariff/report',
  'device/real-captures',
].map(name => path.resolve(`test/${name}.test.ts`));

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({moduleId}: TestSpecification): number => (LONG.indexOf(moduleId) + LONG.length + 1) % (LONG.length + 1);
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/**
 * Tests that talk to real processes, sockets, disks, brokers and browsers hang on what else the machine does: they have a second try, and
 * the run says which of them needed it. Laws and seeded cases have one try: what fails them once is a defect.
 */
const WORLD = [
  'test/{app,cli,http,package,store}/*.test.ts',
  'test/link/!(chaos|spoiled|framing).test.ts',
  'test/outlets/!(counters).test.ts',
  'test/web/{page,ledger,place}.test.ts',
  'test/device/{against,real-captures,stubborn,sunspec,turn,watch}.test.ts',
  'test/profiles/*.test.ts',
  'test/demo/{demo,oracle}.test.ts',
  'test/tariff/{daemon,report}.test.ts',
];

class TellSecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules)
      for (const test of module.children.allTests())
        if (test.diagnostic()?.flaky === true) console.log(`passed at its second try: ${module.relativeModuleId} > ${test.fullName}`);
  }
}

// For the workers and for the command line, which is started some hundred times: the source need not be compiled each time.
process.env['NODE_COMPILE_CACHE'] ??= path.resolve('node_modules/.cache/compile');

export default defineConfig({
  test: {
    projects: [
      {extends: true, test: {name: 'world', include: WORLD, retry: 1}},
      {extends: true, test: {name: 'laws', include: ['test/**/*.test.ts'], exclude: WORLD}},
    ],
    reporters: ['default', new TellSecondTries()],
    // Ceilings, not measurements: they end what hangs, and leave time to a machine that does other things as well.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: {poll: {timeout: 120_000}},
    pool: 'forks',
    setupFiles: ['test/support/seed.ts'],
    // Many tests wait for processes, time-outs and brokers; meanwhile others compute.
    maxWorkers: 2 * os.availableParallelism(),
    sequence: {sequencer: LongestFirst},
    // Node runs the source itself, as it does for everybody.
    experimental: {viteModuleRunner: false},
  },
});
