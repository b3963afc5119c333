/** @file Which file stands behind a media URL: the video or its proxy, and a filmstrip that is made when first asked for. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { VideoLibrary } from '../library/videos.ts';
import { log } from '../platform/log.ts';
import { UserError } from '../platform/errors.ts';
import type { Workbench } from './workbench.ts';

/** Pictures in a filmstrip, and their height in pixels: enough for a timeline of 1440 pixels on a dense screen. */
const FILMSTRIP = { frames: 24, height: 72 };

/** Filmstrips being made, by file: two requests for one strip decode the video once. */
const making = new Map<string, Promise<string | null>>();

/** Absolute path of what the window plays for this video, or null while there is nothing it can play. */
export function playableFile(workbench: Workbench, videoId: string): string | null {
  return known(() => new VideoLibrary(workbench.requireProject()).playFile(videoId));
}

/** The video's frame table (`contract/pts-bytes.ts`), or null before it was probed. */
export function frameTable(workbench: Workbench, videoId: string): Uint8Array | null {
  return known(() => new VideoLibrary(workbench.requireProject()).ptsBytes(videoId));
}

/** Absolute path of the video's filmstrip (JPEG, {@link FILMSTRIP}), or null when its frames cannot be read. */
export async function filmstripFile(workbench: Workbench, videoId: string): Promise<string | null> {
  const project = workbench.requireProject();
  const video = known(() => new VideoLibrary(project).get(videoId));
  if (video?.state !== 'ready' || !video.sha256) return null;
  // Named by content: a moved video keeps its strip, a changed one gets a new strip.
  const output = path.join(project.cacheDir, 'filmstrips', `${video.sha256}.jpg`);
  if (existsSync(output)) return output;
  let pending = making.get(output);
  if (!pending) {
    pending = mkdir(path.dirname(output), { recursive: true })
      .then(() => new VideoLibrary(project).ptsBytes(videoId))
      .then((pts) =>
        workbench.workers.media.call('filmstrip', { path: video.path, pts, output, ...FILMSTRIP }),
      )
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
