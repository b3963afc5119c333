/**
 * @file ONNX emission: for every op, the nodes that compute it. Only forms that run on both the CPU and the WebGPU provider:
 * no LogSoftmax, no variadic Sum, no int64 arithmetic on values, powers with scalar exponents.
 */
import { type Dim, subtractDims } from './dims.ts';
import type { Node, OpName } from './op-table.ts';
import { elementType, type OnnxAttribute, type OnnxDomain } from './onnx-model.ts';
import type { DType, TypedArray } from './op-table.ts';

/** Where the model will run; a few ops have a faster form on one of them. */
export type OnnxTarget = 'cpu' | 'webgpu';

/** What an emission rule may use. */
export interface Emitter {
  readonly target: OnnxTarget;
  /** Adds a node and returns its output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: OnnxDomain,
  ): string;
  constant(dtype: DType, shape: readonly number[], data: TypedArray): string;
  integers(values: readonly (number | bigint)[]): string;
  /** A float32 or float64 scalar. */
  scalar(dtype: DType, value: number): string;
  /** A one-dimensional int64 tensor with the given dimensions, computed at run time where they are symbolic. */
  dims(shape: readonly Dim[]): string;
}

type EmitRule<K extends OpName> = (node: Node<K>, inputs: readonly string[], emitter: Emitter) => string;
type Table = { readonly [K in Exclude<OpName, 'input' | 'weight'>]: EmitRule<K> };

/** The end of an axis, whatever its size: ONNX Slice clamps. */
const END = 9223372036854775807n;

/** An op that is one ONNX node without attributes. */
function direct<K extends OpName>(op: string): EmitRule<K> {
  return (_, inputs, emitter) => emitter.node(op, inputs);
}

function reduction(op: string): EmitRule<'reduceSum' | 'reduceMean' | 'reduceMax'> {
  return ({ attrs }, [x], emitter) =>
    emitter.node(op, [x, emitter.integers(attrs.axes)], { keepdims: attrs.keepDims ? 1 : 0 });
}

/** Zeros of a shape: a broadcast scalar, which the runtime folds when the shape is fixed. */
function zeros(node: Node, emitter: Emitter): string {
  return emitter.node('Expand', [emitter.scalar(node.dtype, 0), emitter.dims(node.shape)]);
}

