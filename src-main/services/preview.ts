/** @file The studio's preview: which frames the project's model is given of a video, and each of them under a recipe, to the byte. */
import type { GivenUnder } from '../contract/given.ts';
import type { ModelEye } from '../contract/schemas.ts';
import { VideoLibrary } from '../library/videos.ts';
import { log } from '../platform/log.ts';
import { UserError } from '../platform/errors.ts';
import { engineVideo, requireModelDir } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

function asked(workbench: Workbench, videoId: string) {
  const project = workbench.requireProject();
  const modelDir = requireModelDir(project);
  const { video, reason } = engineVideo(project, videoId);
  if (video === null)
    throw new UserError('UNAVAILABLE', `preview: ${reason}`, 'See the findings in the Library.');
  return { video, modelDir };
}

/** What the project's model is given of a video before any recipe. @throws UserError when there is no model or no such video */
export async function modelEye(workbench: Workbench, videoId: string): Promise<ModelEye> {
  const { video, modelDir } = asked(workbench, videoId);
  const { width, height } = new VideoLibrary(workbench.requireProject()).get(videoId);
  const eye = await workbench.workers.preview.call('eye', { video, modelDir });
  return { ...eye, sha256: video.sha256, video: { width: width ?? 1, height: height ?? 1 } };
}

/** Frame `place` of what the project's model is given, RGB bytes [height, width, 3]; null when there is no such frame. */
export async function givenFrame(
  workbench: Workbench,
  videoId: string,
  under: GivenUnder,
  place: number,
): Promise<Uint8Array | null> {
  try {
    return await workbench.workers.preview.call('given', { ...asked(workbench, videoId), ...under, place });
  } catch (error) {
    // The window is told by modelEye why a clip has no preview.
    log.warn(`no preview of ${videoId}`, error);
    return null;
  }
}
