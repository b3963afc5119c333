/** @file The list of recently opened projects, in the person's own folder. Losing it loses nothing but convenience. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { RecentProject } from '../contract/schemas.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { userDataDir } from '../platform/paths.ts';
import { PROJECT_FILE } from './settings.ts';

const Entry = z.object({ name: z.string(), path: z.string(), openedAt: z.number() });
const KEPT = 20;

const recentFile = (): string => path.join(userDataDir(), 'recent.json');

async function readEntries(): Promise<z.infer<typeof Entry>[]> {
  try {
    return z.array(Entry).parse(JSON.parse(await readFile(recentFile(), 'utf8')));
  } catch {
    return []; // absent, or damaged by hand: the next open writes it anew
  }
}

/** Newest first; `exists` is false for projects that were moved or deleted. */
export async function recentProjects(): Promise<RecentProject[]> {
  const entries = await readEntries();
  return entries.map((entry) => ({ ...entry, exists: existsSync(path.join(entry.path, PROJECT_FILE)) }));
}

/** Puts a project at the top of the list. */
export async function rememberProject(name: string, folder: string): Promise<void> {
  const others = (await readEntries()).filter((entry) => entry.path !== folder);
  const entries = [{ name, path: folder, openedAt: Date.now() }, ...others].slice(0, KEPT);
  await writeFileAtomic(recentFile(), JSON.stringify(entries, null, 2));
}
