/** @file Generation on the pipeline goldens: same tokens, seeded sampling, stop, cancel, scores, adapter on and off, growing cache. */
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../platform/random.ts';
import { openCheckpoint } from './checkpoint.ts';
import { adaptedLinears } from './families/language.ts';
import { LanguageModel } from './generation.ts';
import type { Adapter, GeneratedToken, GenerateOptions, Prompt } from './generation.ts';
import { generateText, modelHash, openModel } from './model.ts';
import type { Model } from './model.ts';
import { pixelValues } from './pixels.ts';
import { readTensorFloat32, writeSafetensors } from './safetensors.ts';
import type { TensorToWrite } from './safetensors.ts';
import { candidates, sampleToken } from './sampling.ts';
import { VisionEncoder } from './vision.ts';

const GOLDEN = path.resolve('../shared/golden');
const FIXTURE = path.join(GOLDEN, 'pipeline-llava-onevision-tiny');
type Case = {
  outputs: { input_ids: number[]; generated_ids: number[]; generated_text: string; token_logprobs: number[] };
};
const { cases } = JSON.parse(readFileSync(path.join(FIXTURE, 'manifest.json'), 'utf8')) as { cases: Case[] };
const want = cases[0].outputs;

let model: Model;
let language: LanguageModel;
let prompt: Prompt;

beforeAll(async () => {
  model = await openModel(path.join(FIXTURE, 'hub'));
  language = await LanguageModel.open(model.checkpoint, { threads: 1, adapterRank: 4 });
  const vision = await VisionEncoder.open(model.checkpoint, { threads: 1 });
  const bytes = readFileSync(path.join(GOLDEN, 'frames/landscape.u8'));
  const size = 64 * 96 * 3;
  const frames = [0, 1, 2, 3].map((i) => ({
    data: bytes.subarray(i * size, (i + 1) * size),
    width: 96,
    height: 64,
  }));
  const pixels = pixelValues(frames, 4, model.processor.pixels!);
  prompt = { ids: want.input_ids, features: await vision.encodeVideo(pixels, 4) };
  await vision.release();
});
afterAll(() => language.release());

async function generate(options: Partial<GenerateOptions> = {}): Promise<GeneratedToken[]> {
  const tokens: GeneratedToken[] = [];
  for await (const token of language.generate(prompt, { maxNewTokens: 24, ...options })) tokens.push(token);
  return tokens;
}
const idsOf = (tokens: GeneratedToken[]) => tokens.map((t) => t.id);

