/** @file Means of a step, and a metrics file whose last line may be torn. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  appendMetrics,
  memoryUse,
  readMetrics,
  StepMetrics,
  truncateMetrics,
  type PairMetrics,
} from './metrics.ts';

const pair = (changes: Partial<PairMetrics>): PairMetrics => ({
  loss: 0,
  rewardChosen: 0,
  rewardRejected: 0,
  logpChosen: 0,
  logpRejected: 0,
  klChosen: 0,
  klRejected: 0,
  markedChosen: 1,
  markedRejected: 2,
  labelledChosen: 4,
  labelledRejected: 4,
  ...changes,
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'metrics-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('StepMetrics', () => {
  it('weighs every pair alike, across micro-batches of different size', () => {
    const metrics = new StepMetrics();
    metrics.add([pair({ loss: 1, rewardChosen: 0.5 }), pair({ loss: 2, rewardRejected: 0.25 })]);
    metrics.add([pair({ loss: 6, klChosen: 3 })]);
    const means = metrics.take();
    expect(means).toMatchObject({
      loss: 3,
      'rewards/accuracies': 1 / 3,
      'kl/chosen': 1,
      'tokens/marked_fraction_rejected': 0.5,
      pairs: 3,
    });
    expect(means['rewards/margins']).toBeCloseTo((0.5 - 0.25) / 3, 12);
    expect(metrics.count).toBe(0);
  });
});

describe('metrics file', () => {
  it('ignores a torn last line and cuts back to a step', async () => {
    const file = path.join(folder, 'metrics.jsonl');
    for (const step of [1, 2, 3]) await appendMetrics(file, { step, epoch: step / 3, loss: 1 / step });
    const firstTwo = (await readFile(file, 'utf8')).split('\n').slice(0, 2).join('\n') + '\n';
    await appendFile(file, '{"step":4,"epo');
    expect((await readMetrics(file)).map((line) => line.step)).toEqual([1, 2, 3]);
    await truncateMetrics(file, 2);
    expect(await readFile(file, 'utf8')).toBe(firstTwo);
    await appendMetrics(file, { step: 3, epoch: 1, loss: 0 });
    expect((await readMetrics(file)).map((line) => line.step)).toEqual([1, 2, 3]);
  });

  it('reads an absent file as empty', async () => {
    expect(await readMetrics(path.join(folder, 'none.jsonl'))).toEqual([]);
  });

  it('knows the memory of this process', async () => {
    const { rssMb, peakMb } = await memoryUse();
    expect(rssMb).toBeGreaterThan(10);
    if (process.platform === 'linux') expect(peakMb).toBeGreaterThanOrEqual(rssMb * 0.5);
  });
});
