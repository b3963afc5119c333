/** @file A trained adapter out of a project: the PEFT folder as it is, whole or not at all. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { syncFolder } from '../platform/files.ts';

/** Without these two a folder is no PEFT adapter. */
const REQUIRED = ['adapter_config.json', 'adapter_model.safetensors'];

/**
 * Copies an adapter folder to `target`, which may exist if it is empty.
 * @throws UserError NOT_FOUND (the adapter is incomplete), CONFLICT (the target has files), DISK_FULL.
 */
export async function exportAdapter(adapterDir: string, target: string): Promise<{ path: string }> {
  const destination = path.resolve(target);
  const names = await readdir(adapterDir).catch(() => [] as string[]);
  const missing = REQUIRED.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new UserError(
      'NOT_FOUND',
      `export: expected an adapter in ${adapterDir}, got a folder without ${missing.join(' and ')}`,
      'Let the run finish or stop it with saving, then export again.',
    );
  await expectEmpty(destination);
  await mkdir(path.dirname(destination), { recursive: true });
  // Copied beside the target, so that the rename cannot cross a disk.
  const beside = `${destination}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await cp(adapterDir, beside, { recursive: true });
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
  return { path: destination };
}

async function expectEmpty(folder: string): Promise<void> {
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
