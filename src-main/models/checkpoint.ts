/**
 * @file Opens a Hugging Face checkpoint directory as it is: configuration, single-file or sharded safetensors, tensor
 * names of transformers 4.x and 5.x. Everything a later step relies on is checked here, so a broken checkpoint is one
 * clear message at opening and never a failure in the middle of a run.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { sha256File } from '../platform/files.ts';
import { parseModelConfig } from './config.ts';
import type { ModelConfig } from './config.ts';
import { readSafetensorsHeader, readTensorFloat32 } from './safetensors.ts';
import type { SafetensorsHeader, TensorEntry } from './safetensors.ts';
import { storedNames, weightShapes } from './tensor-names.ts';

/** An opened checkpoint: its configuration and where each weight lies. Holds no file open and no weight in memory. */
export type Checkpoint = {
  dir: string;
  config: ModelConfig;
  /** Every weight of the model by canonical name (see tensor-names.ts); `entry.name` is the name in the file. */
  tensors: ReadonlyMap<string, TensorEntry>;
  /** Every tensor of the files by its name there, those that this program computes nothing with too. */
  stored: ReadonlyMap<string, TensorEntry>;
  /** The safetensors files, in name order. */
  files: readonly string[];
  /** Bytes of all weights as stored. */
  bytes: number;
};

/** Options of {@link openCheckpoint}. */
export type OpenOptions = {
  /** Path of config.json relative to the directory. @default 'config.json' */
  configFile?: string;
};

/** Reads and parses a JSON file; the error names the file. */
export async function readJson(file: string, hint: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new UserError(
      'NOT_FOUND',
      `${file}: expected a readable file, got ${code === 'ENOENT' ? 'none' : code}`,
      hint,
      { cause },
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      'CORRUPT',
      `${file}: expected JSON, got ${cause instanceof Error ? cause.message : String(cause)}`,
      hint,
      { cause },
    );
  }
}

/** Whether a path exists (as anything). */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/**
 * Opens the checkpoint in `dir`. Throws a UserError naming file, tensor, expected and got for anything that would make
 * the model compute something else than it should: missing file or tensor, wrong shape, truncation, unknown family.
 */
export async function openCheckpoint(dir: string, options: OpenOptions = {}): Promise<Checkpoint> {
  const configFile = path.join(dir, options.configFile ?? 'config.json');
  const config = parseModelConfig(
    await readJson(
      configFile,
      'Choose the folder of a Hugging Face checkpoint (config.json beside *.safetensors).',
    ),
    configFile,
  );
  const headers = await readAllHeaders(dir);
  const stored = new Map<string, TensorEntry>();
  for (const header of headers) for (const [name, entry] of header.tensors) stored.set(name, entry);
  const tensors = matchTensors(config, stored, dir);
  let bytes = 0;
  for (const entry of tensors.values()) bytes += entry.bytes;
  return { dir, config, tensors, stored, files: headers.map((h) => h.file), bytes };
}

/** Finds every weight that `config` asks for among the `stored` ones, under any of its names. */
export function matchTensors(
  config: ModelConfig,
  stored: ReadonlyMap<string, TensorEntry>,
  where: string,
): Map<string, TensorEntry> {
  const found = new Map<string, TensorEntry>();
  for (const [canonical, shape] of weightShapes(config)) {
    const entry = storedNames(config.family, canonical)
      .map((name) => stored.get(name))
      .find((e) => e !== undefined);
    if (!entry)
      throw new UserError(
        'BAD_INPUT',
        `${where}: tensor "${canonical}": expected shape [${shape.join(', ')}], got no such tensor among ${stored.size}`,
        'The checkpoint is incomplete, or its config.json belongs to another one. Copy all its files again.',
      );
    if (entry.shape.length !== shape.length || entry.shape.some((n, i) => n !== shape[i]))
      throw new UserError(
        'BAD_INPUT',
        `${entry.file}: tensor "${entry.name}": expected shape [${shape.join(', ')}] from config.json, got [${entry.shape.join(', ')}]`,
        'config.json and the weights do not belong together. Copy both from the same checkpoint.',
      );
    if (entry.dtype !== 'F32' && entry.dtype !== 'F16' && entry.dtype !== 'BF16')
      throw new UserError(
        'UNSUPPORTED',
        `${entry.file}: tensor "${entry.name}": expected dtype F32, F16 or BF16, got ${entry.dtype}`,
        'Use a checkpoint saved in float32, float16 or bfloat16; quantised checkpoints are not supported.',
      );
    found.set(canonical, entry);
  }
  return found;
}

