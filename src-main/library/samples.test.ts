/** @file A hundred thousand samples: filter, sort, search and paging give the right rows without a visible pause. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createProject, type OpenProject } from '../project/project.ts';
import { SampleLibrary } from './samples.ts';
import { VideoLibrary } from './videos.ts';

const N = 100_000;
const VIDEOS = 500;
/** Milliseconds of processor time for one page: what a person notices begins at about 100. */
const PAUSE = 300;

let home: string;
let project: OpenProject;
let samples: SampleLibrary;
beforeAll(async () => {
  home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-samples-'));
  process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
  project = await createProject(path.join(home, 'project'), 'p');
  const videos = new VideoLibrary(project);
  project.db.transaction(() => {
    for (let i = 0; i < VIDEOS; i++)
      videos.addReferenced(path.join(home, `v${String(i).padStart(3, '0')}.mp4`), false);
    // Through SQL: a hundred thousand calls would only make the test slow.
    project.db.exec(`
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${N - 1}),
        v AS (SELECT row_number() OVER (ORDER BY rowid) - 1 AS k, id FROM videos)
      INSERT INTO samples (id, video_id, question, type, chosen, source, fingerprint, created_at)
      SELECT 's-' || i, v.id, 'Was passiert mit Nummer ' || i || '?', CASE i % 4 WHEN 0 THEN 'yes_no' ELSE 'open_ended' END,
        CASE i % 97 WHEN 0 THEN 'Ein Zebra läuft nach links' ELSE 'Der Kreis bleibt stehen' END, 'test', 'f' || i, i
      FROM n JOIN v ON v.k = i % ${VIDEOS}`);
  });
  samples = new SampleLibrary(project);
});
afterAll(() => {
  project.close();
  delete process.env.RRPO_WORKBENCH_HOME;
  rmSync(home, { recursive: true, force: true });
});

type Ask = Parameters<SampleLibrary['list']>;
test.each<[string, Ask[0], Ask[2], number, number]>([
  ['everything', {}, undefined, 0, N],
  ['the last page', {}, undefined, N - 100, N],
  ['a rare word', { text: 'zebra' }, undefined, 0, Math.ceil(N / 97)],
  ['a word in every row', { text: 'nummer' }, undefined, 0, N],
  ['two words, case and accents aside', { text: 'LAUFT nummer' }, undefined, 0, Math.ceil(N / 97)],
  ['one number', { text: '77777' }, undefined, 0, 1],
  ['a word too short for the index', { text: '7?' }, undefined, 0, N / 10],
  ['nothing', { text: 'elephant' }, undefined, 0, 0],
  ['a split', { split: 'heldout' }, undefined, 0, N / 5],
  ['a type and a word', { type: 'yes_no', text: 'zebra' }, undefined, 0, Math.ceil(N / 97 / 4)],
  ['sorted by question', {}, { by: 'question', descending: true }, 0, N],
  ['sorted by video, far down', {}, { by: 'video', descending: false }, N / 2, N],
])('%s', (_, filter, sort, offset, total) => {
  const before = process.cpuUsage();
  const page = samples.list(filter, { offset, limit: 100 }, sort);
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  expect(page.total).toBe(total);
  expect(page.rows.length).toBe(Math.min(100, total - offset));
  if (process.env.RRPO_PRINT)
    process.stdout.write(`${ms.toFixed(0).padStart(5)} ms  ${JSON.stringify([filter, sort])}\n`);
  expect(ms).toBeLessThan(PAUSE);
});

test('sorting orders, and ties keep the order of adding', () => {
  const first = samples.list({}, { offset: 0, limit: 3 }, { by: 'video', descending: false }).rows;
  expect(first.map((s) => s.id)).toEqual(['s-0', `s-${VIDEOS}`, `s-${2 * VIDEOS}`]);
  const last = samples.list({}, { offset: 0, limit: 2 }, { by: 'question', descending: true }).rows;
  expect(last.map((s) => s.question)).toEqual(['Was passiert mit Nummer 9?', 'Was passiert mit Nummer 99?']);
});

test.each<Ask[0]>([
  { split: 'train' },
  { split: 'heldout', text: 'zebra' },
  { text: 'nummer 7', type: 'yes_no' },
])('keys come in stretches and are those of all: %j', async (filter) => {
  const ids: string[] = [];
  for await (const keys of samples.keys(filter)) ids.push(...keys.map(({ id }) => id));
  expect(ids.length).toBeGreaterThan(100);
  expect(ids).toEqual(samples.all(filter).map(({ id }) => id));
});

test('a sample is taken once', () => {
  const { videoId } = samples.list({}, { offset: 0, limit: 1 }).rows[0];
  const sample = {
    videoId,
    question: 'q',
    type: 'short' as const,
    chosen: 'a',
    source: 's',
    extra: { video: 'x' },
  };
  const made = samples.add(sample);
  expect(samples.add(sample)).toEqual({ id: made.id, isNew: false });
  expect(samples.record(made.id)).toMatchObject({ externalId: null, extra: { video: 'x' }, pairCount: 0 });
  expect(() => samples.get('s-none')).toThrow('expected one of this project');
});
