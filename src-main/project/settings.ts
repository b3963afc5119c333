/** @file `project.json`: what a person may read and copy. Everything that changes often is in the database instead. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { newerVersion } from './migrations.ts';

export const PROJECT_FILE = 'project.json';
const FORMAT = 'rrpo-workbench-project';
/** Version of `project.json` and of the folder's layout; the database counts its own. */
const LAYOUT_VERSION = 1;

const Settings = z.object({
  format: z.literal(FORMAT),
  version: z.number().int().positive(),
  id: z.string().min(1),
  name: z.string().min(1),
  /** Milliseconds since the Unix epoch. */
  createdAt: z.number().int(),
  /** Portable path of the checkpoint, see `platform/paths.ts`; null until one is chosen. */
  modelDir: z.string().nullable(),
  reviewer: z.string().min(1),
  /** Reviewers do not see each other's texts, marks and decisions of a pair before their own decision. */
  independent: z.boolean().default(false),
  /** Words that mean the same in this project when answers are judged: groups, each read as its first. */
  synonyms: z.array(z.array(z.string())).default([]),
  /** Videos are drawn into train and held-out by this seed; `heldout` is the share of held-out ones. */
  split: z.object({ seed: z.number().int().nonnegative(), heldout: z.number().min(0).max(0.9) }),
});
export type Settings = z.infer<typeof Settings>;

/** The settings of a new project. */
export function newSettings(id: string, name: string, reviewer: string): Settings {
  return {
    format: FORMAT,
    version: LAYOUT_VERSION,
    id,
    name,
    createdAt: Date.now(),
    modelDir: null,
    reviewer,
    independent: false,
    synonyms: [],
    split: { seed: 0, heldout: 0.2 },
  };
}

/**
 * Reads and checks `project.json`.
 * @throws UserError NOT_FOUND, CORRUPT (with the place), NEWER_VERSION.
 */
export function readSettings(folder: string): Settings {
  const file = path.join(folder, PROJECT_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      'NOT_FOUND',
      `project: expected a project folder with ${PROJECT_FILE}, got none in ${folder}`,
      'Choose the folder that holds project.json, or create a new project.',
      { cause: error },
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw damaged(file, error instanceof Error ? error.message : String(error));
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > LAYOUT_VERSION)
    throw newerVersion(file, version, LAYOUT_VERSION);
  const parsed = Settings.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw damaged(file, `at "${issue.path.join('.') || '(top)'}": ${issue.message}`);
  }
  return parsed.data;
}

/** Writes `project.json` atomically. */
export async function writeSettings(folder: string, settings: Settings): Promise<void> {
  await writeFileAtomic(path.join(folder, PROJECT_FILE), `${JSON.stringify(settings, null, 2)}\n`);
}

function damaged(file: string, what: string): UserError {
  return new UserError(
    'CORRUPT',
    `project: expected a readable ${file}, got: ${what}`,
    'Mend the file by hand or restore it from a copy; the reviewed pairs are in workbench.sqlite and are not touched.',
  );
}
