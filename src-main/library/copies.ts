/** @file Copies of files inside the project folder, where a person asks for them: whole and checked, or not there at all. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { explainWriteError, sha256File, writeAtomically } from '../platform/files.ts';
import type { OpenProject } from '../project/project.ts';

/** Copied videos. */
export const videosDir = (project: OpenProject): string => path.join(project.path, 'videos');
/** Copied files of questions and answers, beside the lists of bad rows. */
export const tablesDir = (project: OpenProject): string => path.join(project.path, 'imports');

export type ReceiveOptions = {
  signal?: AbortSignal;
  /** Bytes written so far. */
  onBytes?: (bytes: number) => void;
};

/** Longest file name in bytes: file systems allow 255, and a temporary name is 17 longer. */
const MAX_NAME_BYTES = 200;
/** Names that Windows keeps for devices. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/**
 * A file name that every system takes and that stays in its folder: the last part of `name` without control characters and without what
 * Windows forbids; letters of all languages, spaces and quotes stay.
 */
export function safeFileName(name: string): string {
  const last = name.normalize('NFC').split(/[/\\]/).at(-1)!;
  // eslint-disable-next-line no-control-regex -- these are what is to be removed
  const clean = last.replace(/[\u0000-\u001f\u007f<>:"|?*]/g, '_').replace(/^[\s.]+|[\s.]+$/g, '');
  const { name: stem, ext } = path.parse(clean);
  const kept = DEVICES.test(stem) ? `${stem}_` : stem || 'file';
  let short = kept;
  while (Buffer.byteLength(short + ext) > MAX_NAME_BYTES && short.length > 1)
    short = [...short].slice(0, -1).join('');
  return short + (Buffer.byteLength(ext) > MAX_NAME_BYTES ? '' : ext);
}

/** Files that are being written: two that arrive at the same time under one name do not meet. */
const reserved = new Set<string>();

/** `folder/name`, or `folder/name (2)` and so on while something is there. Reserved until `release`. */
function reserve(folder: string, name: string): { file: string; release: () => void } {
  const { name: stem, ext } = path.parse(name);
  for (let n = 1; ; n++) {
    const file = path.join(folder, n === 1 ? name : `${stem} (${n})${ext}`);
    if (reserved.has(file) || existsSync(file)) continue;
    reserved.add(file);
    return { file, release: () => reserved.delete(file) };
  }
}

/**
 * Writes what `source` gives into a new file of `folder`, named after `name`; its path. What is on the disk is read back and compared
 * before the file appears.
 * @throws UserError DISK_FULL (told before anything is written where the system says so), BAD_INPUT when another number of bytes than
 * `bytes` comes, CORRUPT when the disk gives back other bytes; AbortError. Nothing stays of what failed.
 */
export async function receiveFile(
  folder: string,
  name: string,
  bytes: number,
  source: AsyncIterable<Uint8Array>,
  { signal, onBytes }: ReceiveOptions = {},
): Promise<{ file: string; sha256: string }> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(folder, error);
  });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < bytes)
    throw new UserError(
      'DISK_FULL',
      `${folder}: expected room for ${bytes} bytes, got ${bavail * bsize}`,
      'Free some space on this disk, or use the file from where it is.',
    );
  const { file, release } = reserve(folder, safeFileName(name));
  const hash = createHash('sha256');
  let sha256 = '';
  try {
    await writeAtomically(file, async (temporary) => {
      const handle = await open(temporary, 'wx');
      let written = 0;
      try {
        for await (const chunk of source) {
          signal?.throwIfAborted();
          if (written + chunk.length > bytes) throw wrongLength(name, bytes, written + chunk.length);
          hash.update(chunk);
          await handle.writeFile(chunk);
          written += chunk.length;
          onBytes?.(written);
        }
      } finally {
        await handle.close();
      }
      if (written !== bytes) throw wrongLength(name, bytes, written);
      sha256 = hash.digest('hex');
      if ((await sha256File(temporary, signal)) !== sha256)
        throw new UserError(
          'CORRUPT',
          `${file}: expected the bytes that were written, got others back`,
          'Check this disk: it does not keep what is written to it.',
        );
    });
  } finally {
    release();
  }
  return { file, sha256 };
}

function wrongLength(name: string, expected: number, got: number): UserError {
  return new UserError(
    'BAD_INPUT',
    `${name}: expected ${expected} bytes, got ${got}`,
    'The file changed while it was copied: try again when nothing writes to it.',
  );
}

/** Removes what a process that died while copying has left. The project's lock is held, so nobody else is writing. */
export async function removeUnfinished(project: OpenProject): Promise<void> {
  for (const folder of [videosDir(project), tablesDir(project)])
    for (const name of await readdir(folder).catch(() => []))
      if (/\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(path.join(folder, name), { force: true });
}
