/** @file What stands behind a media URL: the video or its proxy, its frame table, and strips of pictures that are made when first asked for. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { isStride, STRIP_CELLS } from '../contract/filmstrip.ts';
import { VideoLibrary } from '../library/videos.ts';
import type { StripPlace } from '../media/filmstrip.ts';
import { log } from '../platform/log.ts';
import { UserError } from '../platform/errors.ts';
import type { Workbench } from './workbench.ts';

/** Strips being made, by file: two requests for one strip decode the video once. */
const making = new Map<string, Promise<string | null>>();

/** Absolute path of what the window plays for this video, or null while there is nothing it can play. */
export function playableFile(workbench: Workbench, videoId: string): string | null {
  return known(() => new VideoLibrary(workbench.requireProject()).playFile(videoId));
}

/** The video's frame table (`contract/pts-bytes.ts`), or null before it was probed. */
export function frameTable(workbench: Workbench, videoId: string): Uint8Array | null {
  return known(() => new VideoLibrary(workbench.requireProject()).ptsBytes(videoId));
}

/** Absolute path of one strip of the timeline's pictures, made when first asked for; null when there are no such frames. */
export async function stripFile(
  workbench: Workbench,
  videoId: string,
  { stride, strip }: StripPlace,
): Promise<string | null> {
  const project = workbench.requireProject();
  const video = known(() => new VideoLibrary(project).get(videoId));
  if (video?.state !== 'ready' || !video.sha256 || !isStride(stride)) return null;
  if (strip * STRIP_CELLS * stride >= (video.frameCount ?? 0)) return null;
  // Named by content: a moved video keeps its strips, a changed one gets new ones.
  const output = path.join(project.cacheDir, 'filmstrips', video.sha256, `${stride}-${strip}.jpg`);
  if (existsSync(output)) return output;
  let pending = making.get(output);
  if (!pending) {
    const pts = new VideoLibrary(project).ptsBytes(videoId);
    pending = workbench.workers.media
      .call('strip', { path: video.path, pts, stride, strip, output })
      .then(() => output)
      .catch((error: unknown) => {
        log.warn(`no filmstrip of ${video.path}`, error);
        return null;
      })
      .finally(() => making.delete(output));
    making.set(output, pending);
  }
  return pending;
}

/** The lookup's result, or null for an id that this project does not know. */
function known<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof UserError && (error.code === 'NOT_FOUND' || error.code === 'UNAVAILABLE'))
      return null;
    throw error;
  }
}
