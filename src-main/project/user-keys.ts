/** @file The person's own keys, in their own folder: the same in every project and through every door. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { KeyBindings } from '../contract/schemas.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { userDataDir } from '../platform/paths.ts';

const keysFile = (): string => path.join(userDataDir(), 'keys.json');

/** What was chosen; null when nothing was, or the file was damaged by hand (the next change writes it anew). */
export async function readKeys(): Promise<KeyBindings | null> {
  try {
    return KeyBindings.parse(JSON.parse(await readFile(keysFile(), 'utf8')));
  } catch {
    return null;
  }
}

export async function writeKeys(keys: KeyBindings): Promise<void> {
  await writeFileAtomic(keysFile(), `${JSON.stringify(keys, null, 2)}\n`);
}
