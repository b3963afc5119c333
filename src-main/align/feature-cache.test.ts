/** @file Cached features: same bits, told apart by what they depend on, damage noticed, budget kept. */
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FeatureCache, type FeatureKey } from './feature-cache.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'features-'));
});
afterEach(() => rm(folder, { recursive: true }));

const key = (n: number): FeatureKey => ({ video: `v${n}`, frames: [0, 5], model: 'm' });
const compute = (n: number) => () =>
  Promise.resolve({ data: Float32Array.of(n, n + 1), rows: 1, placeholder: 9 });
const never = () => Promise.reject(new Error('computed again'));

describe('FeatureCache', () => {
  it('computes once, also across objects, and gives the same bits', async () => {
    await new FeatureCache(folder).get(key(1), compute(1));
    const cache = new FeatureCache(folder);
    expect(await cache.get(key(1), never)).toEqual({ data: Float32Array.of(1, 2), rows: 1, placeholder: 9 });
    expect(cache.counts).toEqual({ hits: 1, misses: 0, unreadable: 0 });
  });

  it('tells frames, model, video and recipe apart, but not the order of keys', () => {
    const cache = new FeatureCache(folder);
    const files = [
      key(1),
      { ...key(1), frames: [5, 0] },
      { ...key(1), model: 'n' },
      key(2),
      { ...key(1), recipe: { mask: 1, seed: 2 } },
    ].map((k) => cache.fileOf(k));
    expect(new Set(files).size).toBe(5);
    expect(cache.fileOf({ model: 'm', recipe: { seed: 2, mask: 1 }, video: 'v1', frames: [0, 5] })).toBe(
      files[4],
    );
  });

  it('computes again when a file is damaged', async () => {
    const cache = new FeatureCache(folder);
    await cache.get(key(1), compute(1));
    await truncate(cache.fileOf(key(1)), 20);
    expect((await cache.get(key(1), compute(7))).data[0]).toBe(7);
    expect(cache.counts.unreadable).toBe(1);
  });

  it('keeps below its budget by dropping the least recently used', async () => {
    await new FeatureCache(folder).get(key(0), compute(0));
    const { size } = await stat(new FeatureCache(folder).fileOf(key(0)));
    const cache = new FeatureCache(folder, 2.5 * size); // room for two
    for (const n of [1, 2]) {
      await cache.get(key(n), compute(n));
      await setTimeout(20);
    }
    await cache.get(key(1), never);
    await cache.get(key(3), compute(3));
    expect((await readdir(folder)).length).toBe(2);
    await cache.get(key(1), never);
    await expect(cache.get(key(2), never)).rejects.toThrow('computed again');
  });
});
