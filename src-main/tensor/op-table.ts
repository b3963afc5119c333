/**
 * @file The closed table of ops: for every op its inputs and attributes. Shape rules, gradients, ONNX emission and the
 * reference interpreter are each a table over these names, so the compiler lists what is missing when an op is added.
 */
import type { Dim } from './dims.ts';
import type { Graph } from './graph.ts';

/** Element types. float16 and bfloat16 exist for stored weights only: compute on them after a cast to float32. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'float64' | 'int32' | 'int64' | 'bool' | 'uint8';

/** Data of a tensor on our side. float16 and bfloat16 travel as their bits in a Uint16Array, bool as 0/1 bytes. */
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/** Where the bytes of a stored weight lie: little-endian, C order, at an absolute byte offset (any alignment). */
export interface WeightSource {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

interface Op<Inputs extends readonly Value[], Attrs = Record<never, never>> {
  inputs: Inputs;
  attrs: Attrs;
}
type Unary<Attrs = Record<never, never>> = Op<readonly [Value], Attrs>;
type Binary<Attrs = Record<never, never>> = Op<readonly [Value, Value], Attrs>;
interface Reduction {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Every op. One output each; axes are non-negative; broadcasting follows NumPy. */
export interface Ops {
  // Leaves
  input: Op<readonly [], { readonly name: string; readonly dtype: DType; readonly shape: readonly Dim[] }>;
  weight: Op<
    readonly [],
    {
      readonly name: string;
      readonly dtype: DType;
      readonly shape: readonly Dim[];
      readonly source: WeightSource;
    }
  >;
  constant: Op<
    readonly [],
    { readonly data: TypedArray; readonly dtype: DType; readonly shape: readonly number[] }
  >;
  /** The size of a dimension as a float32 scalar. */
  dimension: Op<readonly [], { readonly dim: Dim }>;
  // Elementwise, one operand
  neg: Unary;
  exp: Unary;
  log: Unary;
  sqrt: Unary;
  rsqrt: Unary;
  reciprocal: Unary;
  abs: Unary;
  tanh: Unary;
  sigmoid: Unary;
  /** log(1 + exp(x)), without overflow. */
  softplus: Unary;
  erf: Unary;
  sin: Unary;
  cos: Unary;
  /** x ** exponent, a number known when the graph is built. */
  pow: Unary<{ readonly exponent: number }>;
  not: Unary;
  cast: Unary<{ readonly dtype: DType }>;
  /** The value itself; no gradient passes. */
  stopGradient: Unary;
  // Elementwise, broadcasting
  add: Binary;
  sub: Binary;
  mul: Binary;
  div: Binary;
  maximum: Binary;
  minimum: Binary;
  less: Binary;
  greater: Binary;
  equal: Binary;
  and: Binary;
  /** inputs: condition (bool), value where true, value where false. */
  where: Op<readonly [Value, Value, Value]>;
  // Products
  /** Rank 2, or rank n with equal leading dimensions. The flags read an operand as its transpose (last two axes). */
  matMul: Binary<{ readonly transposeA: boolean; readonly transposeB: boolean }>;
  // Movement
  transpose: Unary<{ readonly permutation: readonly number[] }>;
  reshape: Unary<{ readonly shape: readonly Dim[] }>;
  expand: Unary<{ readonly shape: readonly Dim[] }>;
  concat: Op<readonly Value[], { readonly axis: number }>;
  /** x[start:end] along one axis; 0 <= start <= end <= size. */
  slice: Unary<{ readonly axis: number; readonly start: Dim; readonly end: Dim }>;
  /** Zeros before and after along one axis. */
  pad: Unary<{ readonly axis: number; readonly before: Dim; readonly after: Dim }>;
  /** inputs: data, indices (int32 or int64). The indexed axis is replaced by the shape of the indices. */
  gather: Binary<{ readonly axis: number }>;
  /** inputs: indices [...I], updates [...I, ...rest] -> zeros [size, ...rest] with updates added at the rows named. */
  scatterAdd: Binary<{ readonly size: Dim }>;
  /** inputs: data, indices of the same rank: y[i, j] = x[i, indices[i, j]] along the last axis. */
  gatherLast: Binary;
  /** inputs: indices, updates of the same shape [..., k] -> zeros [..., size], updates added along the last axis. */
  scatterLast: Binary<{ readonly size: Dim }>;
  // Reductions
  reduceSum: Unary<Reduction>;
  reduceMean: Unary<Reduction>;
  reduceMax: Unary<Reduction>;
  /** Over the last axis. */
  softmax: Unary;
  /** Index of the first largest value along the last axis, which is removed; int32. */
  argMax: Unary;
}

/** Name of an op. */
export type OpName = keyof Ops;

/**
 * One value of a graph and the op that makes it. Ids grow in topological order.
 * `Value` is the general form; `Node<'add'>` knows its inputs and attributes.
 */
export interface Node<K extends OpName = OpName> {
  readonly id: number;
  readonly op: K;
  readonly inputs: Ops[K]['inputs'];
  readonly attrs: Ops[K]['attrs'];
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly graph: Graph;
  /** Name of an input or a weight; undefined for computed values. */
  readonly name?: string;
}

/** A value of a graph: dtype, shape and the op behind it. */
export type Value = Node;

/** Whether a value comes from the given op. */
export function isOp<K extends OpName>(value: Value, op: K): value is Node<K> {
  return value.op === op;
}
