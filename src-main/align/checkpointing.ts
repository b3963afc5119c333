/**
 * @file Checkpoints of a run: `checkpoints/step_000123/` with the adapter, the optimizer's moments and where the run
 * stands. A folder appears under its final name only when every byte is on the disk, so a kill at any moment leaves the last
 * complete checkpoint and nothing half-written.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ModelConfig } from '../models/config.ts';
import { readSafetensorsHeader, readTensorFloat32, writeSafetensors } from '../models/safetensors.ts';
import { sha256File, syncFolder, writeFileAtomic } from '../platform/files.ts';
import type { AdamWState } from './adamw.ts';
import {
  ADAPTER_CONFIG_FILE,
  ADAPTER_WEIGHTS_FILE,
  readAdapter,
  writeAdapter,
  type LoraAdapter,
} from './adapter.ts';

/** Where a run stands; small, JSON. */
export type ProgressState = {
  /** Optimizer steps done. */
  step: number;
  /** Pairs consumed so far, over all epochs; with the seed it fixes the rest of the data order. */
  pairsSeen: number;
  /** SHA-256 of everything that must be equal for a resume to continue the same run (see run-record.ts). */
  fingerprint: string;
  /** Seconds of training up to here, over all sessions. */
  seconds: number;
};

/** What a checkpoint holds. */
export type CheckpointContent = { progress: ProgressState; adapter: LoraAdapter; optimizer: AdamWState };

/** A checkpoint folder that is complete. */
export type CheckpointRef = { dir: string; step: number };

const OPTIMIZER_FILE = 'optimizer.safetensors';
const STATE_FILE = 'state.json';
const FILES = [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, OPTIMIZER_FILE];
const TEMPORARY = '.writing-';

type StateFile = {
  format: 1;
  progress: ProgressState;
  files: Record<string, { bytes: number; sha256: string }>;
};

/** The folder of all checkpoints of a run. */
export function checkpointsFolder(runDir: string): string {
  return path.join(runDir, 'checkpoints');
}

