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
type Count = { passed: number; failed: number };

/** Counts of a JSON report, or one failure when the runner did not get as far as writing it. */
function read(file: string, pick: (report: Record<string, never>) => Count): Count {
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  return pick(JSON.parse(readFileSync(file, 'utf8')) as Record<string, never>);
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
    count: () =>
      read(unitReport, (r) => ({ passed: r['numPassedTests'] ?? 0, failed: r['numFailedTests'] ?? 1 })),
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
    count: () =>
      read(e2eReport, (r) => {
        const stats = r['stats'] as { expected: number; unexpected: number; flaky: number };
        return { passed: stats.expected, failed: stats.unexpected + stats.flaky };
      }),
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
  if (!ok && count.failed === 0) count.failed = 1;
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
  {
    passed: 0,
    failed: 0,
  },
);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = rows.every((r) => r.ok) && total.failed === 0 ? 0 : 1;
