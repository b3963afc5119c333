/**
 * @file One or more test cases for every op, used by the checks of gradients, of the CPU and of the GPU.
 * The table is closed: an op without a case does not compile.
 */
import { gradients } from './autodiff.ts';
import { bindDim } from './dims.ts';
import { type DType, type Dim, Graph, type OpName, toTyped, type Value } from './graph.ts';
import type { Dense } from './interpreter.ts';
import * as ops from './ops.ts';

/** An operand of a case: float data in a range that keeps the op smooth, or given integers. */
export interface Operand {
  readonly shape: readonly Dim[];
  readonly dtype?: DType;
  readonly range?: readonly [number, number];
  readonly data?: readonly number[];
  /** No gradient is asked for. */
  readonly frozen?: boolean;
}

/** One use of an op: operands by position and the function that applies it. */
export interface OpCase {
  readonly title?: string;
  readonly operands: readonly Operand[];
  readonly build: (inputs: readonly Value[]) => Value;
}

/** Sizes that symbolic dimensions take in the cases. */
export const CASE_DIMS: Readonly<Record<string, number>> = { T: 3, P: 2 };

const a = { shape: [2, 3] } as const;
const positive = { shape: [2, 3], range: [0.3, 2] } as const;
const unary = (f: (x: Value) => Value, operand: Operand = a): OpCase => ({
  operands: [operand],
  build: ([x]) => f(x),
});
const binary = (
  f: (x: Value, y: Value) => Value,
  first: Operand,
  second: Operand,
  title?: string,
): OpCase => ({
  title,
  operands: [first, second],
  build: ([x, y]) => f(x, y),
});
const broadcasting = (f: (x: Value, y: Value) => Value, second: Operand = a): OpCase[] => [
  binary(f, a, { ...second, shape: [2, 3] }, 'same shape'),
  binary(f, a, { ...second, shape: [3] }, 'row'),
  binary(f, { shape: [2, 1] }, { ...second, shape: [4, 1, 3] }, 'both ways'),
  binary(f, { shape: [] }, { ...second, shape: ['T', 3] }, 'scalar and symbol'),
];
const indices = (data: readonly number[], shape: readonly Dim[], dtype: DType = 'int64'): Operand => ({
  data,
  shape,
  dtype,
});
const matMulCases = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    [[], [2], [2, 'T']].map((batch): OpCase => {
      const left = transposeA ? [3, 2] : [2, 3];
      const right = transposeB ? [4, 3] : [3, 4];
      return {
        title: `batch [${batch.join(', ')}]${transposeA ? ' A^T' : ''}${transposeB ? ' B^T' : ''}`,
        operands: [{ shape: [...batch, ...left] }, { shape: [...batch, ...right] }],
        build: ([x, y]) => ops.matMul(x, y, { transposeA, transposeB }),
      };
    }),
  ),
);

