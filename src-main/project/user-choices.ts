/** @file The person's own keys and look, in their own folder: the same in every project and through every door. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { KeyBindings, ThemeChoice } from '../contract/schemas.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { userDataDir } from '../platform/paths.ts';

/** What was chosen; null when nothing was, or the file was damaged by hand (the next change writes it anew). */
async function read<T>(file: string, schema: z.ZodType<T>): Promise<T | null> {
  try {
    return schema.parse(JSON.parse(await readFile(path.join(userDataDir(), file), 'utf8')));
  } catch {
    return null;
  }
}

async function write(file: string, choice: unknown): Promise<void> {
  await writeFileAtomic(path.join(userDataDir(), file), `${JSON.stringify(choice, null, 2)}\n`);
}

export const readKeys = (): Promise<KeyBindings | null> => read('keys.json', KeyBindings);
export const writeKeys = (keys: KeyBindings): Promise<void> => write('keys.json', keys);

export const readTheme = (): Promise<ThemeChoice | null> => read('theme.json', ThemeChoice);
export const writeTheme = (theme: ThemeChoice): Promise<void> => write('theme.json', theme);
