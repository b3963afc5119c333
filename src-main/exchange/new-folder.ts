/** @file A folder that goes out: whole or not at all, and never over what is there. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { syncFolder } from '../platform/files.ts';

/**
 * Lets `write` fill a folder beside `target` and puts it there, which may exist if it is empty; returns its path.
 * @throws UserError CONFLICT (the target has files); what `write` throws, with nothing left behind
 */
export async function intoNewFolder(
  target: string,
  write: (folder: string) => Promise<void>,
): Promise<string> {
  const destination = path.resolve(target);
  await expectEmpty(destination);
  await mkdir(path.dirname(destination), { recursive: true });
  // Written beside the target, so that the rename cannot cross a disk.
  const beside = `${destination}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await write(beside);
    for (const name of await readdir(beside)) await flush(path.join(beside, name));
    await syncFolder(beside);
    await rmdir(destination).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(beside, destination);
    await syncFolder(path.dirname(destination));
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  return destination;
}

/** @throws UserError CONFLICT unless the folder is new or empty */
export async function expectEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') return ['(a file)'];
    throw error;
  });
  if (names.length > 0)
    throw new UserError(
      'CONFLICT',
      `export: expected a new or empty folder, got ${folder} with ${names.slice(0, 3).join(', ')} in it`,
      'Choose another folder; nothing is overwritten.',
    );
}

async function flush(file: string): Promise<void> {
  if (!(await stat(file)).isFile()) return;
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
