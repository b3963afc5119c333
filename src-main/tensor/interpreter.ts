/**
 * @file A slow reference engine: evaluates a graph in float64 with plain loops. Finite differences and the checks of the
 * real engine use it, and it shows that the op table is enough to implement another engine.
 */
import { bindDim, type Dim, singleSymbol } from './dims.ts';
import { type Graph, isOp, type Node, type OpName, type TypedArray, type Value } from './graph.ts';
import type { Bindings } from './rewrite.ts';

/** A dense array of numbers, whatever the dtype (bool as 0 and 1, integers as numbers). */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

type Rule<K extends OpName> = (
  inputs: readonly Dense[],
  node: Node<K>,
  shape: readonly number[],
  bindings: Bindings,
) => Float64Array;

/** Every node but the two that are fed. */
type Computed = Node<Exclude<OpName, 'input' | 'weight'>>;

/**
 * Values of all outputs. Feeds name inputs and, where the graph has them, weights; symbolic dimensions take the sizes
 * that the feeds have.
 */
export function interpret(graph: Graph, feeds: Readonly<Record<string, Dense>>): Record<string, Dense> {
  const bindings: Record<string, number> = {};
  for (const { attrs } of graph.inputs) {
    attrs.shape.forEach((dim, axis) => {
      const single = singleSymbol(dim);
      if (single) bindings[single.symbol] ??= feeds[attrs.name].shape[axis] / single.factor;
    });
  }
  const values = new Map<Value, Dense>();
  const valueOf = (value: Value): Dense => {
    const found = values.get(value);
    if (!found) throw new Error(`internal: interpreter: value %${value.id} was not computed`);
    return found;
  };
  for (const node of graph.nodes) {
    const shape = node.shape.map((dim) => numeric(dim, bindings));
    if (isOp(node, 'input') || isOp(node, 'weight')) {
      const fed = feeds[node.attrs.name] as Dense | undefined;
      if (!fed) throw new Error(`interpret: expected a feed for '${node.attrs.name}', got none`);
      values.set(node, fed);
    } else {
      const inputs = node.inputs.map(valueOf);
      values.set(node, { shape, data: evaluate(node as Computed, inputs, shape, bindings) });
    }
  }
  return Object.fromEntries([...graph.outputs].map(([name, value]) => [name, valueOf(value)]));
}

function numeric(dim: Dim, bindings: Bindings): number {
  const size = bindDim(dim, bindings);
  if (typeof size === 'string')
    throw new Error(`interpret: expected a size for dimension '${size}', got none from the feeds`);
  return size;
}

function evaluate<K extends Exclude<OpName, 'input' | 'weight'>>(
  node: Node<K>,
  inputs: readonly Dense[],
  shape: readonly number[],
  bindings: Bindings,
): Float64Array {
  return RULES[node.op](inputs, node, shape, bindings);
}

const sizeOfShape = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