/** Cases per op. */
export const OP_CASES: { readonly [K in OpName]: readonly OpCase[] } = {
  input: [unary((x) => x)],
  weight: [], // needs a file: see onnxruntime.test.ts
  constant: [unary((x) => ops.add(x, x.graph.constant([1, 2, 3])))],
  dimension: [unary((x) => ops.mul(x, ops.dimension(x.graph, 'T')), { shape: ['T', 2] })],
  neg: [unary(ops.neg)],
  exp: [unary(ops.exp)],
  log: [unary(ops.log, positive)],
  sqrt: [unary(ops.sqrt, positive)],
  rsqrt: [unary(ops.rsqrt, positive)],
  reciprocal: [unary(ops.reciprocal, positive)],
  abs: [unary(ops.abs)],
  tanh: [unary(ops.tanh)],
  sigmoid: [unary(ops.sigmoid)],
  softplus: [unary(ops.softplus), unary(ops.softplus, { shape: [2], data: [-90, 90] })],
  erf: [unary(ops.erf), unary(ops.erf, { shape: [4], range: [-4, 4] })],
  sin: [unary(ops.sin)],
  cos: [unary(ops.cos)],
  pow: [2, 3, 0.5, -1.5].map((exponent) => ({
    ...unary((x) => ops.pow(x, exponent), positive),
    title: `exponent ${exponent}`,
  })),
  not: [unary((x) => ops.where(ops.not(ops.less(x, 0)), ops.mul(x, 2), x))],
  cast: [unary((x) => ops.mul(x, ops.cast(ops.greater(x, 0), 'float32')))],
  stopGradient: [unary((x) => ops.mul(x, ops.stopGradient(ops.cast(ops.greater(x, 0), 'float32'))))],
  add: broadcasting(ops.add),
  sub: broadcasting(ops.sub),
  mul: broadcasting(ops.mul),
  div: broadcasting(ops.div, positive),
  maximum: broadcasting(ops.maximum),
  minimum: broadcasting(ops.minimum),
  less: [unary((x) => ops.where(ops.less(x, 0.1), ops.mul(x, 3), x))],
  greater: [unary((x) => ops.where(ops.greater(x, 0.1), ops.mul(x, 3), x))],
  equal: [
    binary((x, y) => ops.where(ops.equal(y, 1), ops.mul(x, 3), x), a, {
      shape: [2, 3],
      data: [0, 1, 2, 1, 0, 1],
      frozen: true,
    }),
  ],
  and: [unary((x) => ops.where(ops.and(ops.less(x, 0.5), ops.greater(x, -0.5)), ops.mul(x, 3), x))],
  where: [
    {
      operands: [{ ...a, frozen: true }, { shape: [3] }, { shape: [2, 1] }],
      build: ([x, y, z]) => ops.where(ops.less(x, 0), y, z),
    },
    { title: 'numbers', operands: [a], build: ([x]) => ops.mul(x, ops.where(ops.less(x, 0), 2, -1)) },
  ],
  matMul: matMulCases,
  transpose: [
    unary((x) => ops.transpose(x)),
    unary((x) => ops.transpose(x, [2, 0, 1]), { shape: [2, 'T', 4] }),
  ],
  reshape: [
    unary((x) => ops.reshape(x, [3, 2])),
    unary((x) => ops.reshape(x, ['T', 2, -1]), { shape: ['T', 4] }),
    unary((x) => ops.reshape(x, [-1, 4]), { shape: ['T', 'P', 4] }),
    unary((x) => ops.reshape(x, ['P', 'T', 4]), { shape: ['T', 'P', 4] }),
  ],
  expand: [
    unary((x) => ops.expand(x, [4, 2, 3])),
    unary((x) => ops.expand(x, ['T', 5, 3]), { shape: ['T', 1, 3] }),
    binary(
      (x, y) => ops.mul(ops.expand(x, ['T', 3]), y),
      { shape: [1, 3] },
      { shape: ['T', 3] },
      'to a symbol',
    ),
  ],
  concat: [
    binary((x, y) => ops.concat([x, y], 0), a, { shape: [1, 3] }),
    binary((x, y) => ops.concat([x, y, x], -1), { shape: [2, 'P'] }, { shape: [2, 'T'] }, 'symbols'),
  ],
  slice: [
    unary((x) => ops.slice(x, 1, 1, 3)),
    unary((x) => ops.slice(x, 0, 1), { shape: ['T', 2] }),
    unary((x) => ops.slice(x, 0, 0, -1), { shape: ['T', 2] }),
    binary(
      (x, y) => ops.slice(ops.concat([x, y], 0), 0, 'P', 'P+T'),
      { shape: ['P', 2] },
      { shape: ['T', 2] },
      'symbols',
    ),
  ],
  pad: [
    unary((x) => ops.pad(x, 1, 1, 2)),
    binary(
      (x, y) => ops.mul(ops.pad(x, 0, 0, 'T'), ops.pad(y, 0, 'P', 0)),
      { shape: ['P', 2] },
      { shape: ['T', 2] },
      'symbols',
    ),
  ],
  gather: [
    binary((x, y) => ops.gather(x, y, 0), { shape: [4, 2] }, indices([3, 0, 3], [3]), 'repeated rows'),
    binary((x, y) => ops.gather(x, y, 0), { shape: [4, 2] }, indices([3, 0, 1, 2], [2, 2], 'int32'), 'int32'),
    binary((x, y) => ops.gather(x, y, 1), { shape: [2, 4, 3] }, indices([3, 0, 3, 1], [2, 2]), 'middle axis'),
  ],
  scatterAdd: [
    binary((y, x) => ops.scatterAdd(y, x, 4), indices([3, 0, 3], [3]), { shape: [3, 2] }),
    binary(
      (y, x) => ops.scatterAdd(y, x, 5),
      indices([3, 0, 3, 4], [2, 2], 'int32'),
      { shape: [2, 2, 3] },
      'int32',
    ),
  ],
  gatherLast: [
    binary(ops.gatherLast, { shape: [2, 4] }, indices([3, 0, 3, 1, 1, 2], [2, 3])),
    binary(ops.gatherLast, { shape: ['T', 4] }, indices([3, 0, 1], ['T', 1], 'int32'), 'int32'),
  ],
  scatterLast: [
    binary((y, x) => ops.scatterLast(y, x, 4), indices([3, 0, 3, 1, 1, 2], [2, 3]), { shape: [2, 3] }),
    binary(
      (y, x) => ops.scatterLast(y, x, 4),
      indices([3, 0, 1], ['T', 1], 'int32'),
      { shape: ['T', 1] },
      'int32',
    ),
  ],
  reduceSum: [
    unary((x) => ops.reduceSum(x)),
    unary((x) => ops.reduceSum(x, -1, { keepDims: true })),
    unary((x) => ops.reduceSum(x, [0, 2]), { shape: ['T', 2, 4] }),
  ],
  reduceMean: [
    unary((x) => ops.reduceMean(x, -1)),
    unary((x) => ops.reduceMean(x, [0, 2]), { shape: ['T', 2, 4] }),
  ],
  reduceMax: [
    unary((x) => ops.reduceMax(x, -1)),
    unary((x) => ops.reduceMax(x, 0, { keepDims: true }), { shape: ['T', 4] }),
  ],
  softmax: [unary(ops.softmax), unary(ops.softmax, { shape: [2, 'T', 4], range: [-3, 3] })],
  argMax: [unary((x) => ops.gatherLast(x, ops.reshape(ops.argMax(x), [2, 1])))],
};

