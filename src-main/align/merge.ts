/**
 * @file Writes a checkpoint with an adapter merged in: W + scale * B A for every adapted linear, everything else as it was. The
 * result is an ordinary Hugging Face checkpoint folder.
 */
import { cp, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../models/checkpoint.ts';
import {
  readTensorBytes,
  readTensorFloat32,
  writeSafetensors,
  type SafetensorsDtype,
  type TensorToWrite,
} from '../models/safetensors.ts';
import { UserError } from '../platform/errors.ts';
import { TEMPORARY } from '../tensor/weight-files.ts';
import { loraScale, type LoraAdapter, type LoraModule } from './adapter.ts';

/** `onProgress` is told the fraction of bytes that are written, 0..1. */
export type MergeOptions = { signal?: AbortSignal; onProgress?: (fraction: number) => void };

/**
 * Merges `adapter` into `checkpoint` and writes it to `dir`, which must be empty or missing. Weights keep their names and
 * dtypes; the sum is taken in float32 and rounded once. One weight at a time is in memory.
 */
export async function writeMergedCheckpoint(
  dir: string,
  checkpoint: Checkpoint,
  adapter: LoraAdapter,
  { signal, onProgress }: MergeOptions = {},
): Promise<void> {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).length > 0)
    throw new UserError(
      'CONFLICT',
      `${dir}: expected an empty folder, got one with files`,
      'Choose another folder.',
    );
  const adapted = new Map(
    [...adapter.modules].map(([name, module]) => [checkpoint.tensors.get(`${name}.weight`), module]),
  );
  // Tensors that only other programs use go along: without them those would report missing keys.
  const total = [...checkpoint.stored.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  let written = 0;
  const tensors: TensorToWrite[] = [...checkpoint.stored.values()].map((entry) => {
    const module = adapted.get(entry);
    const { name, dtype, shape } = entry;
    const data = async () => {
      signal?.throwIfAborted();
      onProgress?.(written / total);
      written += entry.bytes;
      return module
        ? narrow(addLora(await readTensorFloat32(entry), module, adapter), dtype)
        : readTensorBytes(entry);
    };
    return { name, dtype, shape, data };
  });
  await writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
  // Files of another process that loads this model just now are no part of it, and may be gone before they are read.
  const leftOut = (name: string): boolean =>
    /\.safetensors(\.index\.json)?$|\.bin$/.test(name) || TEMPORARY.test(name);
  for (const entry of await readdir(checkpoint.dir, { withFileTypes: true }))
    if (entry.isFile() && !leftOut(entry.name))
      await cp(path.join(checkpoint.dir, entry.name), path.join(dir, entry.name));
}

/** weight [out, in] + scale * b [out, rank] a [rank, in], in place. */
function addLora(weight: Float32Array, module: LoraModule, adapter: LoraAdapter): Float32Array {
  const scale = loraScale(adapter);
  const { rank } = adapter;
  for (let row = 0; row < module.out; row++)
    for (let r = 0; r < rank; r++) {
      const factor = scale * module.b[row * rank + r];
      if (factor === 0) continue;
      for (let column = 0; column < module.in; column++)
        weight[row * module.in + column] += factor * module.a[r * module.in + column];
    }
  return weight;
}

/** Float32 values in the dtype a checkpoint stores, rounded to nearest, ties to even. */
function narrow(values: Float32Array, dtype: SafetensorsDtype): ArrayBufferView {
  switch (dtype) {
    case 'F32':
      return values;
    case 'F16':
      return Float16Array.from(values);
    case 'BF16': {
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      return Uint16Array.from(bits, (x) => (x + 0x7fff + ((x >>> 16) & 1)) >>> 16);
    }
    default:
      throw new Error(`internal: merge: expected a float weight, got ${dtype}`);
  }
}
