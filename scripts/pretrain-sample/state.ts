/** @file What a pretraining run keeps on disk to go on from: parameters, optimizer moments, step. One atomic safetensors file. */
import path from 'node:path';
import { AdamW, type AdamWOptions, type Parameter } from '../../src-main/align/adamw.ts';
import { exists } from '../../src-main/models/checkpoint.ts';
import {
  readSafetensorsHeader,
  readTensorFloat32,
  writeSafetensors,
  type TensorToWrite,
} from '../../src-main/models/safetensors.ts';

const FILE = 'state.safetensors';

/** Writes everything; `step` counts finished steps over all phases. */
export async function saveState(dir: string, optimizer: AdamW, step: number): Promise<void> {
  const { first, second, step: updates } = optimizer.state();
  const tensors: TensorToWrite[] = optimizer.parameters.flatMap(({ name, shape, data }) => [
    { name, shape, dtype: 'F32', data },
    { name: `first/${name}`, shape, dtype: 'F32', data: first.get(name)! },
    { name: `second/${name}`, shape, dtype: 'F32', data: second.get(name)! },
  ]);
  await writeSafetensors(path.join(dir, FILE), tensors, { step: String(step), updates: String(updates) });
}

/** Loads parameters (in place) and moments; returns the finished steps, or null when `dir` holds no state. */
export async function loadState(
  dir: string,
  parameters: readonly Parameter[],
  options: AdamWOptions,
): Promise<{ optimizer: AdamW; step: number } | null> {
  const file = path.join(dir, FILE);
  if (!(await exists(file))) return null;
  const { tensors, metadata } = await readSafetensorsHeader(file);
  const read = async (name: string) => {
    const entry = tensors.get(name);
    if (entry === undefined)
      throw new Error(`${file}: expected a tensor "${name}", got none — start in an empty folder`);
    return readTensorFloat32(entry);
  };
  const first = new Map<string, Float32Array>();
  const second = new Map<string, Float32Array>();
  for (const { name, data } of parameters) {
    data.set(await read(name));
    first.set(name, await read(`first/${name}`));
    second.set(name, await read(`second/${name}`));
  }
  const optimizer = new AdamW(parameters, options);
  optimizer.restore({ step: Number(metadata.updates), first, second });
  return { optimizer, step: Number(metadata.step) };
}
