/** @file The search index behind the rows: what waits is found, and the index says what the rows say, whatever happens to them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PairService } from '../pairs/pairs.ts';
import type { OpenProject } from '../project/project.ts';
import { temporaryProject } from '../project/testing.ts';
import { SampleLibrary } from './samples.ts';
import { VideoLibrary } from './videos.ts';

let project: OpenProject;
let dispose: () => void;
let samples: SampleLibrary;
let videoId: string;
beforeEach(async () => {
  ({ project, dispose } = await temporaryProject());
  samples = new SampleLibrary(project);
  videoId = new VideoLibrary(project).addReferenced('/clips/a.mp4', false);
});
afterEach(() => dispose());

const PAGE = { offset: 0, limit: 10 };
const add = (question: string, chosen = 'It moves.'): string =>
  samples.add({ videoId, question, type: 'short', chosen, source: 'test' }).id;
const found = (text: string): number => samples.list({ text }, PAGE).total;
const waiting = (of: 'samples' | 'pairs'): number =>
  project.db.prepare<{ waiting: number }>('SELECT waiting FROM search_marks WHERE of = ?').get(of)!.waiting;
/** Compares the index with the rows; @throws when they differ. */
const check = (): void =>
  project.db.exec("INSERT INTO samples_fts (samples_fts, rank) VALUES ('integrity-check', 1)");

test('a row is found as soon as it is in, and enters the index with many others', () => {
  add('Where does the Straße lead?');
  expect(waiting('samples')).toBeGreaterThan(0);
  expect(found('STRASSE')).toBe(0);
  expect(found('straße')).toBe(1);
  expect(waiting('samples')).toBe(0);
  check();
  let most = 0;
  let emptied = 0;
  for (let i = 0; i < 1000; i++) {
    const before = waiting('samples');
    add(`Number ${i}?`, 'x'.repeat(300));
    most = Math.max(most, waiting('samples'));
    if (waiting('samples') < before) emptied++;
  }
  expect(most).toBeLessThanOrEqual(100_000);
  expect(emptied).toBe(3);
  expect(found('Number 999?')).toBe(1);
  check();
});

test('a row that is changed or deleted while it waits, or afterwards, leaves nothing behind', () => {
  const change = (id: string, question: string): number => project.db.update('samples', id, { question });
  const drop = (id: string): number => project.db.prepare('DELETE FROM samples WHERE id = ?').run(id);
  const kept = add('a zebra');
  const last = add('an elephant');
  change(kept, 'a giraffe');
  expect([found('zebra'), found('giraffe'), found('elephant')]).toEqual([0, 1, 1]);
  change(kept, 'a zebra');
  expect([found('zebra'), found('giraffe')]).toEqual([1, 0]);
  // Its key is given to the next row.
  drop(last);
  add('a heron');
  drop(add('an otter'));
  expect([found('elephant'), found('heron'), found('otter')]).toEqual([0, 1, 0]);
  drop(kept);
  expect([found('zebra'), found('heron')]).toEqual([0, 1]);
  check();
});

test('one and two signs are found among pairs wherever they stand, also when nothing else does', () => {
  const pairs = new PairService(project);
  const hits = (text: string): number => pairs.list({ text }, PAGE).total;
  const sampleId = add('红色的圆形向哪移动？', '向左');
  const { id, version, chosen } = pairs.create(sampleId, '右');
  pairs.create(sampleId, '圆形のボールは向右 12');
  expect(['红色', '动？', '向左', '右', '向右', '12', '2', 'の', '左向', '移左', '3'].map(hits)).toEqual([
    2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0,
  ]);
  pairs.save({ pairId: id, baseVersion: version, chosen, rejected: '上', phrases: [] });
  expect(['上', '右', '向左 上', '% 上', '% 左'].map(hits)).toEqual([1, 1, 1, 0, 0]);
  pairs.create(sampleId, 'Él va AL fin');
  expect(['al', 'A', 'el', 'Él', 'n', 'z'].map(hits)).toEqual([1, 1, 1, 1, 1, 0]);
});

test('pairs likewise', () => {
  const pairs = new PairService(project);
  const sampleId = add('Which way does the circle go?');
  const hits = (text: string): number => pairs.list({ text }, PAGE).total;
  const pair = pairs.create(sampleId, 'To the left.');
  expect(waiting('pairs')).toBeGreaterThan(0);
  const { chosen, phrases } = pair;
  const saved = pairs.save({
    pairId: pair.id,
    baseVersion: pair.version,
    chosen,
    rejected: 'Upwards.',
    phrases: [],
  });
  expect([hits('left'), hits('upwards'), hits('circle moves')]).toEqual([0, 1, 1]);
  expect(waiting('pairs')).toBe(0);
  pairs.save({ ...saved, pairId: pair.id, baseVersion: saved.version, rejected: 'Downwards.', phrases });
  expect([hits('upwards'), hits('downwards')]).toEqual([0, 1]);
  for (let i = 0; i < 400; i++) pairs.create(sampleId, `${i} ${'y'.repeat(500)}`);
  expect(waiting('pairs')).toBeLessThanOrEqual(100_000);
  expect(hits('circle')).toBe(401);
  expect(pairs.ids({ filter: { text: '399 yyy' }, except: [] })).toHaveLength(1);
});