/** Tables of contents of all weight files of `dir`: the single file or, as in transformers, without one the index's shards. */
async function readAllHeaders(dir: string): Promise<SafetensorsHeader[]> {
  const single = path.join(dir, 'model.safetensors');
  if (await exists(single)) return [await readSafetensorsHeader(single)];
  const index = path.join(dir, 'model.safetensors.index.json');
  if (!(await exists(index))) {
    const pickle = await exists(path.join(dir, 'pytorch_model.bin'));
    throw new UserError(
      'NOT_FOUND',
      `${dir}: expected model.safetensors or model.safetensors.index.json, got ${pickle ? 'only pytorch_model.bin' : 'neither'}`,
      pickle
        ? 'Pickle files can run code and are not read. Save the model again with safe_serialization=True.'
        : 'Choose the folder that holds the weights.',
    );
  }
  const json = (await readJson(index, 'Copy the index file again.')) as { weight_map?: unknown } | null;
  const map = json?.weight_map;
  if (typeof map !== 'object' || map === null || !Object.values(map).every((v) => typeof v === 'string'))
    throw new UserError(
      'CORRUPT',
      `${index}: expected "weight_map" from tensor names to file names`,
      'Copy the index file again.',
    );
  const entries = Object.entries(map as Record<string, string>);
  const headers: SafetensorsHeader[] = [];
  for (const name of [...new Set(entries.map(([, file]) => file))].sort()) {
    if (path.basename(name) !== name)
      throw new UserError(
        'BAD_INPUT',
        `${index}: expected plain file names in "weight_map", got ${JSON.stringify(name)}`,
        'Copy the index file again.',
      );
    headers.push(await readSafetensorsHeader(path.join(dir, name)));
  }
  const byFile = new Map(headers.map((h) => [path.basename(h.file), h]));
  for (const [tensor, file] of entries)
    if (!byFile.get(file)!.tensors.has(tensor))
      throw new UserError(
        'CORRUPT',
        `${path.join(dir, file)}: expected tensor "${tensor}" as ${path.basename(index)} says, got no such tensor`,
        'The shards belong to different versions of the checkpoint. Copy all of them again.',
      );
  return headers;
}

/** One weight as float32; `name` is canonical. */
export async function readWeight(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const entry = checkpoint.tensors.get(name);
  if (!entry) throw new Error(`internal: checkpoint has no weight "${name}"`);
  return readTensorFloat32(entry);
}

const fileHashes = new Map<string, string>();

/** SHA-256 of a file, lower-case hex; read once per process and again only when its size or time of change differ. */
export async function cachedFileHash(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file);
  const key = `${path.resolve(file)}:${size}:${mtimeMs}`;
  let hash = fileHashes.get(key);
  if (!hash) {
    hash = await sha256File(file);
    fileHashes.set(key, hash);
  }
  return hash;
}

/**
 * SHA-256 over config.json and all weight files: the identity of the model in run records and caches.
 */
export async function checkpointHash(checkpoint: Checkpoint): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [path.join(checkpoint.dir, 'config.json'), ...checkpoint.files])
    hash.update(`${path.basename(file)}:${await cachedFileHash(file)}\n`);
  return hash.digest('hex');
}
