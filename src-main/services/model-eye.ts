/** @file The model's eye: which frames of a video the project's model is given, and what it is given of them under a recipe. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Recipe } from '../contract/recipe.ts';
import type { PerturbedClip } from '../contract/schemas.ts';
import { VideoLibrary } from '../library/videos.ts';
import { defaultFrames, modelFrameIndices } from '../media/model-frames.ts';
import { layerRects, planPerturbation } from '../contract/perturb.ts';
import { readJson } from '../models/checkpoint.ts';
import { parseModelConfig } from '../models/config.ts';
import { projectRecipe } from '../negatives/recipe-store.ts';
import { log } from '../platform/log.ts';
import type { OpenProject } from '../project/project.ts';
import { requireModelDir } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** Frame indices the project's model is given; `frames` of them, or as many as its processor says. */
export async function modelFrames(project: OpenProject, videoId: string, frames?: number): Promise<number[]> {
  const modelDir = requireModelDir(project);
  const config = path.join(modelDir, 'config.json');
  const hint = 'Choose the folder that the checkpoint was downloaded to.';
  const { family } = parseModelConfig(await readJson(config, hint), config);
  const wanted = frames ?? (await defaultFrames(modelDir, family)).value;
  return modelFrameIndices(family, new VideoLibrary(project).pts(videoId), wanted);
}

/** Which perturbed clip: a recipe (`projectRecipe`), its seed, and the frames before it; by default {@link modelFrames}. */
type PerturbedRequest = { videoId: string; recipe: unknown; seed: number; frames?: readonly number[] };

/** Pictures under way: when all are made, and who waits for which. */
type Making = { all: Promise<void>; waiting: Map<number, PromiseWithResolvers<void>> };
/** By folder: two requests for one clip decode the video once. */
const making = new Map<string, Making>();

const picturesFolder = (project: OpenProject, key: string): string =>
  path.join(project.cacheDir, 'perturbed', key);

/** What the model is given of a video, frame for frame; its pictures are begun and served by {@link perturbedPicture}. */
export async function perturbedClip(
  workbench: Workbench,
  { videoId, seed, ...request }: PerturbedRequest,
): Promise<PerturbedClip> {
  const project = workbench.requireProject();
  const videos = new VideoLibrary(project);
  const table = videos.pts(videoId);
  const video = videos.get(videoId);
  const { recipe } = projectRecipe(project.db, request.recipe);
  const indices = [...(request.frames ?? (await modelFrames(project, videoId)))];
  for (const index of indices) table.index(index);
  // Named by content: the same clip under the same recipe has the same pictures, wherever the file lies.
  const key = createHash('sha256')
    .update(JSON.stringify([video.sha256, recipe, seed, indices]))
    .digest('hex')
    .slice(0, 40);
  const plan = planPerturbation(recipe, seed, indices.length);
  const [width, height] = [video.width ?? 1, video.height ?? 1];
  const folder = picturesFolder(project, key);
  if (!making.has(folder) && plan.some((_, k) => !existsSync(path.join(folder, `${k}.jpg`))))
    makePictures(workbench, folder, { path: video.path, pts: table.toBytes(), indices, recipe, seed });
  return {
    key,
    frames: plan.map(({ source, layers }, k) => ({
      at: indices[k],
      source: indices[source],
      masks: layers
        .flatMap((layer) => layerRects(layer, width, height))
        .map((r) => ({
          x: r.x / width,
          y: r.y / height,
          width: r.width / width,
          height: r.height / height,
        })),
    })),
  };
}

function makePictures(
  workbench: Workbench,
  folder: string,
  what: { path: string; pts: Uint8Array; indices: number[]; recipe: Recipe; seed: number },
): void {
  const waiting: Making['waiting'] = new Map();
  const all = workbench.workers.media
    .call('perturbed', { ...what, folder }, { onEvent: (k) => waiting.get(k)?.resolve() })
    .then(() => undefined)
    .catch((error: unknown) => log.warn(`no perturbed pictures of ${what.path}`, error))
    .finally(() => making.delete(folder));
  making.set(folder, { all, waiting });
}

/** Absolute path of a picture of {@link perturbedClip}, as soon as it is made; null when it cannot be. */
export async function perturbedPicture(workbench: Workbench, key: string, k: number): Promise<string | null> {
  const folder = picturesFolder(workbench.requireProject(), key);
  const file = path.join(folder, `${k}.jpg`);
  const under = making.get(folder);
  if (!existsSync(file) && under) {
    const made = under.waiting.get(k) ?? Promise.withResolvers<void>();
    under.waiting.set(k, made);
    await Promise.race([made.promise, under.all]);
  }
  return existsSync(file) ? file : null;
}
