/**
 * @file What a training run is on the disk, besides what the trainer itself writes (`run.json`, `metrics.jsonl`, `checkpoints/`,
 * `adapter/`): `workbench.json` with its state for the list, `pairs.json` with the texts it was started on, `log.txt`.
 */
import { appendFile, mkdir, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { Run } from '../contract/schemas.ts';
import type { TrainPair } from '../jobs/apis.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';

/** A run as stored: the contract's Run with what identifies the request that started it. `secondsLeft` is stored as null. */
export const StoredRun = Run.extend({
  /** Given by the caller of `train.start`; a second start with the same one is the same run. */
  requestId: z.string(),
  modelDir: z.string(),
});
export type StoredRun = z.infer<typeof StoredRun>;

const STATE_FILE = 'workbench.json';
const PAIRS_FILE = 'pairs.json';
const LOG_FILE = 'log.txt';

/** A pair in `pairs.json`: its video by project id, so that a moved project still finds it. */
export type StoredPair = Omit<TrainPair, 'video'> & { videoId: string };

/** Folder of a run. Ids come from us only; anything that is not one is refused before it becomes a path. */
export function runFolder(runsDir: string, runId: string): string {
  if (!/^[\w-]{1,64}$/.test(runId))
    throw new UserError(
      'NOT_FOUND',
      `run ${runId}: expected the id of a run, got something else`,
      'Choose a run from the list.',
    );
  return path.join(runsDir, runId);
}

/** Writes a new run's folder: texts first, state last, so that a folder with a state is complete. */
export async function createRunFiles(
  runsDir: string,
  run: StoredRun,
  pairs: readonly StoredPair[],
): Promise<void> {
  const folder = runFolder(runsDir, run.id);
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(path.join(folder, PAIRS_FILE), JSON.stringify(pairs, null, 1));
  await saveRun(runsDir, run);
}

/** Stores the present state of a run. */
export async function saveRun(runsDir: string, run: StoredRun): Promise<void> {
  const folder = runFolder(runsDir, run.id);
  // Relative, so that a moved project finds it.
  const adapterDir = run.adapterDir && path.relative(folder, run.adapterDir);
  const stored: StoredRun = { ...run, adapterDir, secondsLeft: null };
  await writeFileAtomic(path.join(folder, STATE_FILE), `${JSON.stringify(stored, null, 2)}\n`);
}

/** All runs of a project as they were last stored, oldest first. Folders without a readable state are left out. */
export async function readRuns(runsDir: string): Promise<StoredRun[]> {
  const names = await readdir(runsDir).catch(() => [] as string[]);
  const runs: StoredRun[] = [];
  for (const name of names) {
    const text = await readFile(path.join(runsDir, name, STATE_FILE), 'utf8').catch(() => null);
    if (text === null) continue;
    const run = StoredRun.safeParse(parseJson(text));
    if (!run.success) continue;
    const { adapterDir } = run.data;
    runs.push({ ...run.data, adapterDir: adapterDir && path.resolve(runsDir, name, adapterDir) });
  }
  return runs.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The texts a run was started on. @throws UserError CORRUPT when the file is gone or damaged */
export async function readRunPairs(runsDir: string, runId: string): Promise<StoredPair[]> {
  const file = path.join(runFolder(runsDir, runId), PAIRS_FILE);
  const text = await readFile(file, 'utf8').catch(() => '');
  const pairs = parseJson(text);
  if (!Array.isArray(pairs))
    throw new UserError(
      'CORRUPT',
      `${file}: expected the pairs of this run, got no readable list`,
      'Start a new run from the accepted pairs.',
    );
  return pairs as StoredPair[];
}

/** Appends a line with the time to the run's log. A log that cannot be written never stops a run. */
export async function logRun(runsDir: string, runId: string, text: string): Promise<void> {
  const line = `${new Date().toISOString()} ${text}\n`;
  await appendFile(path.join(runFolder(runsDir, runId), LOG_FILE), line).catch(() => undefined);
}

/** The run's log; empty when there is none. */
export async function readRunLog(runsDir: string, runId: string): Promise<string> {
  return readFile(path.join(runFolder(runsDir, runId), LOG_FILE), 'utf8').catch(() => '');
}
