/** @file LoRA matrices at the start, and adapter files as PEFT writes and reads them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseModelConfig } from '../models/config.ts';
import { readSafetensorsHeader, writeSafetensors } from '../models/safetensors.ts';
import {
  adapterParameters,
  initialAdapter,
  loraScale,
  loraTargets,
  readAdapter,
  readLoraTensors,
  writeAdapter,
} from './adapter.ts';

const golden = fileURLToPath(new URL('../../../shared/golden/', import.meta.url));
const configFile = path.join(golden, 'llava-onevision-tiny/config.json');
const config = parseModelConfig(JSON.parse(await readFile(configFile, 'utf8')), configFile);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'adapter-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('initialAdapter', () => {
  it('covers every linear but the head, A uniform in +-1/sqrt(in), B zero', () => {
    const adapter = initialAdapter(config, 4, 8, 7);
    expect(loraTargets(config).length).toBe(14);
    expect(loraScale(adapter)).toBe(2);
    const down = adapter.modules.get('language_model.model.layers.1.mlp.down_proj')!;
    expect([down.in, down.out, down.a.length, down.b.length]).toEqual([128, 64, 512, 256]);
    const bound = 1 / Math.sqrt(128);
    const largest = Math.max(...down.a.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.98 * bound);
    const meanSquare = down.a.reduce((sum, x) => sum + x * x, 0) / 512;
    expect(meanSquare / (bound ** 2 / 3)).toBeCloseTo(1, 0);
    expect(down.b.every((x) => x === 0)).toBe(true);
  });

  it('depends on the seed and on nothing else', () => {
    const value = (seed: number) =>
      initialAdapter(config, 4, 8, seed).modules.get('language_model.model.layers.0.mlp.up_proj')!.a;
    expect(value(7)).toEqual(value(7));
    expect(value(7)).not.toEqual(value(8));
  });
});

describe('PEFT files', () => {
  it('have the tensor names, shapes and settings that PEFT itself writes', async () => {
    await writeAdapter(folder, initialAdapter(config, 4, 8, 1), config, 'llava-onevision-tiny');
    const ours = await readSafetensorsHeader(path.join(folder, 'adapter_model.safetensors'));
    const theirs = await readSafetensorsHeader(path.join(golden, 'rrpo-train/rrpo/lora_init.safetensors'));
    const table = (h: typeof ours) =>
      [...h.tensors.values()].map((t) => `${t.name} ${t.dtype} ${t.shape.join('x')}`).sort();
    expect(table(ours)).toEqual(table(theirs));
    const json = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    const written = await json(path.join(folder, 'adapter_config.json'));
    const reference = await json(path.join(golden, 'rrpo-train/adapter_config.json'));
    for (const key of Object.keys(written)) expect([key, written[key]]).toEqual([key, reference[key]]);
  });

  it('round-trip bit for bit', async () => {
    const adapter = initialAdapter(config, 4, 8, 1);
    for (const p of adapterParameters(adapter))
      p.data.forEach((_, i) => (p.data[i] = Math.fround(Math.sin(i))));
    await writeAdapter(folder, adapter, config, 'x');
    expect(await readAdapter(folder, config)).toEqual(adapter);
  });

  it('are read under older module paths', async () => {
    await writeAdapter(folder, initialAdapter(config, 4, 8, 1), config, 'x');
    const file = path.join(folder, 'adapter_model.safetensors');
    const tensors = [...(await readLoraTensors(file))].map(([name, { shape, data }]) => ({
      name: `base_model.model.language_model.model.${name}.default.weight`,
      dtype: 'F32' as const,
      shape,
      data,
    }));
    await writeSafetensors(file, tensors);
    expect((await readAdapter(folder, config)).modules.size).toBe(14);
  });

  it('are refused with the reason when they are something else', async () => {
    await writeAdapter(folder, initialAdapter(config, 4, 8, 1), config, 'x');
    const file = path.join(folder, 'adapter_config.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"use_dora": false', '"use_dora": true'));
    await expect(readAdapter(folder, config)).rejects.toThrow('use_dora: expected false, got true');
    await writeFile(file, text.replace('"init_lora_weights": true', '"init_lora_weights": "pissa_niter_4"'));
    await expect(readAdapter(folder, config)).rejects.toThrow(
      'init_lora_weights: expected a start that leaves the base model as it is, got "pissa_niter_4"',
    );
    await writeFile(file, text.replace('"init_lora_weights": true', '"init_lora_weights": "gaussian"'));
    expect((await readAdapter(folder, config)).rank).toBe(4);
    await writeFile(file, text.replace('"r": 4', '"r": 5'));
    await expect(readAdapter(folder, config)).rejects.toThrow(
      'layers.0.self_attn.q_proj.lora_A: expected shape [5,64], got [4,64]',
    );
    await writeSafetensors(path.join(folder, 'adapter_model.safetensors'), [
      { name: 'base_model.model.lm_head.lora_A.weight', dtype: 'F32', shape: [1], data: Float32Array.of(1) },
    ]);
    await expect(readAdapter(folder, config)).rejects.toThrow('expected lora_A and lora_B of language-model');
  });
});
