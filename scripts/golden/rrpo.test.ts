/** @file The loss and training-trajectory fixtures pass through the same checkers that `npm run golden` uses. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { rrpoLossChecker } from './rrpo-loss.ts';
import { rrpoTrainChecker } from './rrpo-train.ts';
import type { Checker, Row } from './types.ts';

const GOLDEN = path.join(import.meta.dirname, '../../../shared/golden');

async function rowsOf(checker: Checker, fixture: string): Promise<Row[]> {
  const dir = path.join(GOLDEN, fixture);
  const manifest = JSON.parse(await readFile(path.join(dir, 'manifest.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(checker.matches(manifest)).toBe(true);
  return Array.fromAsync(checker.check(dir, manifest, { device: 'cpu' }));
}

it('matches the official loss: values, metrics, gradients', async () => {
  const rows = await rowsOf(rrpoLossChecker, 'rrpo-loss');
  expect(rows.filter((row) => !row.pass)).toEqual([]);
  expect(rows.length).toBe(160);
});

it('matches thirty steps of training, by RRPO and DPO, with a shared prompt and in two rows', async () => {
  const rows = await rowsOf(rrpoTrainChecker, 'rrpo-train');
  expect(rows.filter((row) => !row.pass)).toEqual([]);
  expect(rows.length).toBe(30);
});
