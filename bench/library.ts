/**
 * @file Data paths: rows imported per second with the memory they take, a page of samples, and a durable save of a pair.
 * Run: `node bench/library.ts [--rows 100000]`. Wall time on a busy machine says little: processor time stands beside it.
 */
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { importSamples } from '../src-main/library/import.ts';
import { SampleLibrary } from '../src-main/library/samples.ts';
import { PairService } from '../src-main/pairs/pairs.ts';
import { createProject } from '../src-main/project/project.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '100000' } } });
const N = Number(values.rows);
const SAVES = 200;

/** Runs `work`; milliseconds by the clock and of this process. */
async function timed<T>(work: () => T | Promise<T>): Promise<{ value: T; wall: number; cpu: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const value = await work();
  const used = process.cpuUsage(cpu);
  return { value, wall: performance.now() - start, cpu: (used.user + used.system) / 1000 };
}

async function writeRows(file: string): Promise<void> {
  const stream = createWriteStream(file);
  stream.write('[\n');
  for (let i = 0; i < N; i++) {
    const row = {
      question: `<image>\nWhat does the shape number ${i} do in the scene?`,
      answer: `The shape number ${i} moves to the left ${i % 97 === 0 ? 'beside a zebra' : 'on the plain background'}.`,
      pred: i % 10 === 0 ? `The shape number ${i} moves to the right.` : undefined,
      video: `v${i % 500}.mp4`,
    };
    if (!stream.write(`${i > 0 ? ',\n' : ''}${JSON.stringify(row)}`)) await once(stream, 'drain');
  }
  stream.end('\n]\n');
  await once(stream, 'finish');
}

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bench-'));
process.env.RRPO_WORKBENCH_HOME = home;
try {
  const file = path.join(home, 'rows.json');
  await writeRows(file);
  const project = await createProject(path.join(home, 'project'), 'bench');
  const pairs = new PairService(project);
  let peak = 0;
  const imported = await timed(() =>
    importSamples(project, {
      file,
      addPair: (id, row) => pairs.addImported(id, row),
      onProgress: () => (peak = Math.max(peak, process.memoryUsage().rss)),
    }),
  );
  const samples = new SampleLibrary(project);
  const pages = {
    'page: all': () => samples.list({}, { offset: 0, limit: 100 }),
    'page: a rare word': () => samples.list({ text: 'zebra' }, { offset: 0, limit: 100 }),
    'page: a word in every row': () => samples.list({ text: 'shape' }, { offset: 0, limit: 100 }),
    'page: sorted by question': () =>
      samples.list({}, { offset: N / 2, limit: 100 }, { by: 'question', descending: true }),
  };
  const table: Record<string, Record<string, string>> = {
    [`import of ${N.toLocaleString('en')} rows (${Math.round(statSync(file).size / 1e6)} MB)`]: {
      'wall ms': imported.wall.toFixed(0),
      'cpu ms': imported.cpu.toFixed(0),
      note: `${Math.round((N / imported.cpu) * 1000).toLocaleString('en')} rows per cpu second, ${imported.value.imported} imported, peak ${Math.round(peak / 1e6)} MB`,
    },
  };
  for (const [name, page] of Object.entries(pages)) {
    const { value, wall, cpu } = await timed(page);
    table[name] = { 'wall ms': wall.toFixed(1), 'cpu ms': cpu.toFixed(1), note: `${value.total} found` };
  }
  let pair = pairs.get(pairs.list({}, { offset: 0, limit: 1 }).rows[0].id);
  const saves: number[] = [];
  for (let i = 0; i < SAVES; i++) {
    const { value, wall } = await timed(() =>
      pairs.save({
        pairId: pair.id,
        baseVersion: pair.version,
        chosen: pair.chosen,
        rejected: `The shape moves ${i} times.`,
        phrases: pair.phrases,
      }),
    );
    pair = value;
    saves.push(wall);
  }
  saves.sort((a, b) => a - b);
  table[`durable save of a pair (${SAVES})`] = {
    'wall ms': saves[SAVES / 2].toFixed(1),
    'cpu ms': '',
    note: `median; 95 % within ${saves[Math.floor(SAVES * 0.95)].toFixed(1)} ms (bar: 100 ms)`,
  };
  console.table(table);
  project.close();
} finally {
  rmSync(home, { recursive: true, force: true });
}