/** Emission per op. Inputs and weights are declared by the writer itself. */
export const EMIT: Table = {
  constant: ({ attrs }, _, emitter) => emitter.constant(attrs.dtype, attrs.shape, attrs.data),
  dimension: ({ attrs }, _, emitter) => {
    const size = emitter.node('Cast', [emitter.dims([attrs.dim])], { to: elementType('float32') });
    return emitter.node('Reshape', [size, emitter.integers([])]);
  },

  neg: direct('Neg'),
  exp: direct('Exp'),
  log: direct('Log'),
  sqrt: direct('Sqrt'),
  rsqrt: (_, [x], emitter) => emitter.node('Reciprocal', [emitter.node('Sqrt', [x])]),
  reciprocal: direct('Reciprocal'),
  abs: direct('Abs'),
  tanh: direct('Tanh'),
  sigmoid: direct('Sigmoid'),
  softplus: direct('Softplus'),
  erf: direct('Erf'),
  sin: direct('Sin'),
  cos: direct('Cos'),
  pow: ({ attrs, dtype }, [x], emitter) =>
    attrs.exponent === 2 && emitter.target !== 'cpu' // on the CPU the runtime recognises norms by their Pow
      ? emitter.node('Mul', [x, x])
      : emitter.node('Pow', [x, emitter.scalar(dtype, attrs.exponent)]),
  not: direct('Not'),
  cast: ({ attrs }, [x], emitter) => emitter.node('Cast', [x], { to: elementType(attrs.dtype) }),
  stopGradient: (_, [x]) => x,

  add: direct('Add'),
  sub: direct('Sub'),
  mul: direct('Mul'),
  div: direct('Div'),
  maximum: direct('Max'),
  minimum: direct('Min'),
  less: direct('Less'),
  greater: direct('Greater'),
  equal: direct('Equal'),
  and: direct('And'),
  where: direct('Where'),

  matMul: ({ attrs: { transposeA, transposeB }, shape }, [a, b], emitter) => {
    const [transA, transB] = [transposeA ? 1 : 0, transposeB ? 1 : 0];
    if (shape.length === 2) return emitter.node('Gemm', [a, b], { transA, transB });
    if (!transposeA && !transposeB) return emitter.node('MatMul', [a, b]);
    if (emitter.target === 'cpu')
      return emitter.node('FusedMatMul', [a, b], { transA, transB }, 'com.microsoft');
    const rank = shape.length;
    const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
    const turn = (x: string): string => emitter.node('Transpose', [x], { perm });
    return emitter.node('MatMul', [transposeA ? turn(a) : a, transposeB ? turn(b) : b]);
  },

  transpose: ({ attrs }, [x], emitter) => emitter.node('Transpose', [x], { perm: attrs.permutation }),
  reshape: ({ attrs, inputs: [source] }, [x], emitter) => {
    // One symbolic dimension can be inferred, equal ones copied; only what is left is computed at run time.
    const target = attrs.shape.map((dim, axis) =>
      typeof dim === 'string' && source.shape[axis] === dim ? 0 : dim,
    );
    const open = target.filter((dim) => typeof dim === 'string').length;
    const infer = attrs.shape.every((dim) => dim !== 0);
    if (open === 0)
      return emitter.node('Reshape', [x, emitter.integers(target as number[])], { allowzero: infer ? 0 : 1 });
    if (open === 1 && infer) {
      return emitter.node('Reshape', [
        x,
        emitter.integers(target.map((dim) => (typeof dim === 'string' ? -1 : dim))),
      ]);
    }
    return emitter.node('Reshape', [x, emitter.dims(attrs.shape)], { allowzero: 1 });
  },
  expand: ({ attrs, inputs: [source] }, [x], emitter) => {
    const offset = attrs.shape.length - source.shape.length;
    // A dimension that does not grow may be given as 1, so that it need not be known.
    const target = attrs.shape.map((dim, axis) => (source.shape[axis - offset] === dim ? 1 : dim));
    return emitter.node('Expand', [x, emitter.dims(target)]);
  },
  concat: ({ attrs }, inputs, emitter) => emitter.node('Concat', inputs, { axis: attrs.axis }),
  slice: ({ attrs: { axis, start, end }, inputs: [source] }, [x], emitter) => {
    const size = source.shape[axis];
    const bound = (dim: Dim): string => {
      const fromEnd = subtractDims(dim, size);
      if (fromEnd === 0) return emitter.integers([END]);
      if (typeof dim === 'number') return emitter.integers([dim]);
      if (typeof fromEnd === 'number') return emitter.integers([fromEnd]);
      return emitter.dims([dim]);
    };
    const first = start === 0 ? emitter.integers([0]) : bound(start);
    return emitter.node('Slice', [x, first, bound(end), emitter.integers([axis])]);
  },
  pad: ({ attrs: { axis, before, after } }, [x], emitter) =>
    emitter.node('Pad', [x, emitter.dims([before, after]), '', emitter.integers([axis])]),
  gather: ({ attrs }, [x, indices], emitter) => emitter.node('Gather', [x, indices], { axis: attrs.axis }),
  scatterAdd: (node, [indices, updates], emitter) => {
    const [source] = node.inputs;
    // Unsqueezed before the cast: on a GPU the runtime moves int32 and casts it, but does not move int64.
    const column = emitter.node('Unsqueeze', [indices, emitter.integers([source.shape.length])]);
    const rows =
      source.dtype === 'int64' ? column : emitter.node('Cast', [column], { to: elementType('int64') });
    return emitter.node('ScatterND', [zeros(node, emitter), rows, updates], { reduction: 'add' });
  },
  gatherLast: (_, [x, indices], emitter) => emitter.node('GatherElements', [x, indices], { axis: -1 }),
  scatterLast: (node, [indices, updates], emitter) =>
    emitter.node('ScatterElements', [zeros(node, emitter), indices, updates], { axis: -1, reduction: 'add' }),

  reduceSum: reduction('ReduceSum'),
  reduceMean: reduction('ReduceMean'),
  reduceMax: reduction('ReduceMax'),
  softmax: (_, [x], emitter) => emitter.node('Softmax', [x], { axis: -1 }),
  argMax: ({ inputs: [source] }, [x], emitter) => {
    const int32 = { to: elementType('int32') };
    if (emitter.target === 'cpu')
      return emitter.node('Cast', [emitter.node('ArgMax', [x], { axis: -1, keepdims: 0 })], int32);
    // The GPU cannot turn ArgMax's int64 into anything: take the smallest index whose element is the maximum.
    const width = source.shape[source.shape.length - 1];
    if (typeof width !== 'number')
      throw new Error(`argMax: expected a fixed last dimension on a GPU, got '${width}' — bind it`);
    const last = emitter.integers([-1]);
    const isLargest = emitter.node('Equal', [x, emitter.node('ReduceMax', [x, last], { keepdims: 1 })]);
    const index = emitter.constant(
      'float32',
      [width],
      Float32Array.from({ length: width }, (_item, at) => at),
    );
    const candidates = emitter.node('Where', [isLargest, index, emitter.scalar('float32', width)]);
    return emitter.node('Cast', [emitter.node('ReduceMin', [candidates, last], { keepdims: 0 })], int32);
  },
};
