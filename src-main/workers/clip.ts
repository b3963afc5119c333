/**
 * @file What a model is given of a clip: which frames, in which order, how broken, as pixels. Both workers ask here: media decodes
 * ahead of the engine, and the engine decodes what nobody has decoded for it.
 */
import type { FeatureKey } from '../align/feature-cache.ts';
import { planPerturbation, type PlannedFrame } from '../contract/perturb.ts';
import type { Recipe } from '../contract/recipe.ts';
import type { EngineVideo, FrameCount } from '../jobs/apis.ts';
import { framesAt } from '../media/decode.ts';
import type { FrameStore } from '../media/frame-store.ts';
import { defaultFrames, modelFrameIndices } from '../media/model-frames.ts';
import { drawLayers, perturbFrames } from '../media/perturb.ts';
import { PtsTable } from '../media/pts.ts';
import type { ModelConfig } from '../models/config.ts';
import { pixelValues, resizeForModel } from '../models/pixels.ts';
import type { PixelSettings, RgbImage } from '../models/pixels.ts';
import type { PromptVideo } from '../models/processor.ts';
import { readSafetensorsHeader, readTensorFloat32, writeSafetensors } from '../models/safetensors.ts';

/** A perturbation as the workers carry it out; null for the clean video. */
export type Perturbation = { recipe: Recipe; seed: number } | null;

/** Of a model, what decides which frames it is given, and its name in the feature cache. */
export type ClipModel = { dir: string; family: ModelConfig['family']; hash: string };

/** A clip as a model will be given it; nothing is decoded yet. */
export type PlannedClip = {
  video: EngineVideo;
  table: PtsTable;
  /** Sampled frames, as indices into the PTS table, before any perturbation. */
  frameIndices: number[];
  plan: readonly PlannedFrame[] | null;
  prompt: PromptVideo;
  /** Names its features. */
  key: FeatureKey;
};

/** Which frames of a clip a model is given, and what its prompt says of them. */
export async function planClip(
  { dir, family, hash }: ClipModel,
  video: EngineVideo,
  frames: FrameCount,
  perturbation: Perturbation,
): Promise<PlannedClip> {
  const table = PtsTable.fromBytes(video.pts);
  const wanted = frames ?? (await defaultFrames(dir, family)).value;
  const frameIndices = modelFrameIndices(family, table, wanted);
  const plan =
    perturbation === null
      ? null
      : planPerturbation(perturbation.recipe, perturbation.seed, frameIndices.length);
  const shown = plan?.length ?? frameIndices.length;
  const first = table.start(0);
  return {
    video,
    table,
    frameIndices,
    plan,
    prompt: {
      frames: shown,
      times: frameIndices.slice(0, shown).map((i) => table.start(i) - first),
      duration: table.duration,
    },
    key: { video: video.sha256, frames: frameIndices, model: hash, recipe: perturbation },
  };
}

/**
 * Frame `place` of a planned clip as bytes in the model's own size: what {@link decodeClip} turns into numbers. Null when the clip has no
 * such frame.
 */
export async function givenFrame(
  { video, table, frameIndices, plan }: PlannedClip,
  place: number,
  settings: PixelSettings,
  store: FrameStore,
): Promise<RgbImage | null> {
  const planned = plan === null ? { source: place, layers: [] } : plan[place];
  if (planned === undefined || planned.source >= frameIndices.length) return null;
  const decoded = await store.frame(video, table, frameIndices[planned.source], frameIndices);
  return resizeForModel(drawLayers(decoded, planned.layers), settings);
}

/** Decodes a planned clip: pixels [F, 3, H, W] as the vision tower reads them. */
export async function decodeClip(
  { video, table, frameIndices, plan, prompt }: PlannedClip,
  settings: PixelSettings,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const decoded: RgbImage[] = await framesAt(video.path, table, frameIndices, { signal });
  return pixelValues(plan === null ? decoded : perturbFrames(decoded, plan), prompt.frames, settings);
}

/** Leaves pixels for another process; the file appears whole or not at all. */
export async function writePixels(file: string, data: Float32Array): Promise<void> {
  await writeSafetensors(file, [{ name: 'pixels', dtype: 'F32', shape: [data.length], data }]);
}

/** What {@link writePixels} left. */
export async function readPixels(file: string): Promise<Float32Array> {
  const { tensors } = await readSafetensorsHeader(file);
  return readTensorFloat32(tensors.get('pixels')!);
}
