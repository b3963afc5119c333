/** @file What a pretraining run keeps on disk to go on from: parameters, optimizer moments, step. One atomic safetensors file. */
import path from 'node:path';
import type { AdamW, Parameter } from '../../src-main/align/adamw.ts';
import { exists } from '../../src-main/models/checkpoint.ts';
import {
  readSafetensorsHeader,
  readTensorFloat32,
  writeSafetensors,
  type TensorToWrite,
} from '../../src-main/models/safetensors.ts';

const FILE = 'state.safetensors';

/** Writes all parameters and the moments of those that are training; `step` counts finished steps over all phases. */
export async function saveState(
  dir: string,
  parameters: readonly Parameter[],
  optimizer: AdamW,
  step: number,
): Promise<void> {
  const { first, second, step: updates } = optimizer.state();
  const tensors: TensorToWrite[] = parameters.map(({ name, shape, data }) => ({
    name,
    shape,
    dtype: 'F32',
    data,
  }));
  for (const { name, shape } of optimizer.parameters)
    tensors.push(
      { name: `first/${name}`, shape, dtype: 'F32', data: first.get(name)! },
      { name: `second/${name}`, shape, dtype: 'F32', data: second.get(name)! },
    );
  await writeSafetensors(path.join(dir, FILE), tensors, { step: String(step), updates: String(updates) });
}

/** A loaded state: finished steps, and how to put the moments back into an optimizer over the same training parameters. */
export type SavedState = { step: number; restore: (optimizer: AdamW) => void };

/** Loads parameters in place; null when `dir` holds no state. */
export async function loadState(dir: string, parameters: readonly Parameter[]): Promise<SavedState | null> {
  const file = path.join(dir, FILE);
  if (!(await exists(file))) return null;
  const { tensors, metadata } = await readSafetensorsHeader(file);
  const read = (name: string) => {
    const entry = tensors.get(name);
    if (entry === undefined)
      throw new Error(`${file}: expected a tensor "${name}", got none — start in an empty folder`);
    return readTensorFloat32(entry);
  };
  for (const { name, data } of parameters) data.set(await read(name));
  const moments = { first: new Map<string, Float32Array>(), second: new Map<string, Float32Array>() };
  for (const { name } of parameters) {
    if (!tensors.has(`first/${name}`)) continue;
    moments.first.set(name, await read(`first/${name}`));
    moments.second.set(name, await read(`second/${name}`));
  }
  return {
    step: Number(metadata.step),
    restore: (optimizer) => {
      optimizer.restore({ step: Number(metadata.updates), ...moments });
    },
  };
}
