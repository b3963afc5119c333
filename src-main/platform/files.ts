/** @file File operations that never leave a half-written file: temporary file, fsync, rename, fsync of the folder. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from './errors.ts';

/** The system's words for "no room": the disk, the user's quota, or the largest file that this place allows. */
const NO_ROOM = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const NO_PERMISSION = ['EACCES', 'EPERM', 'EROFS'];

/**
 * What went wrong while writing `file`, as an error that names it and says what to do; unchanged when a person cannot mend it.
 * The system's own errors of a write carry no path.
 */
export function explainWriteError(file: string, error: unknown): unknown {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || error instanceof UserError) return error;
  if (NO_ROOM.includes(code))
    return new UserError(
      'DISK_FULL',
      `${file}: expected room to write this file, got ${message}`,
      'Free some space on this disk and try again; nothing that was saved before is lost.',
      { cause: error },
    );
  if (NO_PERMISSION.includes(code))
    return new UserError(
      'UNAVAILABLE',
      `${file}: expected a place that can be written, got ${message}`,
      'Give yourself permission to write there, or choose another place.',
      { cause: error },
    );
  if (code === 'EISDIR' || code === 'ENOTDIR' || (code === 'EEXIST' && syscall === 'mkdir'))
    return new UserError(
      'BAD_INPUT',
      `${file}: expected the path of a file inside a folder, got ${message}`,
      'Choose another path.',
      { cause: error },
    );
  return error;
}

/**
 * Lets `write` fill a temporary file beside `file`, makes it durable and moves it into place: a reader sees the old content or the new,
 * never a part, also after power loss. On failure the temporary file is removed.
 * @throws UserError DISK_FULL, UNAVAILABLE (no permission), BAD_INPUT (a folder is there), each naming `file`; what `write` threw
 */
export async function writeAtomically(
  file: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await write(temporary);
    const handle = await open(temporary, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    // Where no folder could be made there is nothing to remove either.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explainWriteError(file, error);
  }
  await syncFolder(path.dirname(file));
}

/**
 * {@link writeAtomically} with content that is at hand. Pieces are written one after the other, so a large file needs no second copy in
 * memory.
 */
export async function writeFileAtomic(
  file: string,
  data: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await writeAtomically(file, async (temporary) => {
    const handle = await open(temporary, 'wx');
    try {
      if (typeof data === 'string') await handle.writeFile(data, 'utf8');
      else if (data instanceof Uint8Array) await handle.writeFile(data);
      else for await (const chunk of data) await handle.writeFile(chunk);
    } finally {
      await handle.close();
    }
  });
}

/**
 * Appends a text and makes it durable before returning; a failure names the file. What a full disk cut off is taken back, so that the
 * file ends with a whole text again.
 */
export async function appendDurably(file: string, text: string): Promise<void> {
  try {
    const handle = await open(file, 'a');
    try {
      const { size } = await handle.stat();
      try {
        await handle.writeFile(text, 'utf8');
        await handle.sync();
      } catch (error) {
        await handle.truncate(size).catch(() => undefined);
        throw error;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explainWriteError(file, error);
  }
}

/** Makes a rename in `folder` durable. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Lower-case hex SHA-256 of a file's bytes, streamed. */
export async function sha256File(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