describe('LanguageModel', () => {
  it('gives the reference tokens and log-probabilities', async () => {
    const tokens = await generate({ logProbabilities: 2 });
    expect(idsOf(tokens)).toEqual(want.generated_ids);
    tokens.forEach((t, i) => {
      expect(t.logProbability).toBeCloseTo(want.token_logprobs[i], 4);
      expect(t.top![0].id).toBe(t.id);
      expect(t.top!.length).toBe(2);
    });
  });

  it('scores a continuation as generation saw it', async () => {
    const scores = await language.score(prompt, want.generated_ids);
    expect(scores.length).toBe(24);
    scores.forEach((s, i) => expect(s).toBeCloseTo(want.token_logprobs[i], 4));
  });

  it('grows its cache without changing the text', async () => {
    // 35 prompt tokens: 100 more cross the first bucket of 128.
    const tokens = idsOf(await generate({ maxNewTokens: 110 }));
    expect(tokens.slice(0, 24)).toEqual(want.generated_ids);
    const scores = await language.score(prompt, tokens);
    const tail = await generate({ maxNewTokens: 110, logProbabilities: 0 });
    tail.forEach((t, i) => expect(t.logProbability).toBeCloseTo(scores[i], 3));
  });

  it('stops after a stop token and says why', async () => {
    const steps = language.generate(prompt, { maxNewTokens: 24, stopIds: [1852] });
    const ids: number[] = [];
    let next = await steps.next();
    for (; !next.done; next = await steps.next()) ids.push(next.value.id);
    expect(ids).toEqual([2110, 1863, 1524, 150, 1852]);
    expect(next.value).toBe('stop');
  });

  it('stops between two tokens when cancelled', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const { id } of language.generate(prompt, { maxNewTokens: 24, signal: controller.signal })) {
        seen.push(id);
        if (seen.length === 3) controller.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toEqual(want.generated_ids.slice(0, 3));
  });

  it('samples the same text from the same seed, another from another', async () => {
    const sampling = { temperature: 1.2, topK: 50, topP: 0.9 };
    const a = idsOf(await generate({ sampling: { ...sampling, seed: 7 } }));
    expect(idsOf(await generate({ sampling: { ...sampling, seed: 7 } }))).toEqual(a);
    expect(idsOf(await generate({ sampling: { ...sampling, seed: 8 } }))).not.toEqual(a);
    const cold = await generate({ sampling: { topK: 1, seed: 1 } });
    expect(idsOf(cold)).toEqual(want.generated_ids);
  });

  it('turns an adapter on and off; off is the base model to the bit', async () => {
    const base = await generate({ logProbabilities: 0 });
    const random = new Random('adapter');
    const noise = (n: number) => Float32Array.from({ length: n }, () => random.between(-0.3, 0.3));
    const matrices: Adapter['matrices'] = new Map(
      adaptedLinears(model.checkpoint.config.text).map((l) => [
        l.path,
        { a: noise(2 * l.in), b: noise(l.out * 2) },
      ]),
    );
    language.setAdapter({ rank: 2, scale: 2, matrices });
    expect(idsOf(await generate())).not.toEqual(want.generated_ids);
    language.adapterEnabled = false;
    expect(await generate({ logProbabilities: 0 })).toEqual(base);
  });

  it('computes with an adapter what the merged weights W + scale B A give', async () => {
    const random = new Random('merge');
    const noise = (n: number) => Float32Array.from({ length: n }, () => random.between(-0.2, 0.2));
    const rank = 3;
    const scale = 1.5;
    // Every third linear is left out, so that groups are adapted in part.
    const linears = adaptedLinears(model.checkpoint.config.text).filter((_, i) => i % 3 !== 1);
    const matrices = new Map(linears.map((l) => [l.path, { a: noise(rank * l.in), b: noise(l.out * rank) }]));
    const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-merged-'));
    const merged: TensorToWrite[] = [];
    for (const [name, entry] of model.checkpoint.tensors) {
      const data = await readTensorFloat32(entry);
      const linear = linears.find((l) => `${l.path}.weight` === name);
      if (linear) {
        const { a, b } = matrices.get(linear.path)!;
        for (let o = 0; o < linear.out; o++)
          for (let i = 0; i < linear.in; i++)
            for (let r = 0; r < rank; r++)
              data[o * linear.in + i] += scale * b[o * rank + r] * a[r * linear.in + i];
      }
      merged.push({ name, dtype: 'F32', shape: entry.shape, data });
    }
    await writeSafetensors(path.join(dir, 'model.safetensors'), merged);
    await cp(path.join(FIXTURE, 'hub/config.json'), path.join(dir, 'config.json'));
    const other = await LanguageModel.open(await openCheckpoint(dir), { threads: 1 });
    const expected = await other.score(prompt, want.generated_ids);
    await other.release();
    language.setAdapter({ rank, scale, matrices });
    const got = await language.score(prompt, want.generated_ids);
    got.forEach((s, i) => expect(s).toBeCloseTo(expected[i], 4));
    expect(Math.abs(got[0] - want.token_logprobs[0])).toBeGreaterThan(0.01);
    language.adapterEnabled = false;
    await rm(dir, { recursive: true });
  });

  it('refuses adapters that do not fit', () => {
    const [linear] = adaptedLinears(model.checkpoint.config.text);
    const pair = { a: new Float32Array(4), b: new Float32Array(4) };
    const set = (rank: number, at: string) => () =>
      language.setAdapter({ rank, scale: 1, matrices: new Map([[at, pair]]) });
    expect(set(5, linear.path)).toThrow('rank of at most 4');
    expect(set(1, 'x')).toThrow('"x" is no linear');
    expect(set(1, linear.path)).toThrow('expected a [1, 64]');
  });

  it('refuses a prompt whose placeholders were cut', async () => {
    const cut = { ...prompt, ids: prompt.ids.filter((_, i) => i !== 5) };
    await expect(language.generate(cut, { maxNewTokens: 1 }).next()).rejects.toThrow(
      'expected 17 placeholder tokens (id 2260) for as many visual features, got 16',
    );
  });

  it('streams text that never has half a character in the middle', async () => {
    let text = '';
    for await (const chunk of generateText(model, language, prompt, { maxNewTokens: 24 })) text += chunk.text;
    expect(text).toBe(want.generated_text);
    expect(model.stopIds).toEqual([2258]);
    expect(await modelHash(model)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('half-precision weights', () => {
  it('runs a sharded bfloat16 checkpoint as the float32 one with rounded weights', async () => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-bf16-'));
    const folders = { half: path.join(dir, 'half'), rounded: path.join(dir, 'rounded') };
    const half: TensorToWrite[] = [];
    const rounded: TensorToWrite[] = [];
    for (const [name, entry] of model.checkpoint.tensors) {
      const values = new Uint32Array((await readTensorFloat32(entry)).buffer);
      const upper = Uint16Array.from(values, (v) => v >>> 16);
      half.push({ name, dtype: 'BF16', shape: entry.shape, data: upper });
      const wide = Uint32Array.from(upper, (v) => v << 16);
      rounded.push({ name, dtype: 'F32', shape: entry.shape, data: new Float32Array(wide.buffer) });
    }
    const files = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const weight_map = Object.fromEntries(half.map((t, i) => [t.name, files[i % 2]]));
    for (const [k, file] of files.entries())
      await writeSafetensors(
        path.join(folders.half, file),
        half.filter((_, i) => i % 2 === k),
      );
    await writeFile(path.join(folders.half, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    await writeSafetensors(path.join(folders.rounded, 'model.safetensors'), rounded);
    const scores: Float64Array[] = [];
    for (const folder of [folders.half, folders.rounded]) {
      await cp(path.join(FIXTURE, 'hub/config.json'), path.join(folder, 'config.json'));
      const other = await LanguageModel.open(await openCheckpoint(folder), { threads: 1 });
      expect(other.weights.mode).toBe('mapped');
      scores.push(await other.score(prompt, want.generated_ids));
      await other.release();
    }
    scores[0].forEach((s, i) => expect(s).toBeCloseTo(scores[1][i], 5));
    // The rounding itself is visible, so the comparison means something.
    expect(Math.abs(scores[0][0] - want.token_logprobs[0])).toBeGreaterThan(1e-4);
    await rm(dir, { recursive: true });
  });
});

describe('sampling', () => {
  it('keeps the smallest set that reaches top-p, at least one token', () => {
    const logits = Float32Array.from([Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05)]);
    expect(candidates(logits, { topP: 0.8 }).map((c) => c.id)).toEqual([0, 1]);
    expect(candidates(logits, { topP: 0.81 }).map((c) => c.id)).toEqual([0, 1, 2]);
    expect(candidates(logits, { topP: 0 }).map((c) => c.id)).toEqual([0]);
    const [first, second] = candidates(logits, { topK: 2 });
    expect(first.probability).toBeCloseTo(0.625, 6);
    expect(second.probability).toBeCloseTo(0.375, 6);
  });

  it('draws with the probabilities it states', () => {
    const logits = Float32Array.from([0, Math.log(3)]);
    const random = new Random(5);
    let ones = 0;
    for (let i = 0; i < 20_000; i++) ones += sampleToken(logits, {}, random);
    expect(ones / 20_000).toBeCloseTo(0.75, 1.8);
  });
});
