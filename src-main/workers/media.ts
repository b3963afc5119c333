/** @file The media worker: decoding, probing and transcoding, away from the window. Started by `jobs/workers.ts`. */
import { join } from 'node:path';
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
  async perturbed({ path, pts, indices, recipe, seed, folder }, { signal }) {
    const plan = planPerturbation(recipe, seed, indices.length);
    const nameOf = (k: number): string => join(folder, `${k}.jpg`);
    await makePerturbedPictures(path, PtsTable.fromBytes(pts), indices, plan, nameOf, { signal });
    return null;
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
