/**
 * @file Projected video features on disk. The vision tower is frozen, so what it says about (video, frames, model) is
 * computed once and read from here afterwards: by every epoch and every run. Deleting the folder loses only time.
 */
import { createHash } from 'node:crypto';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Features } from '../models/generation.ts';
import { readSafetensorsHeader, readTensorFloat32, writeSafetensors } from '../models/safetensors.ts';

/** What features depend on; anything else must not change them. */
export type FeatureKey = {
  /** SHA-256 of the video file. */
  video: string;
  /** Indices of the frames given to the tower, in order. */
  frames: readonly number[];
  /** Hash of the model (checkpointHash). */
  model: string;
  /** What was done to the frames before the tower; null for the clean video. */
  recipe?: unknown;
};

/** A bounded cache in one folder; safe to share between processes, because files only ever appear whole. */
export class FeatureCache {
  readonly folder: string;
  readonly budgetBytes: number;
  /** Files read, and computed, by this object. */
  readonly counts = { hits: 0, misses: 0, unreadable: 0 };

  /** `budgetBytes`: the folder is kept below this by dropping the least recently used. @default 4 GiB */
  constructor(folder: string, budgetBytes: number = 4 * 2 ** 30) {
    this.folder = folder;
    this.budgetBytes = budgetBytes;
  }

  /** The cached features for `key`, or those that `compute` returns, which are then stored. */
  async get(key: FeatureKey, compute: () => Promise<Features>): Promise<Features> {
    const file = this.fileOf(key);
    const cached = await this.#read(file);
    if (cached) {
      this.counts.hits++;
      return cached;
    }
    this.counts.misses++;
    const features = await compute();
    const width = features.data.length / features.rows;
    await writeSafetensors(
      file,
      [{ name: 'features', dtype: 'F32', shape: [features.rows, width], data: features.data }],
      { key: keyText(key), placeholder: String(features.placeholder) },
    );
    await this.#evict(file);
    return features;
  }

  /** Where the features of `key` lie once they are there. */
  fileOf(key: FeatureKey): string {
    return path.join(this.folder, `${createHash('sha256').update(keyText(key)).digest('hex')}.safetensors`);
  }

  async #read(file: string): Promise<Features | null> {
    if ((await stat(file).catch(() => null)) === null) return null;
    try {
      const { tensors, metadata } = await readSafetensorsHeader(file);
      const entry = tensors.get('features');
      if (!entry) throw new Error('no tensor "features"');
      const now = new Date();
      await utimes(file, now, now);
      const data = await readTensorFloat32(entry); // [rows, hidden]
      return { data, rows: entry.shape[0], placeholder: Number(metadata.placeholder) };
    } catch {
      // A file that cannot be read is only lost time: count it, drop it, compute again.
      this.counts.unreadable++;
      await rm(file, { force: true });
      return null;
    }
  }

  async #evict(keep: string): Promise<void> {
    const names = await readdir(this.folder);
    const files = [];
    for (const name of names) {
      const file = path.join(this.folder, name);
      const info = await stat(file).catch(() => null);
      if (info?.isFile()) files.push({ file, bytes: info.size, used: info.mtimeMs });
    }
    let total = files.reduce((sum, f) => sum + f.bytes, 0);
    for (const { file, bytes } of files.sort((a, b) => a.used - b.used)) {
      if (total <= this.budgetBytes) return;
      if (file === keep) continue;
      await rm(file, { force: true });
      total -= bytes;
    }
  }
}

/** Canonical text of a key: the keys of every object sorted, so that equal keys are equal files. */
function keyText(key: FeatureKey): string {
  return canonicalJson({ ...key, recipe: key.recipe ?? null });
}

/** JSON with object keys in sorted order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