/** Fills a new array from a function of the index. */
function produce(shape: readonly number[], value: (index: number[]) => number): Float64Array {
  const result = new Float64Array(sizeOfShape(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let flat = 0; flat < result.length; flat++) {
    result[flat] = value(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return result;
}

/** Element at an index; a trailing part of it where x has a lower rank, position 0 along axes of size 1. */
function at(x: Dense, index: readonly number[]): number {
  return x.data[offsetOf(x.shape, index)];
}

function offsetOf(shape: readonly number[], index: readonly number[]): number {
  const skip = index.length - shape.length;
  let flat = 0;
  for (let axis = 0; axis < shape.length; axis++)
    flat = flat * shape[axis] + (shape[axis] === 1 ? 0 : index[axis + skip]);
  return flat;
}

function map(f: (x: number) => number): Rule<OpName> {
  return ([x]) => x.data.map(f);
}

function zip(f: (a: number, b: number) => number): Rule<OpName> {
  return ([a, b], _, shape) => produce(shape, (index) => f(at(a, index), at(b, index)));
}

function reduce(start: number, step: (sum: number, x: number) => number, mean = false) {
  return (
    [x]: readonly Dense[],
    { attrs: { axes } }: Node<'reduceSum' | 'reduceMean' | 'reduceMax'>,
    shape: readonly number[],
  ): Float64Array => {
    const kept = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const result = new Float64Array(sizeOfShape(shape)).fill(start);
    produce(x.shape, (index) => {
      const target = offsetOf(kept, index);
      return (result[target] = step(result[target], at(x, index)));
    });
    const count = x.data.length / result.length;
    return mean ? result.map((sum) => sum / count) : result;
  };
}

const RULES: { readonly [K in Exclude<OpName, 'input' | 'weight'>]: Rule<K> } = {
  constant: (_, { attrs }) => toFloat64(attrs.data),
  dimension: (_, { attrs }, _shape, bindings) => Float64Array.of(numeric(attrs.dim, bindings)),
  neg: map((x) => -x),
  exp: map(Math.exp),
  log: map(Math.log),
  sqrt: map(Math.sqrt),
  rsqrt: map((x) => 1 / Math.sqrt(x)),
  reciprocal: map((x) => 1 / x),
  abs: map(Math.abs),
  tanh: map(Math.tanh),
  sigmoid: map((x) => 1 / (1 + Math.exp(-x))),
  softplus: map((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  erf: map(errorFunction),
  sin: map(Math.sin),
  cos: map(Math.cos),
  pow: ([x], { attrs }) => x.data.map((item) => item ** attrs.exponent),
  not: map((x) => 1 - x),
  cast: ([x], { attrs: { dtype } }) => {
    if (dtype === 'bool') return x.data.map((item) => (item === 0 ? 0 : 1));
    return dtype.startsWith('int') || dtype === 'uint8' ? x.data.map(Math.trunc) : x.data;
  },
  stopGradient: ([x]) => x.data,
  add: zip((a, b) => a + b),
  sub: zip((a, b) => a - b),
  mul: zip((a, b) => a * b),
  div: zip((a, b) => a / b),
  maximum: zip(Math.max),
  minimum: zip(Math.min),
  less: zip((a, b) => (a < b ? 1 : 0)),
  greater: zip((a, b) => (a > b ? 1 : 0)),
  equal: zip((a, b) => (a === b ? 1 : 0)),
  and: zip((a, b) => a * b),
  where: ([condition, a, b], _, shape) =>
    produce(shape, (index) => at(at(condition, index) !== 0 ? a : b, index)),
  matMul: ([a, b], { attrs: { transposeA, transposeB } }, shape) => {
    const inner = a.shape[transposeA ? a.shape.length - 2 : a.shape.length - 1];
    return produce(shape, (index) => {
      const batch = index.slice(0, -2);
      const [row, column] = index.slice(-2);
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum +=
          at(a, [...batch, ...(transposeA ? [k, row] : [row, k])]) *
          at(b, [...batch, ...(transposeB ? [column, k] : [k, column])]);
      }
      return sum;
    });
  },
  transpose: ([x], { attrs: { permutation } }, shape) =>
    produce(shape, (index) =>
      at(
        x,
        x.shape.map((_, axis) => index[permutation.indexOf(axis)]),
      ),
    ),
  reshape: ([x]) => x.data,
  expand: ([x], _, shape) => produce(shape, (index) => at(x, index)),
  concat: (inputs, { attrs: { axis } }, shape) =>
    produce(shape, (index) => {
      let from = index[axis];
      let part = 0;
      while (from >= inputs[part].shape[axis]) from -= inputs[part++].shape[axis];
      // Along an axis of size 1 `at` reads position 0, which is the only one there.
      return at(inputs[part], index.with(axis, from));
    }),
  slice: ([x], { attrs: { axis, start } }, shape, bindings) => {
    const offset = numeric(start, bindings);
    return produce(shape, (index) => at(x, index.with(axis, index[axis] + offset)));
  },
  pad: ([x], { attrs: { axis, before } }, shape, bindings) => {
    const offset = numeric(before, bindings);
    return produce(shape, (index) => {
      const from = index[axis] - offset;
      return from >= 0 && from < x.shape[axis] ? at(x, index.with(axis, from)) : 0;
    });
  },
  gather: ([x, indices], { attrs: { axis } }, shape) =>
    produce(shape, (index) => {
      const end = axis + indices.shape.length;
      return at(x, [...index.slice(0, axis), at(indices, index.slice(axis, end)), ...index.slice(end)]);
    }),
  scatterAdd: ([indices, updates], _, shape) => {
    const result = new Float64Array(sizeOfShape(shape));
    const row = updates.data.length / indices.data.length;
    updates.data.forEach(
      (value, flat) => (result[indices.data[Math.floor(flat / row)] * row + (flat % row)] += value),
    );
    return result;
  },
  gatherLast: ([x, indices], _, shape) => {
    const [from, to] = [x.shape[x.shape.length - 1], shape[shape.length - 1]];
    return indices.data.map((column, flat) => x.data[Math.floor(flat / to) * from + column]);
  },
  scatterLast: ([indices, updates], _, shape) => {
    const result = new Float64Array(sizeOfShape(shape));
    const [from, to] = [indices.shape[indices.shape.length - 1], shape[shape.length - 1]];
    updates.data.forEach(
      (value, flat) => (result[Math.floor(flat / from) * to + indices.data[flat]] += value),
    );
    return result;
  },
  reduceSum: reduce(0, (sum, x) => sum + x),
  reduceMean: reduce(0, (sum, x) => sum + x, true),
  reduceMax: reduce(-Infinity, Math.max),
  softmax: ([x]) => {
    const result = new Float64Array(x.data.length);
    const width = x.shape[x.shape.length - 1];
    for (let start = 0; start < result.length; start += width) {
      const row = x.data.subarray(start, start + width);
      const top = Math.max(...row);
      const total = row.reduce((sum, item) => sum + Math.exp(item - top), 0);
      row.forEach((item, column) => (result[start + column] = Math.exp(item - top) / total));
    }
    return result;
  },
  argMax: ([x], _, shape) => {
    const width = x.shape[x.shape.length - 1];
    return Float64Array.from({ length: sizeOfShape(shape) }, (_, row) => {
      const items = x.data.subarray(row * width, (row + 1) * width);
      return items.indexOf(Math.max(...items));
    });
  },
};

/** Any typed array as float64. */
export function toFloat64(data: TypedArray): Float64Array {
  return data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data);
}

/** erf to float64 precision: Taylor series near 0, continued fraction (Lentz) for erfc beyond. */
function errorFunction(x: number): number {
  const z = Math.abs(x);
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}