/** Writes a checkpoint and returns where it is. An older one of the same step is replaced. */
export async function saveCheckpoint(
  runDir: string,
  content: CheckpointContent,
  model: { config: ModelConfig; name: string },
): Promise<CheckpointRef> {
  const parent = checkpointsFolder(runDir);
  const { step } = content.progress;
  const name = `step_${String(step).padStart(6, '0')}`;
  const temporary = path.join(parent, `${TEMPORARY}${name}-${randomBytes(4).toString('hex')}`);
  await mkdir(temporary, { recursive: true });
  try {
    await writeAdapter(temporary, content.adapter, model.config, model.name);
    const moments = (['first', 'second'] as const).flatMap((which) =>
      [...content.optimizer[which]].map(([parameter, data]) => ({
        name: `${which}.${parameter}`,
        dtype: 'F32' as const,
        shape: [data.length],
        data,
      })),
    );
    await writeSafetensors(path.join(temporary, OPTIMIZER_FILE), moments, {
      step: String(content.optimizer.step),
    });
    const files: StateFile['files'] = {};
    for (const file of FILES) {
      const full = path.join(temporary, file);
      files[file] = { bytes: (await stat(full)).size, sha256: await sha256File(full) };
    }
    const state: StateFile = { format: 1, progress: content.progress, files };
    await writeFileAtomic(path.join(temporary, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`);
    const dir = path.join(parent, name);
    // A folder cannot replace a folder that holds files: move an older one of the same step out of sight first.
    const old = path.join(parent, `${TEMPORARY}old-${randomBytes(4).toString('hex')}`);
    await rename(dir, old).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
    await rename(temporary, dir);
    await syncFolder(parent);
    await rm(old, { recursive: true, force: true });
    return { dir, step };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Checkpoint folders of a run, oldest first, by name alone: what has its final name was complete when it got it. */
export async function listCheckpoints(runDir: string): Promise<CheckpointRef[]> {
  const parent = checkpointsFolder(runDir);
  const names = await readdir(parent).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return names
    .map((name) => ({ dir: path.join(parent, name), step: Number(/^step_(\d+)$/.exec(name)?.[1] ?? NaN) }))
    .filter(({ step }) => !Number.isNaN(step))
    .sort((x, y) => x.step - y.step);
}

/**
 * The newest checkpoint whose files are byte for byte what was written, or null; `passedOver` says what was wrong with
 * newer ones (a disk fault or a person's hand; a kill cannot cause it).
 */
export async function newestCheckpoint(
  runDir: string,
): Promise<{ checkpoint: CheckpointRef | null; passedOver: { dir: string; reason: string }[] }> {
  const passedOver: { dir: string; reason: string }[] = [];
  for (const checkpoint of (await listCheckpoints(runDir)).reverse()) {
    const reason = await damage(checkpoint.dir);
    if (reason === null) return { checkpoint, passedOver };
    passedOver.push({ dir: checkpoint.dir, reason });
  }
  return { checkpoint: null, passedOver };
}

/** Why a checkpoint folder cannot be used, or null when every file is as it was written. */
async function damage(dir: string): Promise<string | null> {
  try {
    const state = await readState(dir);
    for (const file of FILES) {
      const { bytes, sha256 } = state.files[file];
      const full = path.join(dir, file);
      const { size } = await stat(full);
      if (size !== bytes) return `${file}: expected ${bytes} bytes, got ${size}`;
      if ((await sha256File(full)) !== sha256) return `${file}: the content is not what was written`;
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function readState(dir: string): Promise<StateFile> {
  const state = JSON.parse(await readFile(path.join(dir, STATE_FILE), 'utf8')) as Partial<StateFile>;
  if (state.format !== 1 || !state.progress || !state.files)
    throw new Error(`${STATE_FILE}: expected format 1, got ${JSON.stringify(state.format)}`);
  return state as StateFile;
}

/** Reads a complete checkpoint. */
export async function loadCheckpoint(dir: string, config: ModelConfig): Promise<CheckpointContent> {
  const { progress } = await readState(dir);
  const adapter = await readAdapter(dir, config);
  const header = await readSafetensorsHeader(path.join(dir, OPTIMIZER_FILE));
  const first = new Map<string, Float32Array>();
  const second = new Map<string, Float32Array>();
  for (const entry of header.tensors.values()) {
    const moments = entry.name.startsWith('first.') ? first : second;
    moments.set(entry.name.replace(/^(first|second)\./, ''), await readTensorFloat32(entry));
  }
  return { progress, adapter, optimizer: { step: Number(header.metadata.step), first, second } };
}

/**
 * Deletes what an interrupted save left behind, and all but the newest `keep` checkpoints up to `step`. Later ones are left alone:
 * a resume passed over them because they are damaged, and counting them would cost the whole ones.
 */
export async function pruneCheckpoints(runDir: string, keep: number, step: number): Promise<void> {
  const parent = checkpointsFolder(runDir);
  const checkpoints = (await listCheckpoints(runDir)).filter((checkpoint) => checkpoint.step <= step);
  for (const { dir } of checkpoints.slice(0, Math.max(0, checkpoints.length - keep))) {
    // Out of sight under one rename first, so that a kill in the middle leaves no folder that looks like a checkpoint.
    const doomed = path.join(parent, `${TEMPORARY}old-${randomBytes(4).toString('hex')}`);
    await rename(dir, doomed);
    await rm(doomed, { recursive: true, force: true });
  }
  await removeLeftovers(runDir);
}

/** Deletes temporary folders of saves that a kill interrupted. Call only when no other process writes this run. */
export async function removeLeftovers(runDir: string): Promise<void> {
  const parent = checkpointsFolder(runDir);
  for (const name of await readdir(parent).catch(() => []))
    if (name.startsWith(TEMPORARY)) await rm(path.join(parent, name), { recursive: true, force: true });
}
