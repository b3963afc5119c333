/** @file Batched generation on the sample model: the same tokens as one at a time, to the bit whoever shares the batch; early ends, refill, aborts. */
import { fork } from 'node:child_process';
import path from 'node:path';
import { setImmediate as nextTick } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resourcesDir } from '../platform/entries.ts';
import { Random } from '../platform/random.ts';
import { swiftshaderEnvironment } from '../platform/swiftshader.ts';
import { BatchDecoder } from './batch.ts';
import type { BatchRequest, BatchedText } from './batch.ts';
import { answerOn } from './batch.test-data.ts';
import { openCheckpoint } from './checkpoint.ts';
import { hasVision } from './config.ts';
import { adaptedLinears } from './families/language.ts';
import { LanguageModel } from './generation.ts';
import type { Features, Prompt } from './generation.ts';
import { KvCache } from './kv-cache.ts';

const STOP = 434;
let language: LanguageModel;
let adapted: LanguageModel;

beforeAll(async () => {
  const checkpoint = await openCheckpoint(path.join(resourcesDir, 'model'));
  language = await LanguageModel.open(checkpoint, { threads: 1 });
  adapted = await LanguageModel.open(checkpoint, { threads: 1, adapterRank: 16 });
  const random = new Random('adapter');
  const noise = (n: number) => Float32Array.from({ length: n }, () => random.between(-0.1, 0.1));
  const matrices = adaptedLinears(language.text).map(
    (l) => [l.path, { a: noise(16 * l.in), b: noise(16 * l.out) }] as const,
  );
  adapted.setAdapter({ rank: 16, scale: 2, matrices: new Map(matrices) });
});
afterAll(async () => {
  await language.release();
  await adapted.release();
});

const random = new Random('prompts');
const integer = (low: number, high: number) => Math.floor(random.between(low, high));

/** Prompts about three videos, of 20 to 140 tokens, and two of text alone: some cross the first 128 positions on their way. */
function prompts(count: number): Prompt[] {
  const { config } = language;
  if (!hasVision(config) || config.family === 'smolvlm') throw new Error('expected the sample model');
  const placeholder = config.videoToken;
  const videos = Array.from({ length: 3 }, (): Features => {
    const rows = integer(10, 60);
    const data = Float32Array.from({ length: rows * language.text.hidden }, () => random.between(-1, 1));
    return { data, rows, placeholder };
  });
  const words = (n: number) => Array.from({ length: n }, () => integer(10, 400));
  const start = words(6);
  return Array.from({ length: count }, (_, i): Prompt => {
    if (i % 10 === 9) return { ids: words(integer(20, 40)) };
    const features = videos[i % videos.length];
    const video = Array.from({ length: features.rows }, () => placeholder);
    return { ids: [...start, ...video, ...words(i % 8 === 0 ? integer(60, 80) : integer(3, 30))], features };
  });
}

async function alone(model: LanguageModel, { prompt, options }: BatchRequest): Promise<BatchedText> {
  const steps = model.generate(prompt, options);
  const ids: number[] = [];
  for (;;) {
    const next = await steps.next();
    if (next.done) return { ids, finish: next.value };
    ids.push(next.value.id);
  }
}

