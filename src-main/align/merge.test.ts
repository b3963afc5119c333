/** @file A checkpoint with an adapter merged in answers as base and adapter do. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openCheckpoint } from '../models/checkpoint.ts';
import { openTokenizer } from '../models/tokenizer.ts';
import { adapterParameters, initialAdapter } from './adapter.ts';
import { writeMergedCheckpoint } from './merge.ts';
import { TINY_MODEL } from './trainer.test-data.ts';
import { runStep, stepCase } from './training-graph.test-data.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'merge-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('gives a complete checkpoint that answers as base plus adapter', async () => {
  const data = await stepCase();
  const dir = path.join(folder, 'merged');
  await writeMergedCheckpoint(dir, data.checkpoint, data.adapter);
  const merged = await openCheckpoint(dir);
  expect(merged.bytes).toBe(data.checkpoint.bytes);
  expect((await openTokenizer(dir)).size).toBe((await openTokenizer(TINY_MODEL)).size);
  const tuned = await runStep(data, {}, { withGradients: false });
  const plain = initialAdapter(merged.config, 4, 8, 1);
  for (const { data: values } of adapterParameters(plain)) values.fill(0);
  const alone = await runStep({ ...data, checkpoint: merged, adapter: plain }, {}, { withGradients: false });
  expect(tuned.metrics.klChosen).toBeGreaterThan(1e-3);
  expect(alone.metrics.logpChosen).toBeCloseTo(tuned.metrics.logpChosen, 4);
  expect(alone.metrics.logpRejected).toBeCloseTo(tuned.metrics.logpRejected, 4);
});

it('leaves a folder with files alone, and copies what is not adapted byte for byte', async () => {
  const data = await stepCase();
  await expect(writeMergedCheckpoint(TINY_MODEL, data.checkpoint, data.adapter)).rejects.toThrow(
    'empty folder',
  );
  const zero = initialAdapter(data.checkpoint.config, 4, 8, 1);
  const dir = path.join(folder, 'same');
  await writeMergedCheckpoint(dir, data.checkpoint, zero);
  const again = await openCheckpoint(dir);
  expect([...again.stored.keys()]).toEqual([...data.checkpoint.stored.keys()]);
  expect(again.stored.size).toBeGreaterThan(again.tensors.size);
  for (const [name, entry] of data.checkpoint.stored) {
    const bytes = async (e: typeof entry) => (await readFile(e.file)).subarray(e.offset, e.offset + e.bytes);
    expect((await bytes(again.stored.get(name)!)).equals(await bytes(entry)), name).toBe(true);
  }
});
