/** @file Checkpoints open in both layouts, and every kind of damage is named: file, tensor, expected, got. */
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../platform/errors.ts';
import { checkpointHash, openCheckpoint, readWeight } from './checkpoint.ts';
import {
  readSafetensorsHeader,
  readTensorBytes,
  readTensorFloat32,
  writeSafetensors,
} from './safetensors.ts';
import type { TensorToWrite } from './safetensors.ts';
import { weightShapes } from './tensor-names.ts';
import type { SafetensorsHeader } from './safetensors.ts';

const LLAVA = path.resolve('../shared/golden/llava-onevision-tiny');
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-checkpoint-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function toWrite(header: SafetensorsHeader, rename = (name: string) => name): Promise<TensorToWrite[]> {
  return Promise.all(
    [...header.tensors.values()].map(async (e) => ({
      name: rename(e.name),
      dtype: e.dtype,
      shape: e.shape,
      data: await readTensorBytes(e),
    })),
  );
}

/** A copy of the LLaVA checkpoint with its tensors changed. */
async function copyWith(
  name: string,
  change: (tensors: TensorToWrite[]) => TensorToWrite[],
): Promise<string> {
  const to = path.join(dir, name);
  const header = await readSafetensorsHeader(path.join(LLAVA, 'model.safetensors'));
  await writeSafetensors(path.join(to, 'model.safetensors'), change(await toWrite(header)));
  await writeFile(path.join(to, 'config.json'), await readFile(path.join(LLAVA, 'config.json')));
  return to;
}

