/** @file kill -9 in the midst of an import: what is in is whole, the search index says the same, and the rest follows. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { PairService } from '../pairs/pairs.ts';
import { openProject, type OpenProject } from '../project/project.ts';
import { temporaryProject } from '../project/testing.ts';
import { importSamples } from './import.ts';
import { SampleLibrary } from './samples.ts';

const ROWS = 3000;
const PAGE = { offset: 0, limit: 1 };
let dispose: () => void = () => undefined;
afterEach(() => dispose());

const from = (file: string): string => JSON.stringify(path.resolve(import.meta.dirname, file));
/** Imports, and says how many rows are in. After a fifth of the file it stands still: however late a kill comes, there are rows left. */
const IMPORTER = `
import { openProject } from ${from('../project/project.ts')};
import { PairService } from ${from('../pairs/pairs.ts')};
import { importSamples } from ${from('import.ts')};
import { writeSync } from 'node:fs';
const [folder, file] = process.argv.slice(1);
const project = await openProject(folder);
const pairs = new PairService(project);
let from = 0;
await importSamples(project, {
  file,
  addPair: (id, row, isNew) => pairs.addImported(id, row, isNew),
  onContinue: (fraction) => (from = fraction),
  onProgress: (fraction, detail) => {
    writeSync(1, detail + '\\n');
    if (fraction > from + 0.2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});`;

/** Kills an import a moment after its first rows are in. */
async function kill(folder: string, file: string): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', IMPORTER, folder, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), closed]);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 100));
  child.kill('SIGKILL');
  await closed;
}

/** Rows that are in, each with its pair, all of them found, and no other. */
function checked(project: OpenProject): number {
  expect(project.db.integrityCheck()).toEqual([]);
  const { samples, pairs } = project.info().counts;
  expect(pairs).toBe(samples);
  expect(new SampleLibrary(project).list({ text: 'happens' }, PAGE).total).toBe(samples);
  expect(new PairService(project).list({ text: 'backwards' }, PAGE).total).toBe(pairs);
  project.db.exec("INSERT INTO samples_fts (samples_fts, rank) VALUES ('integrity-check', 1)");
  return samples;
}

test('an import that is killed again and again goes on where it was', async () => {
  const made = await temporaryProject();
  dispose = made.dispose;
  const file = path.join(made.folder, 'rows.json');
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    question: `<image>\nWhat happens, number ${i}?`,
    answer: `It moves ${'on '.repeat(i % 200)}.`,
    pred: `It moves backwards ${i}.`,
    video: `clips/${i % 50}.mp4`,
  }));
  writeFileSync(file, JSON.stringify(rows));
  const folder = made.project.path;
  made.project.close();
  let before = 0;
  for (let round = 0; round < 4; round++) {
    await kill(folder, file);
    const project = await openProject(folder); // takes the dead process's lock over
    const now = checked(project);
    project.close();
    expect(now).toBeGreaterThanOrEqual(before);
    before = now;
  }
  expect(before).toBeGreaterThan(0);
  const project = await openProject(folder);
  try {
    const pairs = new PairService(project);
    const addPair: Parameters<typeof importSamples>[1]['addPair'] = (id, row, isNew) =>
      pairs.addImported(id, row, isNew);
    const report = await importSamples(project, { file, addPair });
    expect(report).toMatchObject({ duplicates: 0, failed: 0 });
    expect(checked(project)).toBe(ROWS);
  } finally {
    project.close();
  }
});
