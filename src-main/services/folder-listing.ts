/** @file What a folder holds, for the path picker where no native dialog exists. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { FolderListing } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';

/**
 * Folders first, hidden ones left out. `~` is the home folder, and where a path that is not absolute begins; the path of a file
 * lists the folder it lies in. @throws UserError NOT_FOUND, UNAVAILABLE (may not be read)
 */
export async function listFolder(asked: string): Promise<FolderListing> {
  const target = path.resolve(os.homedir(), asked.trim().replace(/^~(?=$|[\\/])/, '.'));
  try {
    const file = (await stat(target)).isDirectory() ? null : target;
    const folder = file === null ? target : path.dirname(target);
    const parent = path.dirname(folder);
    const entries = await Promise.all(
      (await readdir(folder, { withFileTypes: true }))
        .filter((entry) => !entry.name.startsWith('.'))
        .map(async (entry) => {
          const place = path.join(folder, entry.name);
          return { name: entry.name, path: place, kind: await kindOf(entry, place) };
        }),
    );
    return {
      path: folder,
      file,
      parent: parent === folder ? null : parent,
      entries: entries
        .flatMap(({ kind, ...entry }) => (kind === null ? [] : { ...entry, folder: kind === 'folder' }))
        .sort((a, b) => Number(b.folder) - Number(a.folder) || a.name.localeCompare(b.name)),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new UserError(
        'NOT_FOUND',
        `expected a file or folder of this machine, got none at ${target}`,
        'Check the spelling, or go there from the folder above.',
        { cause: error },
      );
    if (code === 'EACCES' || code === 'EPERM')
      throw new UserError(
        'UNAVAILABLE',
        `expected a folder that may be read, got one without permission: ${target}`,
        'Choose another one, or change its permissions.',
        { cause: error },
      );
    throw error;
  }
}

/** What an entry or the target of a link is; null for what cannot be chosen, such as a socket or a link to nothing. */
async function kindOf(entry: Dirent, place: string): Promise<'file' | 'folder' | null> {
  const found = entry.isSymbolicLink() ? await stat(place).catch(() => null) : entry;
  if (found === null) return null;
  return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : null;
}
