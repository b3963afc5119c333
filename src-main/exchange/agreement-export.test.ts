/** @file The agreement as CSV and JSON: what is written is what was counted, and fields that do not apply are empty. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cutWords } from '../pairs/agreement.ts';
import { seedPair } from '../pairs/testing.ts';
import { temporaryProject } from '../project/testing.ts';
import type { OpenProject } from '../project/project.ts';
import { exportAgreement } from './agreement-export.ts';

let project: OpenProject;
let folder: string;
let dispose: () => void;
beforeEach(async () => {
  ({ project, folder, dispose } = await temporaryProject());
});
afterEach(() => dispose());

test('rows of two reviewers as CSV and JSON; another ending is refused', async () => {
  const one = seedPair(project, { video: 'a.mp4', question: 'Left, or "right"?' });
  const two = seedPair(project, { video: 'b.mp4' });
  for (const [reviewer, second] of [
    ['Ada', 'accepted'],
    ['Ben', 'rejected'],
  ] as const) {
    await project.setReviewer(reviewer);
    one.pairs.setStatus([one.pairId], 'accepted');
    one.pairs.setStatus([two.pairId], second);
  }
  const unit = 'words';
  const csv = path.join(folder, 'a.csv');
  expect(await exportAgreement(project, csv, { cut: cutWords, unit })).toEqual({ path: csv, count: 2 });
  const [header, first, last] = readFileSync(csv, 'utf8').trimEnd().split('\n');
  expect(header).toBe(
    'pair,video,question,reviewer_a,reviewer_b,status_a,status_b,marked_by_both,only_a,only_b,neither,f1,kappa,answers_compared,answers_with_different_text,unit',
  );
  // One token marked in each answer of eight, by both.
  expect(first).toBe(
    `${one.pairId},a.mp4,"Left, or ""right""?",Ada,Ben,accepted,accepted,2,0,0,14,1,1,2,0,words`,
  );
  expect(last).toBe(`${two.pairId},b.mp4,What does the circle do?,Ada,Ben,accepted,rejected,,,,,,,,,words`);
  const json = path.join(folder, 'a.json');
  await exportAgreement(project, json, { cut: cutWords, unit });
  const written = JSON.parse(readFileSync(json, 'utf8')) as { reviewers: unknown[]; pairs: unknown[] };
  expect(written.pairs).toHaveLength(2);
  expect(written.reviewers).toMatchObject([
    { a: 'Ada', b: 'Ben', pairs: 2, sameDecision: 1, rejectedByOne: 1 },
  ]);
  await expect(exportAgreement(project, path.join(folder, 'a.txt'), { cut: cutWords, unit })).rejects.toThrow(
    'expected a file name that ends in .csv or .json',
  );
});
