/** @file Reading golden arrays and comparing with them. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Row } from './types.ts';

/** Where an array of a fixture lies. */
export type ArrayEntry = { file: string; dtype?: string; shape: number[] };

/** Whether a manifest value describes a raw array. */
export function isArrayEntry(value: unknown): value is ArrayEntry {
  return typeof value === 'object' && value !== null && 'file' in value && 'shape' in value;
}

async function bytesOf(dir: string, entry: ArrayEntry, size: number): Promise<ArrayBuffer> {
  const file = path.join(dir, entry.file);
  const bytes = await readFile(file);
  const expected = entry.shape.reduce((a, b) => a * b, 1) * size;
  if (bytes.byteLength !== expected)
    throw new Error(
      `${file}: expected ${expected} bytes for [${entry.shape.join(', ')}], got ${bytes.byteLength}`,
    );
  return new Uint8Array(bytes).buffer;
}

/** Reads a float32 array. */
export async function readFloats(dir: string, entry: ArrayEntry): Promise<Float32Array> {
  return new Float32Array(await bytesOf(dir, entry, 4));
}

/** Reads an int32 array. */
export async function readInts(dir: string, entry: ArrayEntry): Promise<Int32Array> {
  return new Int32Array(await bytesOf(dir, entry, 4));
}

/** Reads a uint8 array. */
export async function readBytes(dir: string, entry: ArrayEntry): Promise<Uint8Array> {
  return new Uint8Array(await bytesOf(dir, entry, 1));
}

/** L2 norm of the difference over L2 norm of the reference; absolute where the reference is zero, NaN stays NaN. */
function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let reference = 0;
  for (let i = 0; i < want.length; i++) {
    difference += (got[i] - want[i]) ** 2;
    reference += want[i] ** 2;
  }
  return reference === 0 ? Math.sqrt(difference) : Math.sqrt(difference / reference);
}

/** A row for two float arrays. */
export function closeRow(output: string, got: ArrayLike<number>, want: ArrayLike<number>, bar: number): Row {
  const error = relativeError(got, want);
  const note = got.length === want.length ? undefined : `expected ${want.length} values, got ${got.length}`;
  return { output, error, bar, pass: error < bar, ...(note ? { note } : {}) };
}

/** A row for things that must be identical (compared as JSON). */
export function exactRow(output: string, got: unknown, want: unknown): Row {
  const plain = (value: unknown) =>
    JSON.stringify(ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value);
  const [a, b] = [plain(got), plain(want)];
  if (a === b) return { output, error: 0, pass: true };
  return { output, error: 1, pass: false, note: `expected ${firstDifference(b, a)}` };
}

/** The neighbourhood of the first difference of two texts. */
function firstDifference(want = 'nothing', got = 'nothing'): string {
  let at = 0;
  while (at < want.length && want[at] === got[at]) at++;
  const from = Math.max(0, at - 12);
  const cut = (text: string) => text.slice(from, at + 24);
  return `...${cut(want)}..., got ...${cut(got)}... at character ${at}`;
}

/** Many exact comparisons as one row: passes when all do, names the first that does not. */
export function exactRows(output: string, rows: readonly Row[]): Row {
  const failed = rows.filter((r) => !r.pass);
  const first = failed[0];
  return {
    output,
    error: failed.length / Math.max(1, rows.length),
    pass: !first,
    note: first
      ? `${failed.length} of ${rows.length} differ; ${first.output}: ${first.note}`
      : `${rows.length} equal`,
  };
}
