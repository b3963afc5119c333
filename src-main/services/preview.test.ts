/** @file The studio's preview is what the model is given: each of its frames, byte for byte the pixels that the media worker hands to the engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { givenAddress } from '../contract/given.ts';
import { planPerturbation, videoSeed } from '../contract/perturb.ts';
import { Recipe, type RecipeInput } from '../contract/recipe.ts';
import type { ModelEye } from '../contract/schemas.ts';
import { encodeVideo, type TimedRgb } from '../media/encode.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import { pixelTable } from '../models/pixels.ts';
import { openProcessor } from '../models/processor.ts';
import { resourcesDir } from '../platform/entries.ts';
import { readPixels } from '../workers/clip.ts';
import { engineVideo } from './engine-requests.ts';
import { mediaResponse } from './media-route.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const MODEL = path.join(resourcesDir, 'model');
const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-preview-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));
/** By name: `long` has more frames than the model is given, `short` fewer. Neither has the shape that the model reads. */
const videos = new Map<string, string>();

/** Every frame has a colour of its own, and a ramp that resizing and masks show in. */
function* ramps(n: number): Generator<TimedRgb> {
  const rgb = new Uint8Array(200 * 120 * 3);
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < 200 * 120; p++) {
      rgb[p * 3] = (5 * i + 3 * (p % 200)) % 256;
      rgb[p * 3 + 1] = (p >> 7) % 256;
      rgb[p * 3 + 2] = 250 - 5 * i;
    }
    yield { rgb, pts: i, duration: 1 };
  }
}

beforeAll(async () => {
  await client.project.create({ path: path.join(home, 'project'), name: 'Preview' });
  await client.project.setModel({ modelDir: MODEL });
  for (const [name, frames] of [
    ['long', 40],
    ['short', 3],
  ] as const) {
    const file = path.join(home, `${name}.mp4`);
    const settings = { codec: 'h264', width: 200, height: 120, timeBase: { num: 1, den: 10 } } as const;
    await encodeVideo(file, ramps(frames), settings);
    await client.library.addVideos({ paths: [file] });
  }
  await workbench.jobs.idle();
  for (const { id, name } of await client.library.videos()) videos.set(name.replace('.mp4', ''), id);
});
afterAll(async () => {
  await workbench.dispose();
  rmSync(home, { recursive: true });
});

/** A frame's bytes by its address; null for 404. */
async function frameAt(address: string): Promise<Uint8Array | null> {
  const response = await mediaResponse(workbench, address, null);
  return response?.status === 200 ? new Uint8Array(await response.arrayBuffer()) : null;
}

/** What the engine is handed of a clip: float32 [F, 3, H, W]. */
async function handedOver(videoId: string, recipe: Recipe, seed: number): Promise<Float32Array> {
  const { video } = engineVideo(workbench.requireProject(), videoId);
  const file = await workbench.workers.media.call('pixels', {
    video: video!,
    modelDir: MODEL,
    modelHash: 'preview',
    cacheDir: path.join(home, 'features'),
    frames: null,
    recipe,
    seed,
  });
  return readPixels(file!);
}

const RECIPES: Record<string, RecipeInput> = {
  clean: [],
  'mask and local shuffle': [{ op: 'mask' }, { op: 'shuffle' }],
  'global shuffle': [{ op: 'shuffle', scope: 'global' }],
  reverse: [{ op: 'reverse' }],
  'drop, repeated': [{ op: 'drop' }],
  'drop, removed': [{ op: 'drop', ratio: 0.4, replace: 'remove' }],
  freeze: [{ op: 'freeze', at: 'random' }],
  'noise in patches, each frame anew': [
    { op: 'mask', shape: 'patches', span: 'frame', grid: 7, fill: 'noise' },
  ],
  'mean over everything': [{ op: 'mask', ratio: [1, 1], fill: 'mean' }],
  blank: [{ op: 'blank', fill: [10, 200, 30] }],
};

test.each(Object.keys(RECIPES).flatMap((name) => ['long', 'short'].map((clip) => [name, clip])))(
  '%s on a %s clip',
  async (name, clip) => {
    const videoId = videos.get(clip)!;
    const recipe = Recipe.parse(RECIPES[name]);
    const eye: ModelEye = await client.negatives.eye({ videoId });
    const seed = videoSeed(3, eye.sha256);
    const plan = planPerturbation(recipe, seed, eye.frames.length);
    const { config } = await openCheckpoint(MODEL);
    const table = pixelTable((await openProcessor(MODEL, config)).pixels!);
    const pixels = await handedOver(videoId, recipe, seed);
    const plane = eye.width * eye.height;
    expect(pixels.length).toBe(plan.length * 3 * plane);
    for (const place of plan.keys()) {
      const bytes = (await frameAt(givenAddress(videoId, { recipe, seed }, place)))!;
      expect(bytes.length).toBe(3 * plane);
      let different = 0;
      for (let channel = 0; channel < 3; channel++)
        for (let i = 0; i < plane; i++)
          if (table[channel * 256 + bytes[i * 3 + channel]] !== pixels[(place * 3 + channel) * plane + i])
            different++;
      expect(different, `place ${place}`).toBe(0);
    }
    expect(await frameAt(givenAddress(videoId, { recipe, seed }, plan.length))).toBeNull();
  },
);

test('what is no address, or no video, is nothing', async () => {
  const under = { recipe: [], seed: 0 };
  expect(await frameAt(givenAddress('unknown', under, 0))).toBeNull();
  const good = givenAddress(videos.get('long')!, under, 0);
  expect(await frameAt(good)).not.toBeNull();
  for (const bad of ['!', 'bm8', btoa('{"recipe":[{"op":"melt"}],"seed":0}').replaceAll('=', '')])
    expect(await frameAt(good.replace(/[\w-]+(?=\/0\.rgb)/, bad)), bad).toBeNull();
});
