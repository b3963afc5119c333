/**
 * @file LoRA adapters: which linears have one, their first values, and the PEFT files (`adapter_config.json`,
 * `adapter_model.safetensors`) that Hugging Face PEFT loads and that PEFT writes.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cachedFileHash } from '../models/checkpoint.ts';
import type { ModelConfig } from '../models/config.ts';
import { readSafetensorsHeader, readTensorFloat32, writeSafetensors } from '../models/safetensors.ts';
import { decoderLinears } from '../models/tensor-names.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { Random } from '../platform/random.ts';
import type { Parameter } from './adamw.ts';

/** One adapted linear: y = x W^T + scale * (x A^T) B^T with A [rank, in] and B [out, rank]. */
export type LoraModule = {
  /** Path inside the decoder, for example `layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly in: number;
  readonly out: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
};

/** A LoRA adapter of the language model, in memory. */
export type LoraAdapter = {
  readonly rank: number;
  readonly alpha: number;
  /** By canonical path in the checkpoint (the decoder's prefix and the module), as `LanguageModel.setAdapter` takes them. */
  readonly modules: ReadonlyMap<string, LoraModule>;
};

/** File names of the PEFT layout. */
export const ADAPTER_CONFIG_FILE = 'adapter_config.json';
export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors';

/** SHA-256 of the adapter's weights: its identity in provenance. @throws UserError NOT_FOUND when the folder has none */
export async function adapterHash(dir: string): Promise<string> {
  const file = path.join(dir, ADAPTER_WEIGHTS_FILE);
  try {
    return await cachedFileHash(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UserError(
      'NOT_FOUND',
      `adapter: expected its weights in ${file}, got no such file`,
      'Put the folder back where it was, or choose another run.',
      { cause: error },
    );
  }
}

/** What the low-rank product is multiplied by: alpha / rank. */
export function loraScale(adapter: Pick<LoraAdapter, 'rank' | 'alpha'>): number {
  return adapter.alpha / adapter.rank;
}

/** Every language-model linear except the head, in layer order: the targets of all three official scripts. */
export function loraTargets(config: ModelConfig): { module: string; in: number; out: number }[] {
  const targets = [];
  for (let layer = 0; layer < config.text.layers; layer++)
    for (const linear of decoderLinears(config.text))
      targets.push({ module: `layers.${layer}.${linear.name}`, in: linear.in, out: linear.out });
  return targets;
}

/**
 * A fresh adapter as PEFT initialises it: A uniform in +-1/sqrt(in), which is kaiming_uniform with a = sqrt(5), B zero, so
 * the model is unchanged at step 0. Each matrix has its own stream of `seed`, so a layer more or less moves no other.
 */
export function initialAdapter(config: ModelConfig, rank: number, alpha: number, seed: number): LoraAdapter {
  const random = new Random(seed).fork('lora');
  const modules = new Map<string, LoraModule>();
  for (const target of loraTargets(config)) {
    const stream = random.fork(target.module);
    const bound = 1 / Math.sqrt(target.in);
    const a = Float32Array.from({ length: rank * target.in }, () => stream.between(-bound, bound));
    modules.set(config.text.prefix + target.module, { ...target, a, b: new Float32Array(target.out * rank) });
  }
  return { rank, alpha, modules };
}

/** The adapter's matrices as optimizer parameters, live: A then B of each module. Names are `<module>.lora_A` / `.lora_B`. */
export function adapterParameters(adapter: LoraAdapter): Parameter[] {
  return [...adapter.modules.values()].flatMap((m) => [
    { name: `${m.module}.lora_A`, shape: [adapter.rank, m.in], data: m.a },
    { name: `${m.module}.lora_B`, shape: [m.out, adapter.rank], data: m.b },
  ]);
}

/** Module path of the decoder inside the model class that PEFT wraps (transformers >= 4.52). */
const DECODER_PATH: Readonly<Record<ModelConfig['family'], string>> = {
  qwen2: 'model.',
  llama: 'model.',
  'llava-onevision': 'model.language_model.',
  smolvlm: 'model.text_model.',
};

const PROJECTIONS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** Writes the adapter into `dir` in PEFT layout, each file atomically. `baseModel` is recorded for people and for PEFT. */
export async function writeAdapter(
  dir: string,
  adapter: LoraAdapter,
  config: ModelConfig,
  baseModel: string,
): Promise<void> {
  const decoder = DECODER_PATH[config.family];
  const tensors = adapterParameters(adapter).map(({ name, shape, data }) => ({
    name: `base_model.model.${decoder}${name}.weight`,
    dtype: 'F32' as const,
    shape,
    data,
  }));
  await writeSafetensors(path.join(dir, ADAPTER_WEIGHTS_FILE), tensors);
  const isText = config.family === 'qwen2' || config.family === 'llama';
  const peft = {
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: adapter.rank,
    // The vision towers have q_proj and friends too; a pattern keeps PEFT inside the language model.
    target_modules: isText
      ? PROJECTIONS
      : `.*${decoder.slice(0, -1).split('.').at(-1)}.*\\.(${PROJECTIONS.join('|')})`,
    task_type: isText ? 'CAUSAL_LM' : null,
    use_dora: false,
    use_rslora: false,
  };
  await writeFileAtomic(path.join(dir, ADAPTER_CONFIG_FILE), `${JSON.stringify(peft, null, 2)}\n`);
}

/**
 * Reads a PEFT adapter written by this program or by PEFT, under the module paths of any transformers version. Throws a
 * UserError when it is not plain LoRA on exactly the linears of `config`'s language model.
 */
export async function readAdapter(dir: string, config: ModelConfig): Promise<LoraAdapter> {
  const { rank, alpha } = await readPeftConfig(path.join(dir, ADAPTER_CONFIG_FILE));
  const file = path.join(dir, ADAPTER_WEIGHTS_FILE);
  const matrices = await readLoraTensors(file);
  const modules = new Map<string, LoraModule>();
  for (const target of loraTargets(config)) {
    const [a, b] = [
      ['lora_A', [rank, target.in]],
      ['lora_B', [target.out, rank]],
    ].map(([which, shape]) => {
      const found = matrices.get(`${target.module}.${String(which)}`);
      if (!found || String(found.shape) !== String(shape))
        throw new UserError(
          'BAD_INPUT',
          `${file}: ${target.module}.${String(which)}: expected shape [${String(shape)}], got ${found ? `[${found.shape.join(',')}]` : 'no such tensor'}`,
          'Use an adapter that was trained on this model, on all linears of its language model.',
        );
      return found.data;
    });
    modules.set(config.text.prefix + target.module, { ...target, a, b });
  }
  if (matrices.size !== 2 * modules.size)
    throw new UserError(
      'UNSUPPORTED',
      `${file}: expected ${2 * modules.size} LoRA tensors on this model's language model, got ${matrices.size}`,
      'Use an adapter that touches only the language model.',
    );
  return { rank, alpha, modules };
}

async function readPeftConfig(file: string): Promise<{ rank: number; alpha: number }> {
  const bad = (what: string) =>
    new UserError(
      'BAD_INPUT',
      `${file}: ${what}`,
      'Choose the folder of a plain LoRA adapter in PEFT layout.',
    );
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw bad(`expected a readable JSON file, got ${error instanceof Error ? error.message : String(error)}`);
  }
  const { r, lora_alpha: alpha } = json;
  if (typeof r !== 'number' || typeof alpha !== 'number')
    throw bad(`expected numbers r and lora_alpha, got ${JSON.stringify(r)} and ${JSON.stringify(alpha)}`);
  for (const [key, plain] of [
    ['peft_type', 'LORA'],
    ['use_dora', false],
    ['use_rslora', false],
    ['bias', 'none'],
    ['fan_in_fan_out', false],
  ] as const)
    if (key in json && json[key] !== plain)
      throw bad(`${key}: expected ${JSON.stringify(plain)}, got ${JSON.stringify(json[key])}`);
  for (const key of ['rank_pattern', 'alpha_pattern'] as const)
    if (json[key] && Object.keys(json[key]).length > 0)
      throw bad(`${key}: expected one rank for all modules`);
  // Such a start takes something out of the base model's weights: without it the matrices are another model's.
  const { init_lora_weights: start } = json;
  if (typeof start === 'string' && /^(pissa|olora|corda|loftq|lora_ga|mica)/i.test(start))
    throw bad(`init_lora_weights: expected a start that leaves the base model as it is, got "${start}"`);
  return { rank: r, alpha };
}

/** Matrices of a PEFT weights file by `<module>.lora_A` / `<module>.lora_B`; throws on any other tensor. */
export async function readLoraTensors(
  file: string,
): Promise<Map<string, { shape: readonly number[]; data: Float32Array }>> {
  const header = await readSafetensorsHeader(file);
  const matrices = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const entry of header.tensors.values()) {
    // Some PEFT versions write the adapter's name ("default") before ".weight".
    const match = /(?:^|\.)(layers\.\d+\.(?:self_attn|mlp)\.\w+)\.(lora_[AB])(?:\.default)?\.weight$/.exec(
      entry.name,
    );
    if (!match || /vision/.test(entry.name))
      throw new UserError(
        'UNSUPPORTED',
        `${file}: tensor "${entry.name}": expected lora_A and lora_B of language-model linears, got something else`,
        'Use a plain LoRA adapter on the language model; embeddings, heads and vision towers are not adapted here.',
      );
    matrices.set(`${match[1]}.${match[2]}`, { shape: entry.shape, data: await readTensorFloat32(entry) });
  }
  return matrices;
}
