/** @file Training runs on the tiny checkpoint: what they leave on the disk, stop, resume bit for bit, and what they refuse. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrainEvent } from '../jobs/apis.ts';
import { CallAborted } from '../jobs/protocol.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import { UserError } from '../platform/errors.ts';
import { readAdapter } from './adapter.ts';
import { listCheckpoints } from './checkpointing.ts';
import { metricsFile, readMetrics } from './metrics.ts';
import { readRunRecord } from './run-record.ts';
import { adapterBytes, curve, TEST_CONFIG, TINY_MODEL, tinyPairs } from './trainer.test-data.ts';
import { adapterFolder, train, type TrainOptions } from './trainer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trainer-'));
});
afterEach(() => rm(folder, { recursive: true }));

const pairs = await tinyPairs();
const base = (name: string): TrainOptions => ({
  runDir: path.join(folder, name),
  modelDir: TINY_MODEL,
  pairs,
  config: TEST_CONFIG,
});

describe('train', () => {
  it('learns to prefer, and leaves record, metrics, checkpoints and adapter behind', async () => {
    const events: TrainEvent[] = [];
    const result = await train({ ...base('a'), onEvent: (event) => events.push(event) });
    const runDir = path.join(folder, 'a');
    expect(result).toEqual({ state: 'done', step: 12, totalSteps: 12, adapterDir: adapterFolder(runDir) });
    const lines = await readMetrics(metricsFile(runDir));
    expect(lines.map((line) => line.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(lines[0].loss).toBeCloseTo(Math.LN2, 5);
    expect(lines[0]['kl/chosen']).toBeCloseTo(0, 5);
    expect(lines[11].loss).toBeLessThan(0.6);
    expect(lines[11]['rewards/accuracies']).toBe(1);
    expect(lines[0].learning_rate).toBe(0); // the first warm-up step
    expect(lines[1].learning_rate).toBe(5e-3);
    expect(lines[4].epoch).toBe(1);
    expect(Object.keys(lines[0])).toEqual(
      expect.arrayContaining([
        'grad_norm',
        'rewards/margins',
        'logps/chosen',
        'samples_per_second',
        'memory_rss_mb',
      ]),
    );
    expect((await listCheckpoints(runDir)).map((c) => c.step)).toEqual([4, 8, 12]);
    const record = (await readRunRecord(runDir))!;
    expect(record.pairs.length).toBe(10);
    expect(record.config.seed).toBe(3);
    expect(record.model.hash).toMatch(/^[0-9a-f]{64}$/);
    const { config } = await openCheckpoint(TINY_MODEL);
    const adapter = await readAdapter(result.adapterDir!, config);
    expect(adapter.modules.get('language_model.model.layers.1.mlp.up_proj')!.b.some((x) => x !== 0)).toBe(
      true,
    );
    expect(events.filter((e) => e.type === 'metrics').length).toBe(12);
    expect(events.find((e) => e.type === 'start')).toEqual({
      type: 'start',
      step: 0,
      totalSteps: 12,
      excluded: [],
      damaged: [],
    });
  });

  it('continues a stopped run bit for bit', async () => {
    await train(base('straight'));
    const stopper = new AbortController();
    const stopped = await train({
      ...base('resumed'),
      signal: stopper.signal,
      onEvent: (e) => e.type === 'metrics' && e.row.step === 5 && stopper.abort(new CallAborted('save')),
    });
    expect(stopped).toMatchObject({ state: 'stopped', step: 5 });
    expect(stopped.adapterDir).toBe(adapterFolder(path.join(folder, 'resumed')));
    const result = await train({ ...base('resumed'), resume: true });
    expect(result).toMatchObject({ state: 'done', step: 12 });
    const [a, b] = [path.join(folder, 'straight'), path.join(folder, 'resumed')];
    expect(await curve(b)).toEqual(await curve(a));
    expect((await adapterBytes(b)).equals(await adapterBytes(a))).toBe(true);
  });

  it('says which damaged checkpoint it passes over, and goes on bit for bit from the one before', async () => {
    const config = { ...TEST_CONFIG, maxSteps: 8 };
    await train({ ...base('hurt'), config });
    await train({ ...base('plain'), config });
    const [plain, hurt] = [path.join(folder, 'plain'), path.join(folder, 'hurt')];
    const newest = path.join(hurt, 'checkpoints/step_000008');
    await writeFile(path.join(newest, 'optimizer.safetensors'), 'cut');
    const events: TrainEvent[] = [];
    await train({ ...base('hurt'), config, resume: true, onEvent: (event) => events.push(event) });
    expect(events.find((e) => e.type === 'start')).toMatchObject({
      step: 4,
      damaged: [
        { dir: newest, reason: expect.stringContaining('optimizer.safetensors: expected') as string },
      ],
    });
    expect(await curve(hurt)).toEqual(await curve(plain));
    expect((await adapterBytes(hurt)).equals(await adapterBytes(plain))).toBe(true);
  });

  it('goes back to the last checkpoint when stopped without saving', async () => {
    const stopper = new AbortController();
    const result = await train({
      ...base('d'),
      signal: stopper.signal,
      onEvent: (e) => e.type === 'metrics' && e.row.step === 6 && stopper.abort(new CallAborted('discard')),
    });
    const runDir = path.join(folder, 'd');
    expect(result).toEqual({
      state: 'stopped',
      step: 4,
      totalSteps: 12,
      adapterDir: path.join(runDir, 'checkpoints/step_000004'),
    });
    expect((await readMetrics(metricsFile(runDir))).length).toBe(4);
  });

  it('gives the same numbers in two rows as with a shared prompt', async () => {
    const short = { ...TEST_CONFIG, epochs: 0.8 };
    await train({ ...base('one'), config: short });
    await train({ ...base('two'), config: { ...short, prefixSharing: false } });
    const [one, two] = await Promise.all(
      ['one', 'two'].map((n) => readMetrics(metricsFile(path.join(folder, n)))),
    );
    expect(one.length).toBe(4);
    one.forEach((line, i) => {
      expect(two[i].loss / line.loss).toBeCloseTo(1, 5);
      expect(two[i].grad_norm / line.grad_norm).toBeCloseTo(1, 4);
    });
  });
});

describe('what train refuses', () => {
  it('lists pairs that cannot be trained on, and trains on the others', async () => {
    const odd = [
      { ...pairs[0], chosenSpans: [] },
      { ...pairs[1], rejected: pairs[1].chosen },
      { ...pairs[2], rejectedSpans: [{ start: 5, end: 6 }] },
      { ...pairs[3], chosenSpans: [{ start: 20, end: 400 }] },
      { ...pairs[4], prompt: () => Promise.reject(new UserError('NOT_FOUND', 'clip.mp4: no such file')) },
      ...pairs.slice(5),
    ];
    const events: TrainEvent[] = [];
    const config = { ...TEST_CONFIG, maxSteps: 1 };
    await train({ ...base('e'), config, pairs: odd, onEvent: (e) => events.push(e) });
    const start = events.find((e) => e.type === 'start')!;
    expect(start.excluded.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([
      'p0: the preferred answer has no marked token (0 marks)',
      'p1: the two answers are identical',
      'p2: the non-preferred answer has no marked token (1 marks)',
      expect.stringContaining('p3: preferred answer: phrase: expected 0 <= start <= end <= 22') as string,
      'p4: clip.mp4: no such file',
    ]);
    expect((await readRunRecord(path.join(folder, 'e')))!.excluded.length).toBe(5);
    await expect(train({ ...base('f'), pairs: odd.slice(0, 2) })).rejects.toThrow(
      'got 2 pairs of which none is: 1 x the preferred answer has no marked token (0 marks); 1 x the two answers are identical',
    );
  });

  it('needs no marks for DPO', async () => {
    const config = { ...TEST_CONFIG, objective: 'dpo' as const, maxSteps: 1 };
    const unmarked = pairs.map((p) => ({ ...p, chosenSpans: [], rejectedSpans: [] }));
    expect((await train({ ...base('g'), config, pairs: unmarked })).step).toBe(1);
  });

  it('raises when a video is missing, or its tokens were cut', async () => {
    const without = { ...pairs[0], prompt: async () => ({ ids: (await pairs[0].prompt()).ids }) };
    await expect(train({ ...base('h'), pairs: [without] })).rejects.toThrow(
      'pair p0: expected video features',
    );
    const cut = {
      ...pairs[0],
      prompt: async () => {
        const { ids, features } = await pairs[0].prompt();
        return { ids: ids.filter((id, i) => id !== features!.placeholder || i % 2 === 0), features };
      },
    };
    await expect(train({ ...base('i'), pairs: [cut] })).rejects.toThrow('expected 9 placeholder tokens');
    const foreign = {
      ...pairs[0],
      prompt: async () => {
        const { ids, features } = await pairs[0].prompt();
        return { ids: [...ids, 2304], features };
      },
    };
    await expect(train({ ...base('o'), pairs: [foreign] })).rejects.toThrow(
      "tokenizer: expected token ids in [0, 2304), which the model's embedding has, got 2304",
    );
    const tight = { ...TEST_CONFIG, maxLength: 30 };
    await expect(train({ ...base('j'), config: tight })).rejects.toThrow(
      'more than the 30 allowed; rows are never cut',
    );
  });

  it('numbers that are not finite: the step is not applied, and what was saved before it stays', async () => {
    // After a step or two B is large; with such a beta the loss is still finite, and its gradients overflow.
    const config = { ...TEST_CONFIG, beta: 1e37, learningRate: 0.5, warmupRatio: 0, checkpointEvery: 1 };
    const message = await train({ ...base('l'), config }).then(() => 'no error', String);
    const [, step] = /expected gradients of a finite norm at step (\d+), got (?:NaN|Infinity)$/.exec(
      message,
    )!;
    const [done, runDir] = [Number(step) - 1, path.join(folder, 'l')];
    expect(done).toBeGreaterThan(0);
    expect((await listCheckpoints(runDir)).at(-1)!.step).toBe(done);
    expect((await readMetrics(metricsFile(runDir))).length).toBe(done);
    const { config: model } = await openCheckpoint(TINY_MODEL);
    const saved = await readAdapter((await listCheckpoints(runDir)).at(-1)!.dir, model);
    expect([...saved.modules.values()].every(({ a, b }) => [...a, ...b].every(Number.isFinite))).toBe(true);
    const broken = {
      ...pairs[0],
      prompt: async () => {
        const { ids, features } = await pairs[0].prompt();
        return { ids, features: { ...features!, data: features!.data.map(() => NaN) } };
      },
    };
    await expect(train({ ...base('m'), pairs: [broken] })).rejects.toThrow(
      'training: expected a finite loss at step 1, got NaN on pair p0',
    );
  });

  it('pairs that are longer than the model has positions', async () => {
    await expect(train({ ...base('q'), pairs: await tinyPairs(1, 2040) })).rejects.toThrow(
      /which none is: 1 x \d+ tokens are more than the 2048 positions that the model was made for$/,
    );
  });

  it('a second run in the same folder, and a resume with other settings or pairs', async () => {
    const config = { ...TEST_CONFIG, maxSteps: 1 };
    await train({ ...base('k'), config });
    await expect(train({ ...base('k'), config })).rejects.toThrow('got one that holds a run');
    await expect(train({ ...base('k'), config: { ...config, beta: 0.7 }, resume: true })).rejects.toThrow(
      'beta was 0.5 and is now 0.7',
    );
    await expect(train({ ...base('k'), config, pairs: pairs.slice(1), resume: true })).rejects.toThrow(
      '1 removed',
    );
  });
});