async function failure(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('safetensors', () => {
  it('writes what it reads: names, shapes, bytes and alignment', async () => {
    const file = path.join(dir, 'a.safetensors');
    const values = new Float32Array([1.5, -2, 3e-9]);
    await writeSafetensors(
      file,
      [
        { name: 'half', dtype: 'BF16', shape: [2], data: new Uint16Array([0x3f80, 0xc040]) },
        { name: 'full', dtype: 'F32', shape: [3, 1], data: () => values },
        { name: 'f16', dtype: 'F16', shape: [1], data: new Uint16Array([0x3e00]) },
        { name: 'empty', dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
      ],
      { format: 'pt', note: 'é' },
    );
    const header = await readSafetensorsHeader(file);
    expect(header.metadata).toEqual({ format: 'pt', note: 'é' });
    expect([...header.tensors.keys()]).toEqual(['half', 'full', 'f16', 'empty']);
    expect(header.tensors.get('full')!.offset % 4).toBe(0);
    expect(await readTensorFloat32(header.tensors.get('full')!)).toEqual(values);
    expect([...(await readTensorFloat32(header.tensors.get('half')!))]).toEqual([1, -3]);
    expect([...(await readTensorFloat32(header.tensors.get('f16')!))]).toEqual([1.5]);
    expect((await stat(file)).size).toBe(
      header.tensors.get('empty')!.offset + header.tensors.get('empty')!.bytes,
    );
  });

  it('refuses a tensor whose bytes do not fit its shape, and leaves no file', async () => {
    const file = path.join(dir, 'bad.safetensors');
    const tensor: TensorToWrite = { name: 'x', dtype: 'F32', shape: [2], data: new Float32Array(3) };
    await expect(writeSafetensors(file, [tensor])).rejects.toThrow('"x" F32 [2]: expected 8 bytes, got 12');
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('names the tensor that a truncated file lacks', async () => {
    const file = path.join(dir, 'short.safetensors');
    await writeSafetensors(file, [
      { name: 'a', dtype: 'F32', shape: [2], data: new Float32Array(2) },
      { name: 'b', dtype: 'F32', shape: [4], data: new Float32Array(4) },
    ]);
    await truncate(file, (await stat(file)).size - 1);
    const error = await failure(readSafetensorsHeader(file));
    expect(error.code).toBe('CORRUPT');
    expect(error.message).toMatch(/short\.safetensors: tensor "b" F32 \[4\].*truncated/);
  });

  it('refuses tensors that share bytes, leave some out, or do not fill the file, as the reference reader does', async () => {
    const file = path.join(dir, 'layout.safetensors');
    const write = async (b: [number, number], size: number) => {
      const table = { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: {} };
      table.b = { dtype: 'F32', shape: [2], data_offsets: b };
      const json = Buffer.from(JSON.stringify(table));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      await writeFile(file, Buffer.concat([length, json, Buffer.alloc(size)]));
      return 8 + json.length;
    };
    await write([8, 16], 16);
    expect((await readSafetensorsHeader(file)).tensors.size).toBe(2);
    for (const [first, last, size] of [
      [4, 12, 12],
      [0, 8, 8],
      [12, 20, 20],
    ] as const) {
      const start = await write([first, last], size);
      const error = await failure(readSafetensorsHeader(file));
      expect(error.code).toBe('CORRUPT');
      expect(error.message).toContain(
        `tensor "b": expected its bytes to begin at ${start + 8}, got ${start + first}`,
      );
    }
    await write([8, 16], 20);
    expect((await failure(readSafetensorsHeader(file))).message).toMatch(/expected a file of \d+ bytes, got/);
  });

  it('refuses what is not a safetensors file', async () => {
    const file = path.join(dir, 'text.safetensors');
    await writeFile(file, 'version https://git-lfs.github.com/spec/v1\n');
    expect((await failure(readSafetensorsHeader(file))).code).toBe('CORRUPT');
  });
});

describe('openCheckpoint', () => {
  it('opens the published layout with every weight', async () => {
    const checkpoint = await openCheckpoint(LLAVA);
    expect(checkpoint.config.family).toBe('llava-onevision');
    // 69 stored tensors less the tower's final norm (2), which this family never uses.
    expect(checkpoint.tensors.size).toBe(67);
    expect((await readWeight(checkpoint, 'image_newline')).length).toBe(64);
    expect(await checkpointHash(checkpoint)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('opens the layout of transformers 5.x and finds the same bytes', async () => {
    const names = JSON.parse(await readFile(path.join(LLAVA, 'v5/tensor_names.json'), 'utf8')) as {
      names: string[];
    };
    const to = await copyWith('v5', (tensors) =>
      tensors.map((t) => ({ ...t, name: t.name.replace('vision_tower.vision_model.', 'vision_tower.') })),
    );
    await writeFile(path.join(to, 'config.json'), await readFile(path.join(LLAVA, 'v5/config.json')));
    const header = await readSafetensorsHeader(path.join(to, 'model.safetensors'));
    expect([...header.tensors.keys()].sort()).toEqual([...names.names].sort());
    const [old, v5] = [await openCheckpoint(LLAVA), await openCheckpoint(to)];
    expect(v5.config).toEqual(old.config);
    for (const name of weightShapes(old.config).keys())
      expect(await readWeight(v5, name)).toEqual(await readWeight(old, name));
  });

  it('opens a sharded checkpoint', async () => {
    const to = path.join(dir, 'sharded');
    const header = await readSafetensorsHeader(path.join(LLAVA, 'model.safetensors'));
    const tensors = await toWrite(header);
    const half = tensors.length >> 1;
    const parts = { 'model-00001-of-00002.safetensors': tensors.slice(0, half) } as Record<
      string,
      TensorToWrite[]
    >;
    parts['model-00002-of-00002.safetensors'] = tensors.slice(half);
    const map: Record<string, string> = {};
    for (const [file, part] of Object.entries(parts)) {
      await writeSafetensors(path.join(to, file), part);
      for (const t of part) map[t.name] = file;
    }
    await writeFile(path.join(to, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    await writeFile(path.join(to, 'config.json'), await readFile(path.join(LLAVA, 'config.json')));
    const checkpoint = await openCheckpoint(to);
    expect(checkpoint.files.length).toBe(2);
    expect(checkpoint.tensors.size).toBe(67);

    // A single file beside them wins, as in transformers.
    await writeSafetensors(path.join(to, 'model.safetensors'), tensors);
    expect((await openCheckpoint(to)).files).toEqual([path.join(to, 'model.safetensors')]);
    await rm(path.join(to, 'model.safetensors'));

    await rm(path.join(to, 'model-00002-of-00002.safetensors'));
    const error = await failure(openCheckpoint(to));
    expect(error.message).toContain('model-00002-of-00002.safetensors');
  });

  it('names a missing tensor', async () => {
    const to = await copyWith('missing', (tensors) => tensors.filter((t) => t.name !== 'image_newline'));
    const error = await failure(openCheckpoint(to));
    expect(error.message).toContain('tensor "image_newline": expected shape [64], got no such tensor');
    expect(error.hint).not.toBe('');
  });

  it('names a wrong shape with expected and got', async () => {
    const to = await copyWith('shape', (tensors) =>
      tensors.map((t) =>
        t.name === 'multi_modal_projector.linear_1.weight' ? { ...t, shape: [48, 64] } : t,
      ),
    );
    const error = await failure(openCheckpoint(to));
    expect(error.message).toMatch(/linear_1\.weight": expected shape \[64, 48\].*got \[48, 64\]/);
  });

  it('refuses an unknown family, a missing folder and broken JSON by name', async () => {
    const to = await copyWith('family', (t) => t);
    await writeFile(path.join(to, 'config.json'), '{"model_type":"mamba"}');
    const error = await failure(openCheckpoint(to));
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message).toContain('model_type: expected "llava_onevision"');
    expect(error.message).toContain('got "mamba"');
    await writeFile(path.join(to, 'config.json'), '{"model_type":');
    expect((await failure(openCheckpoint(to))).code).toBe('CORRUPT');
    expect((await failure(openCheckpoint(path.join(dir, 'nowhere')))).code).toBe('NOT_FOUND');
  });
});
