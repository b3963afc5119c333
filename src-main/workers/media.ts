/** @file The media worker: decoding, probing and transcoding, away from the window. Started by `jobs/workers.ts`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { planPerturbation } from '../contract/perturb.ts';
import type { Handlers } from '../jobs/protocol.ts';
import type { EngineVideo, MediaApi } from '../jobs/apis.ts';
import { serveWorker } from '../jobs/worker-side.ts';
import { FrameStore } from '../media/frame-store.ts';
import { makeStrip } from '../media/filmstrip.ts';
import { lookOf } from '../media/look.ts';
import { makePerturbedPictures } from '../media/perturbed-pictures.ts';
import { probeVideo } from '../media/probe.ts';
import { makeProxy } from '../media/proxy.ts';
import { PtsTable } from '../media/pts.ts';
import { UserError } from '../platform/errors.ts';
import { decodeClip, givenFrame, planClip, writePixels } from './clip.ts';
import type { Perturbation } from './clip.ts';
import { eyeOf, openEye, toDecode } from './eye.ts';
import type { Eye } from './eye.ts';

/** Bytes of decoded frames that the preview keeps: 64 frames of full HD. */
const store = new FrameStore(400e6);

/** A clip as the opened model is given it. */
const planOpened = ({ modelDir: dir, family, hash }: Eye, video: EngineVideo, perturbation: Perturbation) =>
  planClip({ dir, family, hash }, video, null, perturbation);

const handlers: Handlers<MediaApi> = {
  async probe({ path }, { signal, emit }) {
    const { pts, ...about } = await probeVideo(path, { signal, onProgress: emit });
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
  async pixels(request, { signal }) {
    const wanted = await toDecode(request);
    if (wanted === null) return null;
    const { clip, settings, features } = wanted;
    const file = `${features}.pixels`;
    // A process that was killed may have left it: files only ever appear whole.
    if (!existsSync(file)) await writePixels(file, await decodeClip(clip, settings, signal));
    return file;
  },
  async eye({ video, modelDir }) {
    const opened = await openEye(modelDir);
    if (opened.settings === undefined)
      throw new UserError(
        'UNSUPPORTED',
        `${modelDir}: expected a model that is given video, got one that reads text only`,
        'Choose a video-language checkpoint in Settings.',
      );
    const { width, height } = opened.settings;
    return { frames: (await planOpened(opened, video, null)).frameIndices, width, height };
  },
  async given({ video, modelDir, recipe, seed, place }) {
    const opened = await eyeOf(modelDir);
    if (opened.settings === undefined) return null;
    const clip = await planOpened(opened, video, { recipe, seed });
    return (await givenFrame(clip, place, opened.settings, store))?.data ?? null;
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
