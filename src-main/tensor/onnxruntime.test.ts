/** @file Sessions on the real runtime: weights from files in every dtype, at any offset, however they can be reached; feeds that do not fit. */
import { mkdir, mkdtemp, open, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../platform/errors.ts';
import { type DType, Graph } from './graph.ts';
import { createSession, type SessionOptions, type Tensor } from './onnxruntime.ts';
import { add, concat, matMul, reshape, weightFloat32 } from './ops.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'session-'))));
afterEach(() => rm(folder, { recursive: true }));

const float32 = (shape: number[], data: number[]): Tensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(data),
});

/** Little-endian bytes of the numbers; the sixteen-bit ones are given as their bits. */
function bytesOf(dtype: 'float32' | 'float16' | 'bfloat16', values: readonly number[]): Buffer {
  if (dtype === 'float32') return Buffer.from(Float32Array.from(values).buffer);
  return Buffer.from(Uint16Array.from(values).buffer);
}

/** y = x + w, with w [2, 2] from a file. */
function addWeight(graph: Graph, name: string, dtype: DType, file: string, offset: number): void {
  const length = dtype === 'float32' ? 16 : 8;
  const weight = weightFloat32(graph, name, dtype, [2, 2], { file, offset, length });
  graph.output(`${name}.y`, add(graph.input(`${name}.x`, 'float32', [2, 2]), weight));
}

async function run(graph: Graph, feeds: Record<string, Tensor>, options: SessionOptions = {}) {
  const session = await createSession(graph, { threads: 1, ...options });
  const results = await session.run(feeds);
  await session.release();
  return { results, weights: session.weights };
}

