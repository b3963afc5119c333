/** @file The training network computes what transformers computes: logits of the LLaVA-OneVision golden. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint, readWeight } from '../../src-main/models/checkpoint.ts';
import { Graph, type Value } from '../../src-main/tensor/graph.ts';
import { createSession, type Tensor } from '../../src-main/tensor/onnxruntime.ts';
import { rotaryTables } from './batches.ts';
import { decode, project, tower } from './network.ts';

const GOLDEN = path.resolve(import.meta.dirname, '../../../shared/golden/llava-onevision-tiny');

const floats = (name: string): Float32Array =>
  new Float32Array(new Uint8Array(readFileSync(path.join(GOLDEN, name))).buffer);
const ints = (name: string): Int32Array =>
  new Int32Array(new Uint8Array(readFileSync(path.join(GOLDEN, name))).buffer);

it('gives the golden logits of a video', async () => {
  if (!existsSync(GOLDEN))
    throw new Error(`${GOLDEN}: expected the golden files beside the checkout, got nothing`);
  const checkpoint = await openCheckpoint(GOLDEN);
  const c = checkpoint.config;
  if (c.family !== 'llava-onevision') throw new Error('expected llava-onevision');
  const ids = ints('video/in.input_ids.i32');
  const frames = 4;
  const T = ids.length;
  const videoStart = ids.indexOf(c.videoToken);
  const videoTokens = ids.filter((id) => id === c.videoToken).length;

  // Pixels [F, 3, S, S] to patches [F*P, 3*p*p].
  const { imageSize: S, patchSize: p } = c.vision;
  const pixels = floats('video/in.pixel_values_videos.f32');
  const grid = S / p;
  const patches = new Float32Array(pixels.length);
  for (let f = 0, to = 0; f < frames; f++)
    for (let py = 0; py < grid; py++)
      for (let px = 0; px < grid; px++)
        for (let ch = 0; ch < 3; ch++)
          for (let y = 0; y < p; y++)
            for (let x = 0; x < p; x++)
              patches[to++] = pixels[((f * 3 + ch) * S + py * p + y) * S + px * p + x];

  const graph = new Graph();
  const feeds: Record<string, Tensor> = {};
  const input = (name: string, data: Float32Array | Int32Array, shape: number[]): Value => {
    const dtype = data instanceof Float32Array ? 'float32' : 'int32';
    feeds[name] = { dtype, shape, data };
    return graph.input(name, dtype, shape);
  };
  const known = new Map<string, Value>();
  for (const [name, entry] of checkpoint.tensors)
    known.set(name, input(name, await readWeight(checkpoint, name), [...entry.shape]));
  const w = (name: string) => known.get(name)!;
  const { cos, sin } = rotaryTables(
    c,
    Int32Array.from({ length: T }, (_, i) => i),
  );
  const mask = Float32Array.from({ length: T * T }, (_, i) => (i % T <= Math.floor(i / T) ? 0 : -1e9));
  const d = c.text.headDim;
  const features = tower(w, c.vision, input('patches', patches, [frames * grid * grid, 3 * p * p]), frames);
  const { logits } = decode(w, c, {
    batch: 1,
    length: T,
    ids: input('ids', ids, [1, T]),
    cos: input('cos', cos, [1, 1, T, d]),
    sin: input('sin', sin, [1, 1, T, d]),
    mask: input('mask', mask, [1, 1, 1, T, T]),
    video: project(w, c, features, frames),
    videoStart,
    videoTokens,
    at: input(
      'at',
      Int32Array.from({ length: T }, (_, i) => i),
      [T],
    ),
  });
  graph.output('logits', logits);
  const declared = new Set(graph.inputs.map(({ attrs }) => attrs.name));
  const session = await createSession(graph, { threads: 1 });
  const result = await session.run(
    Object.fromEntries(Object.entries(feeds).filter(([name]) => declared.has(name))),
  );
  await session.release();
  const got = result.logits.data as Float32Array;
  const want = floats('video/out.logits.f32');
  expect(got.length).toBe(want.length);
  const norm = (f: (i: number) => number) => Math.sqrt(want.reduce((sum, _, i) => sum + f(i) ** 2, 0));
  expect(norm((i) => got[i] - want[i]) / norm((i) => want[i])).toBeLessThan(1e-4);
});
