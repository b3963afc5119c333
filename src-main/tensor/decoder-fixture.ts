/**
 * @file A small Llama-like decoder with LoRA and the RRPO loss, written directly in ops: the graph that the tests of the
 * gradients and of the GPU, and the engine's benchmark, are run on. One row [prompt | chosen | rejected] shares the prompt.
 */
import { gradients } from './autodiff.ts';
import { Graph, type Value } from './graph.ts';
import {
  joinHeads,
  linear,
  logSoftmax,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  silu,
  splitHeads,
} from './nn.ts';
import * as ops from './ops.ts';
import type { Tensor } from './onnxruntime.ts';
import { seeded } from './op-cases.ts';

/** Sizes of the decoder and of one training row. */
export interface DecoderSizes {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly prompt: number;
  readonly response: number;
  readonly rank: number;
}

/** Sizes at which float64 and TensorFlow.js checks take a moment. */
export const TINY: DecoderSizes = {
  hidden: 16,
  layers: 2,
  heads: 4,
  keyHeads: 2,
  feedForward: 24,
  vocabulary: 20,
  prompt: 6,
  response: 3,
  rank: 2,
};

/** The size that the project's step time is stated at. */
export const MIDDLE: DecoderSizes = {
  hidden: 512,
  layers: 8,
  heads: 8,
  keyHeads: 4,
  feedForward: 1536,
  vocabulary: 8192,
  prompt: 448,
  response: 64,
  rank: 16,
};

/** KL weight and reward temperature of the fixture's loss. */
export const ALPHA = 0.02;
export const BETA = 0.4;
/** LoRA's alpha / rank. */
export const LORA_SCALE = 2;
const EPSILON = 1e-6;
/** Row blocks of the attention; the row lengths are multiples of it. */
const CAUSAL_BLOCKS = 4;

/** Name, shape and typical size of every frozen weight, in file order. */
export function weightShapes(sizes: DecoderSizes): { name: string; shape: number[]; deviation: number }[] {
  const { hidden, layers, vocabulary } = sizes;
  const list = [{ name: 'embed', shape: [vocabulary, hidden], deviation: 0.5 }];
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['norm1', 'norm2'])
      list.push({ name: `${layer}.${name}`, shape: [hidden], deviation: 1 });
    for (const [name, shape] of Object.entries(linears(sizes))) {
      list.push({ name: `${layer}.${name}`, shape: [...shape], deviation: 1 / Math.sqrt(shape[1]) });
    }
  }
  list.push({ name: 'norm', shape: [hidden], deviation: 1 });
  return list;
}

/** Shapes [out, in] of the linears of one layer; each has an adapter. */
function linears({ hidden, heads, keyHeads, feedForward }: DecoderSizes) {
  const size = hidden / heads;
  return {
    q: [hidden, hidden],
    k: [keyHeads * size, hidden],
    v: [keyHeads * size, hidden],
    o: [hidden, hidden],
    gate: [feedForward, hidden],
    up: [feedForward, hidden],
    down: [hidden, feedForward],
  } as const;
}

/** Names and shapes of the trainable LoRA matrices: A [rank, in], B [out, rank]. */
export function adapterShapes(sizes: DecoderSizes): { name: string; shape: number[] }[] {
  return Array.from({ length: sizes.layers }, (_, layer) =>
    Object.entries(linears(sizes)).flatMap(([name, [out, width]]) => [
      { name: `${layer}.${name}.A`, shape: [sizes.rank, width] },
      { name: `${layer}.${name}.B`, shape: [out, sizes.rank] },
    ]),
  ).flat();
}