/** Every case with a name, e.g. 'matMul 3: batch [2] A^T'. */
export const NAMED_CASES: readonly (readonly [string, OpCase])[] = Object.entries(OP_CASES).flatMap(
  ([op, cases]) =>
    cases.map((each, index) => [`${op} ${index}${each.title ? `: ${each.title}` : ''}`, each] as const),
);

/** A case as a graph with output 'y' and the scalar 'loss' = sum(y * w) with fixed uneven w, and data for its inputs. */
export interface BuiltCase {
  readonly graph: Graph;
  readonly loss: Value;
  /** The float inputs, by which the loss can be differentiated. */
  readonly wrt: readonly Value[];
  readonly feeds: Readonly<Record<string, Dense>>;
}

/** Several cases in one graph: values of the n-th case are called 'n.x0', 'n.w', 'n.y', 'n.loss' and 'n.d0'. */
export function buildCases(cases: readonly OpCase[]): { graph: Graph; feeds: Record<string, Dense> } {
  const graph = new Graph();
  const feeds: Record<string, Dense> = {};
  cases.forEach((each, index) => {
    const built = buildCase(each, graph, `${index}.`);
    Object.assign(feeds, built.feeds);
    gradients(built.loss, built.wrt).forEach((gradient, at) => graph.output(`${index}.d${at}`, gradient));
  });
  graph.verify();
  return { graph, feeds };
}

/** Builds a case, by default in a graph of its own. */
export function buildCase({ operands, build }: OpCase, graph = new Graph(), prefix = ''): BuiltCase {
  const feeds: Record<string, Dense> = {};
  const random = seeded(7);
  const sized = (shape: readonly Dim[]): number[] =>
    shape.map((dim) => (typeof dim === 'number' ? dim : CASE_DIMS[dim]));
  const inputs = operands.map(({ shape, dtype = 'float32', range = [-1, 1], data }, index) => {
    const dims = sized(shape);
    const size = dims.reduce((product, dim) => product * dim, 1);
    const values =
      data ?? Array.from({ length: size }, () => Math.fround(range[0] + (range[1] - range[0]) * random()));
    feeds[`${prefix}x${index}`] = { shape: dims, data: Float64Array.from(values) };
    return graph.input(`${prefix}x${index}`, dtype, shape);
  });
  const y = build(inputs);
  graph.output(`${prefix}y`, y);
  const dims = y.shape.map((dim) => Number(bindDim(dim, CASE_DIMS)));
  const size = dims.reduce((product, dim) => product * dim, 1);
  feeds[`${prefix}w`] = {
    shape: dims,
    data: Float64Array.from({ length: size }, () => Math.fround(random() * 2 - 0.7)),
  };
  const weights = graph.input(`${prefix}w`, 'float32', y.shape);
  const loss = ops.reduceSum(ops.mul(y, weights));
  graph.output(`${prefix}loss`, loss);
  graph.verify();
  return {
    graph,
    loss,
    wrt: inputs.filter((input, index) => input.dtype === 'float32' && !operands[index].frozen),
    feeds,
  };
}

/** Feeds for the runtime: the same numbers in the arrays that the inputs' dtypes want. */
export function typedFeeds(graph: Graph, feeds: Readonly<Record<string, Dense>>) {
  return Object.fromEntries(
    graph.inputs.map(({ attrs: { name, dtype } }) => {
      const { shape, data } = feeds[name];
      return [name, { dtype, shape, data: toTyped(dtype, Array.from(data)) }];
    }),
  );
}

/** A small seeded generator of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
