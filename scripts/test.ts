/**
 * @file `npm test`: every check in order, cheapest first, each with its own output; a table and one closing line at the
 * end. All steps run even when one fails, so that a single run shows everything that is wrong.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureChromium } from './chromium.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rrpo-test-'));
const unitReport = path.join(scratch, 'unit.json');
const e2eReport = path.join(scratch, 'e2e.json');

type Step = { name: string; command: string[]; env?: Record<string, string>; count?: () => Count };
/** `names`: what failed and why, a line each: the closing table must tell it, for a log may be cut to its end. */
type Count = { passed: number; failed: number; names?: string[] };

/** Vitest's JSON report, as far as it is read here. A file that fails outside of its tests has a message of its own. */
type UnitReport = {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
};

/** Playwright's JSON report, as far as it is read here. */
type E2eReport = {
  stats: { expected: number; unexpected: number; flaky: number };
  suites: E2eSuite[];
};
type E2eSuite = {
  suites?: E2eSuite[];
  specs: { title: string; file: string; line: number; ok: boolean }[];
};

/** Counts of a JSON report, or one failure when the runner did not get as far as writing it. */
function read<Report>(file: string, pick: (report: Report) => Count): Count {
  if (!existsSync(file)) return { passed: 0, failed: 1, names: ['the runner ended without a report'] };
  return pick(JSON.parse(readFileSync(file, 'utf8')) as Report);
}

const firstLines = (text: string): string => text.split('\n').slice(0, 3).join(' | ').slice(0, 600);

function countUnit(report: UnitReport): Count {
  const names = report.testResults.flatMap((file) => {
    const where = path.relative(ROOT, file.name);
    const tests = file.assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => `${where}: ${test.fullName}: ${firstLines(test.failureMessages[0] ?? '')}`);
    return tests.length || file.status !== 'failed' ? tests : [`${where}: ${firstLines(file.message)}`];
  });
  return {
    passed: report.numPassedTests,
    failed: Math.max(report.numFailedTests, names.length),
    names,
  };
}

function countE2e({ stats, suites }: E2eReport): Count {
  const failed = (suite: E2eSuite): string[] => [
    ...suite.specs.filter((s) => !s.ok).map((s) => `${s.file}:${s.line}: ${s.title}`),
    ...(suite.suites ?? []).flatMap(failed),
  ];
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky,
    names: suites.flatMap(failed),
  };
}

const steps: Step[] = [
  { name: 'format', command: ['run', 'format:check'] },
  { name: 'typecheck', command: ['run', 'typecheck'] },
  { name: 'lint', command: ['run', 'lint'] },
  { name: 'layers', command: ['run', 'check:layers'] },
  { name: 'build', command: ['run', 'build'] },
  {
    name: 'unit',
    command: [
      'run',
      'test:unit',
      '--',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${unitReport}`,
    ],
    count: () => read(unitReport, countUnit),
  },
  { name: 'golden', command: ['run', 'golden'] },
  // One family is enough here, on SwiftShader; `npm run golden -- --device webgpu` takes five minutes for all.
  {
    name: 'golden (GPU)',
    command: ['run', 'golden', '--', '--device', 'webgpu', '--only', 'llava-onevision-tiny'],
  },
  {
    name: 'end-to-end',
    command: ['run', 'test:e2e', '--', '--reporter=list,json'],
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: e2eReport },
    count: () => read(e2eReport, countE2e),
  },
];

ensureChromium();
const rows: { name: string; ok: boolean; seconds: number; count: Count }[] = [];
for (const step of steps) {
  console.log(`\n=== ${step.name}`);
  const begin = performance.now();
  const npm = process.env['npm_execpath'];
  const [program, ...prefix] = npm ? [process.execPath, npm] : ['npm'];
  const run = spawnSync(program, [...prefix, '--silent', ...step.command], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...step.env },
  });
  const ok = run.status === 0;
  const count = step.count?.() ?? { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
  if (!ok && count.failed === 0) {
    count.failed = 1;
    if (step.count) count.names = ['every test passed, but the runner ended with an error: see its output'];
  }
  rows.push({ name: step.name, ok, seconds: (performance.now() - begin) / 1000, count });
}
rmSync(scratch, { recursive: true, force: true });

console.log('');
for (const row of rows)
  console.log(
    `${row.ok ? 'ok  ' : 'FAIL'}  ${row.name.padEnd(12)} ${row.seconds.toFixed(1).padStart(7)} s  ${row.count.passed} passed, ${row.count.failed} failed`,
  );
const total = rows.reduce(
  (sum, r) => ({ passed: sum.passed + r.count.passed, failed: sum.failed + r.count.failed }),
  { passed: 0, failed: 0 },
);
for (const { name, count } of rows)
  for (const line of count.names ?? []) console.log(`FAIL  ${name}: ${line}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = rows.every((r) => r.ok) && total.failed === 0 ? 0 : 1;
