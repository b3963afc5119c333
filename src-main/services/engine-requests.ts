/** @file From project rows to what the engine worker is asked: the model, its videos. */
import path from 'node:path';
import type { Sample } from '../contract/schemas.ts';
import type { EngineModel, EngineVideo } from '../jobs/apis.ts';
import { VideoLibrary } from '../library/videos.ts';
import { UserError } from '../platform/errors.ts';
import type { OpenProject } from '../project/project.ts';

/** What of a sample is needed to ask the model about it. */
export type AskedSample = Pick<Sample, 'id' | 'videoId' | 'question' | 'type' | 'chosen'>;

/** The project's checkpoint folder. @throws UserError BAD_INPUT when none is chosen */
export function requireModelDir(project: OpenProject): string {
  if (project.modelDir === null)
    throw new UserError(
      'BAD_INPUT',
      'The project has no model yet.',
      'Choose the folder of a Hugging Face checkpoint in Settings (or "rrpo-workbench init --model DIR").',
    );
  return project.modelDir;
}

/** Where features of this project's videos are cached. */
export function featureCacheDir(project: OpenProject): string {
  return path.join(project.cacheDir, 'features');
}

/** The project's model with or without an adapter, on the CPU unless said otherwise. */
export function engineModel(
  project: OpenProject,
  adapterDir: string | null,
  device: EngineModel['device'] = 'cpu',
): EngineModel {
  return { modelDir: requireModelDir(project), adapterDir, device, cacheDir: featureCacheDir(project) };
}

/** A video for the engine, or why it cannot be used. */
export function engineVideo(
  project: OpenProject,
  videoId: string,
): { video: EngineVideo | null; reason: string } {
  const videos = new VideoLibrary(project);
  const { name, path: file, state, sha256 } = videos.get(videoId);
  if (state !== 'ready' || sha256 === null) return { video: null, reason: `${name} is ${state}` };
  return { video: { path: file, sha256, pts: videos.ptsBytes(videoId) }, reason: '' };
}