describe('BatchDecoder', () => {
  it('chooses the greedy tokens of one at a time, over prompts of many lengths that end early and are refilled', async () => {
    const requests = prompts(40).map((prompt, i): BatchRequest => ({
      prompt,
      options: { maxNewTokens: 4 + ((i * 7) % 37), stopIds: [STOP] },
    }));
    const decoder = new BatchDecoder(language, { width: 8 });
    const together = await Promise.all(requests.map((request) => decoder.generate(request)));
    for (const [i, request] of requests.entries())
      expect(together[i]).toEqual(await alone(language, request));
    expect(new Set(together.map((t) => t.ids.length)).size).toBeGreaterThan(8);
    // Three videos, each prompt's start up to its last feature computed once for all its questions.
    expect(decoder.counts.starts).toBe(3);
    const tokens = together.reduce((sum, { ids }) => sum + ids.length, 0);
    expect(decoder.counts.stepRows).toBe(tokens - together.length); // the first tokens come from the prompts' runs
    expect(decoder.counts.stepRows / decoder.counts.steps).toBeGreaterThan(4);
    expect(decoder.counts.prompts).toBeLessThan(requests.length); // prompts of one width run together
  });

  it.each(['base model', 'adapter'])('samples the same text alone as in any company: %s', async (which) => {
    const model = which === 'adapter' ? adapted : language;
    const requests = prompts(24).map((prompt, i): BatchRequest => ({
      prompt,
      options: { maxNewTokens: 24, stopIds: [STOP], sampling: { temperature: 1.5, seed: `row ${i}` } },
    }));
    const ask = (decoder: BatchDecoder, list: BatchRequest[]) =>
      Promise.all(list.map((request) => decoder.generate(request)));
    const wide = await ask(new BatchDecoder(model, { width: 24 }), requests);
    const narrow = (await ask(new BatchDecoder(model, { width: 5 }), [...requests].reverse())).reverse();
    expect(narrow).toEqual(wide);
    for (const i of [0, 7, 9, 23])
      expect(await new BatchDecoder(model, { width: 16 }).generate(requests[i])).toEqual(wide[i]);
    expect(new Set(wide.map((t) => t.ids.join())).size).toBeGreaterThan(15);
  });

  it.each(['base model', 'adapter'])(
    'computes each row to the bit alike for any number of rows: %s',
    async (which) => {
      const model = which === 'adapter' ? adapted : language;
      const rows = Array.from({ length: 20 }, () =>
        Array.from({ length: integer(20, 48) }, () => integer(10, 400)),
      );
      const run = async (count: number): Promise<Float32Array[]> => {
        const cache = new KvCache(model.text, 128, count);
        const some = rows.slice(0, count);
        const first = await model.forward(
          cache,
          some.map((ids) => ({ ids, wanted: [ids.length - 1] })),
          48,
        );
        const second = await model.forward(
          cache,
          some.map((ids) => ({ ids: [ids[3]], wanted: [0] })),
        );
        const vocabulary = model.text.vocab;
        return [first.slice(0, vocabulary), second.slice(0, vocabulary)];
      };
      const want = await run(2);
      for (const count of [3, 4, 7, 12, 13, 20]) expect(await run(count)).toEqual(want);
    },
  );

  it('keeps to its memory: one text at a time when the caches of two do not fit', async () => {
    const requests = prompts(4).map((prompt): BatchRequest => ({ prompt, options: { maxNewTokens: 5 } }));
    const decoder = new BatchDecoder(language, { width: 8, cacheBytes: 1 });
    await Promise.all(requests.map((request) => decoder.generate(request)));
    expect(decoder.counts.stepRows).toBe(decoder.counts.steps);
  });

  it('lets a text go when its signal aborts, and refuses a prompt that does not fit, without touching the others', async () => {
    const [first, second, third, fourth] = prompts(4);
    const options = { maxNewTokens: 40 };
    const stop = new AbortController();
    const decoder = new BatchDecoder(language);
    const broken: Prompt = { ...fourth, ids: fourth.ids.filter((_, i) => i !== 8) };
    const settled = Promise.allSettled(
      [first, second, third, broken].map((prompt, i) =>
        decoder.generate({ prompt, options: i === 1 ? { ...options, signal: stop.signal } : options }),
      ),
    );
    // All three are under way, and far from their end.
    while (decoder.counts.steps < 3) await nextTick();
    stop.abort('enough');
    const ends = await settled;
    expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(ends[1]).toMatchObject({ reason: 'enough' });
    expect(ends[3]).toMatchObject({
      reason: { message: expect.stringContaining('placeholder tokens') as string },
    });
    expect(ends[0]).toMatchObject({ value: await alone(language, { prompt: first, options }) });
    expect(() => decoder.generate({ prompt: { ids: [] }, options })).toThrow('at least one token');
  });

  it('says of a prompt whose features are not finite that it cannot go on, and answers the others', async () => {
    const [first, second] = prompts(2);
    const { features } = second;
    const damaged = { ...second, features: { ...features!, data: features!.data.map(() => NaN) } };
    const options = { maxNewTokens: 6 };
    const decoder = new BatchDecoder(language);
    const [good, greedy, sampled] = await Promise.allSettled([
      decoder.generate({ prompt: first, options }),
      decoder.generate({ prompt: damaged, options }),
      decoder.generate({ prompt: damaged, options: { ...options, sampling: { seed: 1 } } }),
    ]);
    expect(good).toMatchObject({ value: await alone(language, { prompt: first, options }) });
    for (const end of [greedy, sampled])
      expect(end).toMatchObject({
        reason: { code: 'CORRUPT', message: expect.stringContaining('NaN') as string },
      });
  });
});

it('answers with an adapter on a GPU, where a run has one row, as on the CPU', async () => {
  const { value, reason } = swiftshaderEnvironment();
  expect(value, reason).not.toBeNull();
  const child = fork(path.join(import.meta.dirname, 'batch.test-child.ts'), [], {
    env: { ...process.env, ...value },
    execArgv: [],
  });
  const texts: BatchedText[] = [];
  child.on('message', (message) => texts.push(message as BatchedText));
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  expect(texts).toEqual([await answerOn('cpu')]);
}, 300_000);
