/**
 * @file `npm run golden [-- DIR] [--device cpu|webgpu]`: checks every fixture under DIR (default ../shared/golden) and prints
 * a table. On a machine without a GPU, WebGPU runs on Chromium's SwiftShader. Exits with 1 when anything differs, 2 when DIR has no fixture.
 */
import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { swiftshaderEnvironment } from '../../src-main/platform/swiftshader.ts';
import { Graph } from '../../src-main/tensor/graph.ts';
import { createSession } from '../../src-main/tensor/onnxruntime.ts';
import { add } from '../../src-main/tensor/ops.ts';
import { CHECKERS } from './registry.ts';
import type { CheckContext, Row } from './types.ts';

/** Folders under `root` (itself included) that have a manifest.json, in name order. */
async function fixturesUnder(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const own = entries.some((e) => e.isFile() && e.name === 'manifest.json') ? [root] : [];
  const inner: string[] = [];
  for (const entry of entries.filter((e) => e.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1)))
    inner.push(...(await fixturesUnder(path.join(root, entry.name))));
  return [...own, ...inner];
}

function printRow(folder: string, row: Row): void {
  const exact = row.pass ? 'equal' : row.error.toPrecision(2);
  const columns = [
    row.pass ? 'ok  ' : 'FAIL',
    (row.fixture ?? folder).padEnd(40),
    row.output.padEnd(46),
    (row.bar === undefined ? exact : row.error.toExponential(2)).padStart(9),
    (row.bar === undefined ? '' : `< ${row.bar.toExponential(0)}`).padStart(7),
    row.note ?? '',
  ];
  console.log(columns.join('  ').trimEnd());
}

async function checkFixture(
  root: string,
  dir: string,
  context: CheckContext,
): Promise<{ rows: number; failed: number }> {
  const name = path.relative(root, dir) || path.basename(dir);
  const count = { rows: 0, failed: 0 };
  const show = (row: Row) => {
    printRow(name, row);
    count.rows++;
    if (!row.pass) count.failed++;
  };
  const fail = (note: string) => show({ output: '-', error: 1, pass: false, note });
  try {
    const manifest = JSON.parse(await readFile(path.join(dir, 'manifest.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const checkers = CHECKERS.filter((c) => c.matches(manifest));
    if (checkers.length === 0) fail('no checker knows this manifest format');
    for (const checker of checkers) for await (const row of checker.check(dir, manifest, context)) show(row);
    if (checkers.length > 0 && count.rows === 0) fail('the fixture has nothing to compare');
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
    if (process.env.DEBUG && error instanceof Error) console.error(error.stack);
  }
  return count;
}

/** Why WebGPU cannot be used in this process; undefined when it can. */
async function whyNoWebGpu(): Promise<string | undefined> {
  const graph = new Graph();
  const x = graph.input('x', 'float32', [4]);
  graph.output('y', add(x, 1));
  try {
    const session = await createSession(graph, { device: 'webgpu' });
    await session.run({ x: { dtype: 'float32', shape: [4], data: new Float32Array(4) } });
    await session.release();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs this script again with Chromium's software Vulkan driver, which is read when a process starts. */
function rerunOnSwiftShader(why: string): number {
  const { value, reason } = swiftshaderEnvironment();
  if (!value || process.env.VK_ICD_FILENAMES) {
    console.error(`${why}; ${reason}`);
    return 2;
  }
  console.log(`${why}; running on SwiftShader instead (${reason})`);
  const run = spawnSync(process.execPath, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, ...value },
  });
  return run.status ?? 2;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      device: { type: 'string', default: 'cpu' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log('npm run golden [-- DIR] [--device cpu|webgpu] [--only TEXT]');
    return 0;
  }
  if (values.device !== 'cpu' && values.device !== 'webgpu') {
    console.error(`--device: expected cpu or webgpu, got ${values.device}`);
    return 2;
  }
  const root = path.resolve(positionals[0] ?? path.join(import.meta.dirname, '../../../shared/golden'));
  const device = values.device;
  const context: CheckContext = { device };
  const why = device === 'webgpu' ? await whyNoWebGpu() : undefined;
  if (why !== undefined) return rerunOnSwiftShader(why);
  const all = await fixturesUnder(root).catch(() => []);
  const fixtures = all.filter((dir) => !values.only || path.relative(root, dir).includes(values.only));
  if (fixtures.length === 0) {
    console.error(`${root}: expected folders with manifest.json, got none`);
    return 2;
  }
  console.log(`device ${device}, fixtures under ${root}`);
  const total = { rows: 0, failed: 0 };
  const started = performance.now();
  for (const dir of fixtures) {
    const { rows, failed } = await checkFixture(root, dir, context);
    total.rows += rows;
    total.failed += failed;
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${fixtures.length} fixtures, ${total.rows} comparisons, ${total.failed} failed, ${seconds} s`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
