/**
 * @file The run record: everything a training run depends on, written once as `run.json` before the first step, and the
 * fingerprint that decides whether a checkpoint belongs to the run that wants to resume from it.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import type { TextSpan } from '../platform/tagged-text.ts';
import { appVersion } from '../platform/version.ts';
import type { TrainingConfig } from './config.ts';
import { canonicalJson } from './feature-cache.ts';

/** One pair as it entered the run. */
export type RecordedPair = {
  id: string;
  /** The pair's version in the project when the run started. */
  version: number;
  /** SHA-256 of question, answers and marks, so that a later edit can be told even without the project. */
  sha256: string;
};

/** `run.json`. */
export type RunRecord = {
  format: 1;
  createdAt: string;
  model: { dir: string; family: string; hash: string };
  config: TrainingConfig;
  pairs: RecordedPair[];
  /** Pairs that were offered and not trained on, with the reason. */
  excluded: { id: string; reason: string }[];
  versions: Record<string, string>;
  fingerprint: string;
};

/** Settings that change how a run is carried out, not what it computes. */
const NOT_IN_FINGERPRINT: readonly (keyof TrainingConfig)[] = [
  'checkpointEvery',
  'keepCheckpoints',
  'device',
  'threads',
];

/** Hash of what a pair teaches. */
export function pairHash(pair: {
  question: string;
  chosen: string;
  rejected: string;
  chosenSpans: readonly TextSpan[];
  rejectedSpans: readonly TextSpan[];
}): string {
  const spans = (list: readonly TextSpan[]) => list.map(({ start, end }) => [start, end]);
  const { question, chosen, rejected } = pair;
  const content = [question, chosen, rejected, spans(pair.chosenSpans), spans(pair.rejectedSpans)];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** Equal for two runs that compute the same thing: same model, same pairs in the same order, same relevant settings. */
export function runFingerprint(
  modelHash: string,
  config: TrainingConfig,
  pairs: readonly RecordedPair[],
): string {
  const relevant = Object.fromEntries(
    Object.entries(config).filter(([key]) => !NOT_IN_FINGERPRINT.includes(key as keyof TrainingConfig)),
  );
  const content = { modelHash, relevant, pairs: pairs.map((p) => [p.id, p.version, p.sha256]) };
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

/** Versions of what computed the run; `runtime` is ONNX Runtime's. */
export function softwareVersions(runtime: string): Record<string, string> {
  return {
    workbench: appVersion,
    node: process.versions.node,
    onnxruntime: runtime,
    platform: `${process.platform}-${process.arch}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
  };
}

const fileOf = (runDir: string) => path.join(runDir, 'run.json');

/** Writes the record of a new run. */
export async function writeRunRecord(runDir: string, record: RunRecord): Promise<void> {
  await writeFileAtomic(fileOf(runDir), `${JSON.stringify(record, null, 2)}\n`);
}

/** Reads a run's record; null when the folder holds no run. Throws a UserError when it cannot be understood. */
export async function readRunRecord(runDir: string): Promise<RunRecord | null> {
  let text: string;
  try {
    text = await readFile(fileOf(runDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  let record: RunRecord;
  try {
    record = JSON.parse(text) as RunRecord;
  } catch (cause) {
    throw new UserError(
      'CORRUPT',
      `${fileOf(runDir)}: expected JSON, got ${cause instanceof Error ? cause.message : String(cause)}`,
      'Start a new run; checkpoints and adapter in this folder can still be copied.',
      { cause },
    );
  }
  if (record.format !== 1)
    throw new UserError(
      'NEWER_VERSION',
      `${fileOf(runDir)}: expected format 1, got ${JSON.stringify(record.format)}`,
      'Open this run with the version of the workbench that made it.',
    );
  return record;
}

/** Says in words what differs between a run's record and what is offered for resuming it; null when nothing does. */
export function differences(
  record: RunRecord,
  offered: Pick<RunRecord, 'model' | 'config' | 'pairs'>,
): string | null {
  const found: string[] = [];
  if (record.model.hash !== offered.model.hash) found.push('the model has changed');
  for (const key of Object.keys(offered.config) as (keyof TrainingConfig)[])
    if (!NOT_IN_FINGERPRINT.includes(key) && record.config[key] !== offered.config[key])
      found.push(`${key} was ${String(record.config[key])} and is now ${String(offered.config[key])}`);
  const before = new Map(record.pairs.map((p) => [p.id, p.sha256]));
  const changed = offered.pairs.filter((p) => before.has(p.id) && before.get(p.id) !== p.sha256).length;
  const added = offered.pairs.filter((p) => !before.has(p.id)).length;
  const removed = record.pairs.length - (offered.pairs.length - added);
  if (changed + added + removed > 0)
    found.push(`pairs: ${changed} edited, ${added} added, ${removed} removed`);
  return found.length > 0 ? found.join('; ') : null;
}