/** The training graph: outputs 'loss', 'kl', 'margin' and the gradient 'd <name>' of every adapter matrix. */
export function buildTrainingGraph(
  sizes: DecoderSizes,
  weightOf: (graph: Graph, name: string, shape: readonly number[]) => Value,
): Graph {
  const graph = new Graph();
  const { prompt, response, hidden, heads } = sizes;
  const rows = prompt + 2 * response;
  const ids = graph.input('ids', 'int64', [rows]);
  const cos = graph.input('cos', 'float32', [rows, hidden / heads]);
  const sin = graph.input('sin', 'float32', [rows, hidden / heads]);
  const mask = graph.input('mask', 'float32', [rows, rows]);
  const positions = graph.input('positions', 'int64', [2 * response]);
  const targets = graph.input('targets', 'int64', [2 * response, 1]);
  const marks = graph.input('marks', 'float32', [2 * response]);
  const adapters = new Map(
    adapterShapes(sizes).map(({ name, shape }) => [name, graph.input(name, 'float32', shape)] as const),
  );
  const weights = new Map(
    weightShapes(sizes).map(({ name, shape }) => [name, weightOf(graph, name, shape)] as const),
  );
  const find = (from: ReadonlyMap<string, Value>, name: string): Value => {
    const value = from.get(name);
    if (!value) throw new Error(`internal: decoder fixture: no '${name}'`);
    return value;
  };

  /** Log-probabilities [2R, V] at the labelled positions. */
  function forward(adapted: boolean): Value {
    const project = (layer: number, name: string, x: Value): Value => {
      const y = linear(x, find(weights, `${layer}.${name}`));
      if (!adapted) return y;
      const down = linear(x, find(adapters, `${layer}.${name}.A`)); // [T, r]
      return ops.add(y, linear(ops.mul(down, LORA_SCALE), find(adapters, `${layer}.${name}.B`)));
    };
    let x = ops.gather(find(weights, 'embed'), ids); // [T, H]
    for (let layer = 0; layer < sizes.layers; layer++) {
      const isLast = layer === sizes.layers - 1;
      // Past the last attention only the labelled positions are needed.
      const pick = (value: Value): Value => (isLast ? ops.gather(value, positions) : value);
      const normed = rmsNorm(x, find(weights, `${layer}.norm1`), EPSILON);
      const q = splitHeads(project(layer, 'q', pick(normed)), sizes.heads);
      const k = splitHeads(project(layer, 'k', normed), sizes.keyHeads);
      const v = splitHeads(project(layer, 'v', normed), sizes.keyHeads);
      const attended = scaledDotProductAttention(
        rotaryEmbedding(q, pick(cos), pick(sin)),
        rotaryEmbedding(k, cos, sin),
        v,
        { mask: pick(mask), causalBlocks: isLast ? 1 : CAUSAL_BLOCKS },
      );
      x = ops.add(pick(x), project(layer, 'o', joinHeads(attended)));
      const inner = rmsNorm(x, find(weights, `${layer}.norm2`), EPSILON);
      const gated = ops.mul(silu(project(layer, 'gate', inner)), project(layer, 'up', inner));
      x = ops.add(x, project(layer, 'down', gated));
    }
    const normed = rmsNorm(x, find(weights, 'norm'), EPSILON);
    return logSoftmax(linear(normed, find(weights, 'embed')));
  }

  const policy = forward(true);
  const reference = ops.stopGradient(forward(false));
  const ratio = ops.sub(ops.gatherLast(policy, targets), ops.gatherLast(reference, targets)); // [2R, 1]
  const marked = ops.mul(ops.reshape(ratio, [2 * response]), marks);
  const margin = ops.sub(
    ops.reduceSum(ops.slice(marked, 0, 0, response)),
    ops.reduceSum(ops.slice(marked, 0, response)),
  );
  const [policyChosen, referenceChosen] = [policy, reference].map((x) => ops.slice(x, 0, 0, response));
  const kl = ops.reduceSum(ops.mul(ops.exp(referenceChosen), ops.sub(referenceChosen, policyChosen)));
  const loss = ops.add(ops.softplus(ops.mul(margin, -BETA)), ops.mul(kl, ALPHA));
  graph.output('loss', loss);
  graph.output('kl', kl);
  graph.output('margin', margin);
  const names = [...adapters.keys()];
  gradients(loss, [...adapters.values()]).forEach((gradient, index) =>
    graph.output(`d ${names[index]}`, gradient),
  );
  graph.verify();
  return graph;
}

/** Normal random numbers from a seeded uniform generator (Box-Muller). */
function normals(count: number, deviation: number, random: () => number): Float32Array {
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return deviation * radius * Math.cos(2 * Math.PI * random());
  });
}

/** Inputs of the training graph: a row of random ids, its block mask and positions that restart, and an adapter. */
export function trainingFeeds(sizes: DecoderSizes, seed = 1): Record<string, Tensor> {
  const { prompt, response, hidden, heads, vocabulary } = sizes;
  const random = seeded(seed);
  const rows = prompt + 2 * response;
  const size = hidden / heads;
  const position = (row: number): number => (row < prompt + response ? row : row - response);
  const angles = Array.from({ length: rows * size }, (_, flat) => {
    const pair = (flat % size) % (size / 2);
    return position(Math.floor(flat / size)) * 10000 ** ((-2 * pair) / size);
  });
  const isRejected = (row: number): boolean => row >= prompt + response;
  const visible = (row: number, column: number): boolean =>
    column <= row && !(isRejected(row) && column >= prompt && !isRejected(column));
  const labelled = Array.from({ length: 2 * response }, (_, at) => {
    const offset = at % response;
    if (offset === 0) return prompt - 1;
    return (at < response ? prompt : prompt + response) + offset - 1;
  });
  const randomIds = (count: number): BigInt64Array =>
    BigInt64Array.from({ length: count }, () => BigInt(Math.floor(random() * vocabulary)));
  const feeds: Record<string, Tensor> = {
    ids: { dtype: 'int64', shape: [rows], data: randomIds(rows) },
    cos: { dtype: 'float32', shape: [rows, size], data: Float32Array.from(angles, Math.cos) },
    sin: { dtype: 'float32', shape: [rows, size], data: Float32Array.from(angles, Math.sin) },
    mask: {
      dtype: 'float32',
      shape: [rows, rows],
      data: Float32Array.from({ length: rows * rows }, (_, flat) =>
        visible(Math.floor(flat / rows), flat % rows) ? 0 : -1e9,
      ),
    },
    positions: { dtype: 'int64', shape: [2 * response], data: BigInt64Array.from(labelled, BigInt) },
    targets: { dtype: 'int64', shape: [2 * response, 1], data: randomIds(2 * response) },
    marks: {
      dtype: 'float32',
      shape: [2 * response],
      data: Float32Array.from({ length: 2 * response }, (_, at) => (at % 3 === 0 ? 0 : 1)),
    },
  };
  for (const { name, shape } of adapterShapes(sizes)) {
    const count = shape[0] * shape[1];
    feeds[name] = { dtype: 'float32', shape, data: normals(count, name.endsWith('A') ? 0.1 : 0.05, random) };
  }
  return feeds;
}

/** Data of every frozen weight. */
export function randomWeights(sizes: DecoderSizes, seed = 2): Map<string, Float32Array> {
  const random = seeded(seed);
  return new Map(
    weightShapes(sizes).map(({ name, shape, deviation }) => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      const data = normals(count, deviation, random);
      return [name, name.includes('norm') ? data.map((item) => 1 + 0.1 * item) : data] as const;
    }),
  );
}
