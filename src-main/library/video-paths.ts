/** @file Which file a path in an import means: as it stands, under a chosen folder, beside the imported file, or by its name. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { isInside } from '../platform/paths.ts';
import type { VideoLibrary } from './videos.ts';

/** A video's path in a file that lies in `folder`: relative when it is below the folder, with slashes on every system. */
export function exportedPath(folder: string, video: string): string {
  return isInside(folder, video) ? path.relative(folder, video).split(path.sep).join('/') : video;
}

/** A resolved path: the library's video when it is one already, the file otherwise. */
export type ResolvedVideo = { file: string; exists: boolean; known: string | null };

/** Looks each distinct path up once. */
export class VideoPaths {
  readonly #folders: string[];
  readonly #videos: VideoLibrary;
  readonly #seen = new Map<string, ResolvedVideo>();

  /** `videoRoot` comes before the imported file's own folder. */
  constructor(videos: VideoLibrary, importedFile: string, videoRoot?: string) {
    this.#videos = videos;
    this.#folders = [
      ...(videoRoot ? [path.resolve(videoRoot)] : []),
      path.dirname(path.resolve(importedFile)),
    ];
  }

  resolve(written: string): ResolvedVideo {
    const seen = this.#seen.get(written);
    if (seen) return seen;
    const resolved = this.#resolve(written);
    if (this.#seen.size >= 100_000) this.#seen.clear();
    this.#seen.set(written, resolved);
    return resolved;
  }

  #resolve(written: string): ResolvedVideo {
    // Files made on Windows have backslashes.
    const native = path.sep === '/' && !written.includes('/') ? written.replaceAll('\\', '/') : written;
    const name = path.posix.basename(native.replaceAll('\\', '/'));
    const places = path.isAbsolute(native)
      ? [native]
      : this.#folders.map((folder) => path.resolve(folder, native));
    places.push(...this.#folders.map((folder) => path.join(folder, name)));
    const file = places.find((place) => existsSync(place));
    if (file) return { file, exists: true, known: null };
    // Not on the disk where it should be, but perhaps added to the library from elsewhere.
    return { file: places[0], exists: false, known: this.#videos.onlyNamed(name) };
  }
}
