/** @file The video files under what a person dropped: files as they are, folders searched. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';

/** Looked for in folders. A file that is named itself is taken whatever it is called. */
const VIDEO_EXTENSIONS = new Set(
  'mp4 m4v mov mkv webm avi gif mpg mpeg ts m2ts wmv flv ogv 3gp'.split(' ').map((e) => `.${e}`),
);

/**
 * Absolute paths, in the order given and sorted within folders, each once. Hidden files and folders are left out.
 * @throws UserError NOT_FOUND for a path that is not there.
 */
export async function scanForVideos(paths: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const given of paths) {
    const file = path.resolve(given);
    let folder: boolean;
    try {
      folder = (await stat(file)).isDirectory();
    } catch (error) {
      throw new UserError(
        'NOT_FOUND',
        `videos: expected a file or folder at ${file}, got none (${(error as NodeJS.ErrnoException).code})`,
        'Check the path; nothing was added.',
        { cause: error },
      );
    }
    if (!folder) found.add(file);
    else for (const inside of await filesUnder(file)) found.add(inside);
  }
  return [...found];
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const out: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) out.push(...(await filesUnder(file)));
    else if (VIDEO_EXTENSIONS.has(path.extname(entry.name).toLowerCase())) out.push(file);
  }
  return out;
}
