/** @file What of a model decides which pixels it is given of a clip, and whether their features are there already. Loads no weights. */
import { existsSync } from 'node:fs';
import { FeatureCache } from '../align/feature-cache.ts';
import { Recipe } from '../contract/recipe.ts';
import type { ClipRequest } from '../jobs/apis.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import type { ModelConfig } from '../models/config.ts';
import type { PixelSettings } from '../models/pixels.ts';
import { openProcessor } from '../models/processor.ts';
import { planClip } from './clip.ts';
import type { PlannedClip } from './clip.ts';

/** A model that reads text only has no settings. */
export type Eye = {
  modelDir: string;
  hash: string;
  family: ModelConfig['family'];
  settings?: PixelSettings;
};

/** That of the model asked for last, kept from call to call. */
let opened: Eye | undefined;

/** Reads the eye of a model anew. `hash`: of its weights, when features are looked for. */
export async function openEye(modelDir: string, hash = ''): Promise<Eye> {
  const { config } = await openCheckpoint(modelDir);
  const { pixels } = await openProcessor(modelDir, config);
  opened = { modelDir, hash, family: config.family, settings: pixels };
  return opened;
}

/** The eye of a model, from the call before where it was the same. */
export async function eyeOf(modelDir: string, hash = ''): Promise<Eye> {
  const fits = opened?.modelDir === modelDir && (hash === '' || opened.hash === hash);
  return fits ? opened! : openEye(modelDir, hash);
}

/** A clip as it is asked for, and the file of its features where they still have to be made; null: nothing is to be decoded. */
export async function toDecode(
  request: ClipRequest,
): Promise<{ clip: PlannedClip; settings: PixelSettings; features: string } | null> {
  const { video, modelDir: dir, modelHash, cacheDir, frames, recipe, seed } = request;
  const { family, hash, settings } = await eyeOf(dir, modelHash);
  if (settings === undefined) return null;
  const perturbation = recipe === null ? null : { recipe: Recipe.parse(recipe), seed };
  const clip = await planClip({ dir, family, hash }, video, frames, perturbation);
  const features = new FeatureCache(cacheDir).fileOf(clip.key);
  return existsSync(features) ? null : { clip, settings, features };
}