describe('weights in files', () => {
  it('reads float32, float16 and bfloat16 at odd offsets of two shards, and leaves nothing behind', async () => {
    const [first, second] = ['a.safetensors', 'b.safetensors'].map((name) => path.join(folder, name));
    await writeFile(first, Buffer.concat([Buffer.alloc(3), bytesOf('float32', [1.5, 2, -3, 0.25])]));
    await writeFile(
      second,
      Buffer.concat([
        Buffer.alloc(1),
        bytesOf('float16', [0x3c00, 0xc000, 0x3800, 0x0001]), // 1, -2, 0.5, 2^-24
        Buffer.alloc(1),
        bytesOf('bfloat16', [0x3f80, 0xc000, 0x3f00, 0x4049]), // 1, -2, 0.5, 3.140625
      ]),
    );
    const graph = new Graph();
    addWeight(graph, 'f32', 'float32', first, 3);
    addWeight(graph, 'f16', 'float16', second, 1);
    addWeight(graph, 'bf16', 'bfloat16', second, 10);
    const zeros = float32([2, 2], [0, 0, 0, 0]);
    const { results, weights } = await run(graph, { 'f32.x': zeros, 'f16.x': zeros, 'bf16.x': zeros });
    expect([...results['f32.y'].data]).toEqual([1.5, 2, -3, 0.25]);
    expect([...results['f16.y'].data]).toEqual([1, -2, 0.5, 2 ** -24]);
    expect([...results['bf16.y'].data]).toEqual([1, -2, 0.5, 3.140625]);
    expect(weights.mode).toBe('mapped');
    expect((await readdir(folder)).sort()).toEqual(['a.safetensors', 'b.safetensors']);
  });

  it('removes the model file of a killed process, but not a recent one', async () => {
    const file = path.join(folder, 'w.safetensors');
    await writeFile(file, bytesOf('float32', [1, 2, 3, 4]));
    const [stale, recent] = ['00aa00aa00aa', '11bb11bb11bb'].map((id) =>
      path.join(folder, `.workbench-7-${id}.onnx`),
    );
    for (const name of [stale, recent]) await writeFile(name, '');
    const before = new Date(Date.now() - 2 * 3_600_000);
    await utimes(stale, before, before);
    const graph = new Graph();
    addWeight(graph, 'w', 'float32', file, 0);
    await run(graph, { 'w.x': float32([2, 2], [0, 0, 0, 0]) });
    expect((await readdir(folder)).sort()).toEqual([path.basename(recent), 'w.safetensors']);
  });

  it('follows symbolic links to where the files really are', async () => {
    // The layout of a Hugging Face cache: snapshots/<commit>/model.safetensors -> ../../blobs/<hash>
    const [blobs, snapshot] = ['blobs', 'snapshots'].map((name) => path.join(folder, name));
    await Promise.all([mkdir(blobs), mkdir(snapshot)]);
    await writeFile(path.join(blobs, 'c0ffee'), bytesOf('float32', [1, 2, 3, 4]));
    const file = path.join(snapshot, 'model.safetensors');
    await symlink(path.join('..', 'blobs', 'c0ffee'), file);
    const graph = new Graph();
    addWeight(graph, 'w', 'float32', file, 0);
    const { results, weights } = await run(graph, { 'w.x': float32([2, 2], [0, 0, 0, 0]) });
    expect([...results['w.y'].data]).toEqual([1, 2, 3, 4]);
    expect(weights.mode).toBe('mapped');
    expect([await readdir(blobs), await readdir(snapshot)]).toEqual([['c0ffee'], ['model.safetensors']]);
  });

  it('links weights of several folders into a cache folder, or copies them and says why', async () => {
    const graph = new Graph();
    for (const name of ['one', 'two']) {
      await mkdir(path.join(folder, name));
      const file = path.join(folder, name, 'w.safetensors');
      await writeFile(file, bytesOf('float32', name === 'one' ? [1, 2, 3, 4] : [5, 6, 7, 8]));
      addWeight(graph, name, 'float32', file, 0);
    }
    const feeds = { 'one.x': float32([2, 2], [0, 0, 0, 0]), 'two.x': float32([2, 2], [1, 1, 1, 1]) };
    const cacheFolder = path.join(folder, 'cache');
    const linked = await run(graph, feeds, { cacheFolder });
    const copied = await run(graph, feeds);
    for (const { results } of [linked, copied]) {
      expect([...results['one.y'].data]).toEqual([1, 2, 3, 4]);
      expect([...results['two.y'].data]).toEqual([6, 7, 8, 9]);
    }
    expect(linked.weights).toEqual({ mode: 'linked', reason: 'the weight files lie in several folders' });
    expect(copied.weights).toEqual({ mode: 'copied', reason: 'the weight files lie in several folders' });
    expect(await readdir(cacheFolder)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'works where no file can be created beside the weights',
    async () => {
      // A path so long that the model's name does not fit behind it: refused for every user, root included.
      let deep = folder;
      while (deep.length < 4060) {
        deep = path.join(deep, 'd'.repeat(Math.min(200, 4072 - deep.length)));
        await mkdir(deep);
      }
      const file = path.join(deep, 'w');
      await writeFile(file, bytesOf('float32', [1, 2, 3, 4]));
      const graph = new Graph();
      addWeight(graph, 'w', 'float32', file, 0);
      const { results, weights } = await run(
        graph,
        { 'w.x': float32([2, 2], [0, 0, 0, 0]) },
        { cacheFolder: folder },
      );
      expect([...results['w.y'].data]).toEqual([1, 2, 3, 4]);
      expect(weights.mode).toBe('linked');
      expect(weights.reason).toContain('is not writable (ENAMETOOLONG)');
    },
  );

  it('reads weights beyond 2 GiB and 4 GiB of a file', async () => {
    const file = path.join(folder, 'large.safetensors');
    const offsets = [2 ** 31 + 5, 2 ** 32 + 9];
    const handle = await open(file, 'w');
    for (const [index, offset] of offsets.entries()) {
      await handle.write(bytesOf('float32', [index + 1, 2, 3, 4]), 0, 16, offset); // sparse: takes no space
    }
    await handle.close();
    const graph = new Graph();
    offsets.forEach((offset, index) => addWeight(graph, `w${index}`, 'float32', file, offset));
    const zeros = float32([2, 2], [0, 0, 0, 0]);
    const { results, weights } = await run(graph, { 'w0.x': zeros, 'w1.x': zeros });
    expect([...results['w0.y'].data]).toEqual([1, 2, 3, 4]);
    expect([...results['w1.y'].data]).toEqual([2, 2, 3, 4]);
    expect(weights.mode).toBe('mapped');
  });

  it('says so when a file can neither be mapped nor read', async () => {
    const graph = new Graph();
    for (const name of ['one', 'two']) {
      await mkdir(path.join(folder, name));
      const file = path.join(folder, name, 'w.safetensors');
      await writeFile(file, '');
      await truncate(file, 2 ** 31);
      addWeight(graph, name, 'float32', file, 0);
    }
    await expect(createSession(graph)).rejects.toThrow('and the weight files lie in several folders');
  });

  it('names a weight file that is missing or too short', async () => {
    const file = path.join(folder, 'w.safetensors');
    const graph = new Graph();
    addWeight(graph, 'w', 'float32', file, 8);
    await expect(createSession(graph)).rejects.toThrow(`${file}: expected a weight file, got ENOENT`);
    await writeFile(file, Buffer.alloc(24));
    await truncate(file, 20);
    const failure = createSession(graph);
    await expect(failure).rejects.toThrow(`${file}: expected at least 24 bytes for weight 'w', got 20`);
    await expect(failure).rejects.toBeInstanceOf(UserError);
  });
});

describe('feeds', () => {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['T', 2]);
  const y = graph.input('y', 'float32', ['T', 2]);
  graph.output('sum', add(x, y));

  it.each([
    ['a missing input', { x: float32([1, 2], [1, 2]) }, 'expected inputs x, y, got missing y'],
    [
      'an unknown input',
      { x: float32([1, 2], [1, 2]), y: float32([1, 2], [1, 2]), z: float32([], [1]) },
      'expected inputs x, y, got unknown z',
    ],
    [
      'a wrong shape',
      { x: float32([1, 3], [1, 2, 3]), y: float32([1, 2], [1, 2]) },
      "input 'x': expected float32[T, 2], got float32[1, 3]",
    ],
    [
      'a wrong dtype',
      { x: { dtype: 'int32' as const, shape: [1, 2], data: new Int32Array(2) }, y: float32([1, 2], [1, 2]) },
      "input 'x': expected float32[T, 2], got int32[1, 2]",
    ],
    [
      'too few elements',
      { x: float32([2, 2], [1, 2]), y: float32([2, 2], [1, 2, 3, 4]) },
      "input 'x': expected a Float32Array of 4 elements, not a Float32Array of 2",
    ],
    [
      'two sizes of one symbol',
      { x: float32([1, 2], [1, 2]), y: float32([2, 2], [1, 2, 3, 4]) },
      "input 'y': expected T = 1, got 2 (T = 1 from 'x')",
    ],
  ])('refuses %s before the run', async (_, feeds, message) => {
    const session = await createSession(graph, { threads: 1 });
    await expect(session.run(feeds)).rejects.toThrow(message);
    await session.release();
  });
});

describe('symbolic dimensions', () => {
  it('serve every size in one session, and can be bound', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['2*Q', 4]);
    const past = graph.input('past', 'float32', ['P', 2]);
    const halves = reshape(x, [2, 'Q', 4]);
    graph.output('halves', halves);
    graph.output('joined', concat([past, reshape(x, ['4*Q', 2])], 0));
    graph.output('square', matMul(halves, halves, { transposeB: true }));
    expect(graph.outputs.get('joined')?.shape).toEqual(['P+4*Q', 2]);
    const feedsOf = (q: number, p: number) => ({
      x: float32([2 * q, 4], [...Array(8 * q).keys()]),
      past: float32([p, 2], [...Array(2 * p).keys()]),
    });
    const session = await createSession(graph, { threads: 1 });
    for (const [q, p] of [
      [1, 0],
      [3, 2],
      [2, 5],
    ]) {
      const { halves: rows, joined, square } = await session.run(feedsOf(q, p));
      expect([rows.shape, joined.shape, square.shape]).toEqual([
        [2, q, 4],
        [p + 4 * q, 2],
        [2, q, q],
      ]);
      expect([...joined.data].slice(2 * p)).toEqual([...Array(8 * q).keys()]);
    }
    await expect(
      session.run({ ...feedsOf(1, 1), x: float32([3, 4], [...Array(12).keys()]) }),
    ).rejects.toThrow('a multiple of 2');
    await session.release();
    const bound = await createSession(graph, { threads: 1, dims: { Q: 2, P: 1 } });
    expect((await bound.run(feedsOf(2, 1))).joined.shape).toEqual([9, 2]);
    await expect(bound.run(feedsOf(3, 1))).rejects.toThrow('expected float32[4, 4], got float32[6, 4]');
    await bound.release();
  });
});
