/** @file What the model is given of a clip: its pixels are there, a recipe changes them, a bare prompt is never silently without them. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineVideo } from '../../jobs/apis.ts';
import { probeVideo } from '../../media/probe.ts';
import { resolveRecipe } from '../../negatives/recipes.ts';
import { resourcesDir } from '../../platform/entries.ts';
import { sha256File } from '../../platform/files.ts';
import { LoadedModel } from './loaded-model.ts';

const FRAMES = 8;
const cacheDir = mkdtempSync(path.join(os.tmpdir(), 'loaded-model-'));
let model: LoadedModel;
/** A clip in which something moves. */
let video: EngineVideo;

beforeAll(async () => {
  const file = path.join(resourcesDir, 'sample', 'clips', 'clip-0001.mp4');
  const { pts } = await probeVideo(file);
  video = { path: file, pts: pts.toBytes(), sha256: await sha256File(file) };
  model = await LoadedModel.open({
    modelDir: path.join(resourcesDir, 'model'),
    cacheDir,
    adapterDir: null,
    device: 'cpu',
  });
});
afterAll(async () => {
  await model.releaseVision();
  rmSync(cacheDir, { recursive: true, force: true });
});

/** Features of the clip, clean or under a named recipe, and how often the prompt has a place for them. */
async function given(recipe: string | null): Promise<{ data: number[]; rows: number; places: number }> {
  const perturbation = recipe === null ? null : { recipe: resolveRecipe(recipe).recipe, seed: 3 };
  const prepared = await model.prepare(video, FRAMES, perturbation);
  const { ids, features } = model.prompt('What happens?', prepared);
  if (!features) throw new Error(`no features under ${recipe ?? 'no recipe'}`);
  const places = ids.filter((id) => id === features.placeholder).length;
  return { data: [...features.data], rows: features.rows, places };
}

test('the prompt has one place per feature, and the features are of this clip', async () => {
  const clean = await given(null);
  // 8 frames of 9 tokens each; the separator behind them is one more.
  expect(clean.rows).toBe(FRAMES * 9 + 1);
  expect(clean.places).toBe(clean.rows);
  expect(clean.data.every(Number.isFinite)).toBe(true);
  expect(new Set(clean.data).size).toBeGreaterThan(1000);
});

test.each(['default', 'reverse', 'freeze', 'blank'])('%s changes what the model sees', async (recipe) => {
  const [clean, broken] = [await given(null), await given(recipe)];
  expect(broken.places).toBe(broken.rows);
  const changed = broken.data.filter((value, i) => value !== clean.data[i]).length;
  expect(changed / clean.data.length).toBeGreaterThan(0.1);
  // And the same again from the cache, to the bit.
  expect((await given(recipe)).data).toEqual(broken.data);
});

test('reversed frames have the features of the clean ones, in reverse', async () => {
  const [clean, reversed] = [await given(null), await given('reverse')];
  const width = clean.data.length / clean.rows;
  const frame = (data: number[], k: number) => data.slice(k * 9 * width, (k + 1) * 9 * width);
  for (let k = 0; k < FRAMES; k++) {
    const error = frame(reversed.data, k).map((v, i) => v - frame(clean.data, FRAMES - 1 - k)[i]);
    expect(Math.max(...error.map(Math.abs))).toBeLessThan(1e-4);
  }
});
