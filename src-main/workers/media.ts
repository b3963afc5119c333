/** @file The media worker: decoding, probing and transcoding, away from the window. Started by `jobs/workers.ts`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FeatureCache } from '../align/feature-cache.ts';
import { Recipe } from '../contract/recipe.ts';
import type { Handlers } from '../jobs/protocol.ts';
import type { MediaApi } from '../jobs/apis.ts';
import { serveWorker } from '../jobs/worker-side.ts';
import { makeStrip } from '../media/filmstrip.ts';
import { lookOf } from '../media/look.ts';
import { planPerturbation } from '../media/perturb.ts';
import { makePerturbedPictures } from '../media/perturbed-pictures.ts';
import { probeVideo } from '../media/probe.ts';
import { makeProxy } from '../media/proxy.ts';
import { PtsTable } from '../media/pts.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import type { ModelConfig } from '../models/config.ts';
import type { PixelSettings } from '../models/pixels.ts';
import { openProcessor } from '../models/processor.ts';
import { decodeClip, planClip, writePixels } from './clip.ts';

/** What `pixels` needs of a model, kept from call to call. */
let opened:
  { modelDir: string; hash: string; family: ModelConfig['family']; settings?: PixelSettings } | undefined;

const handlers: Handlers<MediaApi> = {
  async probe({ path }, { signal, emit }) {
    const {
      sha256,
      bytes,
      container,
      codec,
      width,
      height,
      rotation,
      frameRate,
      audioCodec,
      playable,
      findings,
      pts,
    } = await probeVideo(path, { signal, onProgress: emit });
    const about = {
      sha256,
      bytes,
      container,
      codec,
      width,
      height,
      rotation,
      frameRate,
      audioCodec,
      playable,
      findings,
    };
    const look = await lookOf(path, pts, { signal });
    return { ...about, duration: pts.duration, frameCount: pts.length, pts: pts.toBytes(), look };
  },
  look: ({ path, pts }, { signal }) => lookOf(path, PtsTable.fromBytes(pts), { signal }),
  async strip({ path, pts, stride, strip, output }, { signal }) {
    await makeStrip(path, PtsTable.fromBytes(pts), { stride, strip }, output, { signal });
    return null;
  },
  async perturbed({ path, pts, indices, recipe, seed, folder }, { signal, emit }) {
    const plan = planPerturbation(recipe, seed, indices.length);
    const nameOf = (k: number): string => join(folder, `${k}.jpg`);
    await makePerturbedPictures(path, PtsTable.fromBytes(pts), indices, plan, nameOf, {
      signal,
      onPicture: emit,
    });
    return null;
  },
  async pixels({ video, modelDir, modelHash: hash, cacheDir, frames, recipe, seed }, { signal }) {
    if (opened?.modelDir !== modelDir || opened.hash !== hash) {
      const { config } = await openCheckpoint(modelDir);
      const { pixels } = await openProcessor(modelDir, config);
      opened = { modelDir, hash, family: config.family, settings: pixels };
    }
    const { family, settings } = opened;
    if (settings === undefined) return null;
    const perturbation = recipe === null ? null : { recipe: Recipe.parse(recipe), seed };
    const clip = await planClip({ dir: modelDir, family, hash }, video, frames, perturbation);
    const features = new FeatureCache(cacheDir).fileOf(clip.key);
    if (existsSync(features)) return null;
    const file = `${features}.pixels`;
    // A process that was killed may have left it: files only ever appear whole.
    if (!existsSync(file)) await writePixels(file, await decodeClip(clip, settings, signal));
    return file;
  },
  async proxy({ path, pts, output }, { signal, emit }) {
    const frames = await makeProxy(path, PtsTable.fromBytes(pts), output, {
      signal,
      onProgress: (done, total) => emit(done / total),
    });
    return { path: output, frames };
  },
};

serveWorker<MediaApi>(handlers);
