/** @file The model's frames on tables of known length. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { defaultFrames, modelFrameIndices } from './model-frames.ts';
import { PtsTable } from './pts.ts';

const table = (n: number, fps: number): PtsTable =>
  new PtsTable({
    timeBase: { num: 1, den: fps },
    ticks: Array.from({ length: n }, (_, i) => i),
    keys: [0],
    end: n,
    seekable: true,
  });

test('LLaVA-OneVision: evenly spread, the first frame included; short videos repeat frames', () => {
  expect(modelFrameIndices('llava-onevision', table(24, 12), 8)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
  expect(modelFrameIndices('llava-onevision', table(3, 12), 6)).toEqual([0, 0, 1, 1, 2, 2]);
});

test('SmolVLM2: about one a second', () => {
  expect(modelFrameIndices('smolvlm', table(100, 10), 64)).toHaveLength(10);
  expect(modelFrameIndices('smolvlm', table(100, 10), 4)).toHaveLength(4);
});

test('the number of frames comes from the processor, with the reason', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-frames-'));
  try {
    expect((await defaultFrames(dir, 'llava-onevision')).value).toBe(16);
    expect((await defaultFrames(dir, 'smolvlm')).value).toBe(64);
    await writeFile(path.join(dir, 'video_preprocessor_config.json'), '{"num_frames": 8}');
    expect(await defaultFrames(dir, 'llava-onevision')).toEqual({
      value: 8,
      reason: 'num_frames of video_preprocessor_config.json',
    });
  } finally {
    await rm(dir, { recursive: true });
  }
});
