/** @file Evaluations through a real database: rates, rows, flips, and what happens to unknown ids. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Verdict } from '../negatives/judge.ts';
import { migrate } from '../project/migrations.ts';
import { Database } from '../project/sqlite.ts';
import { Evaluation } from '../contract/schemas.ts';
import {
  addEvaluation,
  compareEvaluations,
  evaluatedAnswer,
  comparisonRows,
  getEvaluation,
  listEvaluations,
  type EvaluationSettings,
} from './evaluations.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-compare-'));
let db: Database;

beforeAll(() => {
  db = new Database(path.join(folder, 'workbench.sqlite'));
  migrate(db);
  db.insert('videos', {
    id: 'v1',
    name: 'clip.mp4',
    path: 'clip.mp4',
    state: 'ready',
    split: 'heldout',
    created_at: 1,
  });
  for (let i = 1; i <= 6; i++)
    db.insert('samples', {
      id: `s${i}`,
      video_id: 'v1',
      question: `Question ${i}?`,
      type: i <= 4 ? 'yes_no' : 'short',
      chosen: 'yes',
      source: 'test',
      fingerprint: new Uint8Array([i]),
      created_at: i,
    });
});
afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

const answers = (verdicts: string, kl: number | null) =>
  [...verdicts].map((v, i) => ({
    sampleId: `s${i + 1}`,
    answer: `answer ${i + 1}`,
    verdict: ({ r: 'right', w: 'wrong', u: 'unparseable' } as Record<string, Verdict>)[v],
    reason: 'test',
    kl: kl === null ? null : kl * (i + 1),
    frames: [0, i + 1],
  }));
const settings: EvaluationSettings = {
  modelHash: 'abc',
  adapterDir: null,
  split: 'heldout',
  frames: 2,
  decoding: { temperature: 0, seed: 0, maxNewTokens: 64 },
  skipped: [],
};

test('rates count unparseable answers as not right, per type and over all; KL is the mean', () => {
  const base = addEvaluation(db, {
    runId: null,
    name: 'base',
    settings,
    answers: answers('rrwuwr', null),
  });
  Evaluation.parse(base);
  expect(base.accuracy).toMatchObject({ value: 0.5, n: 6 });
  expect(base.byType.yes_no).toMatchObject({ value: 0.5, n: 4 });
  expect(base.byType.short).toMatchObject({ value: 0.5, n: 2 });
  expect(base.kl).toBeNull();
  const tuned = addEvaluation(db, {
    runId: 'run',
    name: 'rrpo',
    settings,
    answers: answers('rrrrww', 0.1),
  });
  expect(tuned.accuracy.value).toBeCloseTo(4 / 6, 12);
  expect(tuned.kl).toBeCloseTo(0.35, 12);

  expect(listEvaluations(db).map((e) => e.name)).toEqual(['rrpo', 'base']);
  const rows = (only: 'all' | 'disagreements' | 'fixed' | 'broken') =>
    comparisonRows(db, base.id, tuned.id, only).map((r) => r.sampleId);
  expect(rows('all')).toEqual(['s1', 's2', 's3', 's4', 's5', 's6']);
  expect(rows('fixed')).toEqual(['s3', 's4']);
  expect(rows('broken')).toEqual(['s6']);
  expect(rows('disagreements')).toEqual(['s3', 's4', 's6']);
  expect(evaluatedAnswer(db, { evaluationId: tuned.id, sampleId: 's2' })).toMatchObject({
    evaluation: { name: 'rrpo', split: 'heldout' },
    settings,
    answer: 'answer 2',
    frames: [0, 2],
  });
  expect(() => evaluatedAnswer(db, { evaluationId: tuned.id, sampleId: 'none' })).toThrow(
    /expected an answer/,
  );
  expect(compareEvaluations(db, base.id, tuned.id)).toMatchObject({
    n: 6,
    fixed: 2,
    broken: 1,
    bothRight: 2,
    bothWrong: 1,
  });
});

test('an unknown evaluation is told, and a failed save leaves nothing', () => {
  expect(() => getEvaluation(db, 'nope')).toThrow(/evaluation nope/);
  const before = listEvaluations(db).length;
  const twice = [...answers('r', null), ...answers('r', null)];
  expect(() => addEvaluation(db, { runId: null, name: 'broken', settings, answers: twice })).toThrow();
  expect(listEvaluations(db)).toHaveLength(before);
});
