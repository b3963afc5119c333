/**
 * @file The ops as free functions over values: `add(matMul(x, w), b)`. Operands broadcast as in NumPy; a number stands for a
 * scalar constant of the other operand's dtype; axes may be negative. Shapes are checked when the op is added.
 */
import { addDims, type Dim, divideDims, normaliseDim, sameShape, sizeOf, subtractDims } from './dims.ts';
import type { Graph } from './graph.ts';
import type { DType, OpName, Ops, Value, WeightSource } from './op-table.ts';

/** A value, or a number that becomes a scalar constant. */
export type Operand = Value | number;

type UnaryName = {
  [K in OpName]: Ops[K]['inputs'] extends readonly [Value]
    ? Ops[K]['attrs'] extends Record<never, never>
      ? K
      : never
    : never;
}[OpName];

function none(): Record<never, never> {
  return {};
}

function unary<K extends UnaryName>(op: K, x: Value, attrs: Ops[K]['attrs']): Value {
  return x.graph.apply(op, [x] as Ops[K]['inputs'], attrs);
}

function pair(op: OpName, a: Operand, b: Operand): [Value, Value] {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? a.graph.constant(b, [], a.dtype) : b];
  if (typeof b !== 'number') return [b.graph.constant(a, [], b.dtype), b];
  throw new Error(`${op}: expected at least one value, got two numbers`);
}

/** Non-negative axis; `rank` is the rank of the value the axis belongs to. */
function resolveAxis(op: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new Error(`${op}: expected an axis in [${-rank}, ${rank}), got ${axis}`);
  }
  return resolved;
}

/** A stored weight as float32: declares it and casts float16 or bfloat16 in the graph. */
export function weightFloat32(
  graph: Graph,
  name: string,
  dtype: DType,
  shape: readonly number[],
  source: WeightSource,
): Value {
  return cast(graph.weight(name, dtype, shape, source), 'float32');
}

/** The size of a dimension as a float32 scalar (useful as a divisor when it is symbolic). */
export const dimension = (graph: Graph, dim: Dim): Value =>
  typeof dim === 'number' ? graph.constant(dim) : graph.apply('dimension', [], { dim });

/** -x. */
export const neg = (x: Value): Value => unary('neg', x, none());
/** e^x. */
export const exp = (x: Value): Value => unary('exp', x, none());
/** Natural logarithm. */
export const log = (x: Value): Value => unary('log', x, none());
/** Square root. */
export const sqrt = (x: Value): Value => unary('sqrt', x, none());
/** 1 / sqrt(x). */
export const rsqrt = (x: Value): Value => unary('rsqrt', x, none());
/** 1 / x. */
export const reciprocal = (x: Value): Value => unary('reciprocal', x, none());
/** |x|; its gradient at 0 is taken as 1. */
export const abs = (x: Value): Value => unary('abs', x, none());
/** Hyperbolic tangent. */
export const tanh = (x: Value): Value => unary('tanh', x, none());
/** 1 / (1 + e^-x). */
export const sigmoid = (x: Value): Value => unary('sigmoid', x, none());
/** log(1 + e^x) without overflow; -log sigmoid(u) is softplus(-u). */
export const softplus = (x: Value): Value => unary('softplus', x, none());
/** Error function. */
export const erf = (x: Value): Value => unary('erf', x, none());
/** Sine, in radians. */
export const sin = (x: Value): Value => unary('sin', x, none());
/** Cosine, in radians. */
export const cos = (x: Value): Value => unary('cos', x, none());
/** x ** exponent for a number known at build time. */
export const pow = (x: Value, exponent: number): Value => unary('pow', x, { exponent });
/** Logical not of a bool value. */
export const not = (x: Value): Value => unary('not', x, none());
/** Conversion to another dtype; the value itself when it already has it. */
export const cast = (x: Value, dtype: DType): Value => (x.dtype === dtype ? x : unary('cast', x, { dtype }));
/** The value, through which no gradient passes. */
export const stopGradient = (x: Value): Value => unary('stopGradient', x, none());

/** Defines a broadcasting op of two operands. */
function binary(
  op: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'less' | 'greater' | 'equal' | 'and',
) {
  return (a: Operand, b: Operand): Value => {
    const [left, right] = pair(op, a, b);
    return left.graph.apply(op, [left, right], none());
  };
}
/** a + b. */
export const add = binary('add');
/** a - b. */
export const sub = binary('sub');
/** a * b, elementwise. */
export const mul = binary('mul');
/** a / b, elementwise. */
export const div = binary('div');
/** Larger of a and b; at a tie the gradient goes to a. */
export const maximum = binary('maximum');
/** Smaller of a and b; at a tie the gradient goes to a. */
export const minimum = binary('minimum');
/** a < b, as bool. */
export const less = binary('less');
/** a > b, as bool. */
export const greater = binary('greater');
/** a == b, as bool. */
export const equal = binary('equal');
/** Logical and of bool values. */
export const and = binary('and');

/** condition ? a : b, elementwise, broadcasting all three. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const { graph } = condition;
    return graph.apply('where', [condition, graph.constant(a), graph.constant(b)], none());
  }
  const [left, right] = pair('where', a, b);
  return condition.graph.apply('where', [condition, left, right], none());
}

/** Product over the last two axes: rank 2, or higher with equal leading dimensions. Flags read an operand transposed. */
export function matMul(a: Value, b: Value, { transposeA = false, transposeB = false } = {}): Value {
  return a.graph.apply('matMul', [a, b], { transposeA, transposeB });
}

/** Axes in the given order; without one, the last two swap. */
export function transpose(x: Value, permutation?: readonly number[]): Value {
  const rank = x.shape.length;
  const order = permutation ?? [...Array(rank - 2).keys(), rank - 1, rank - 2];
  return x.graph.apply('transpose', [x], { permutation: order });
}

/** Same elements, other shape. One -1 is inferred; 0 keeps the dimension at that place. */
export function reshape(x: Value, shape: readonly Dim[]): Value {
  const target = shape.map((dim, axis) =>
    dim === 0 ? x.shape[axis] : typeof dim === 'string' ? normaliseDim(dim) : dim,
  );
  const open = target.indexOf(-1);
  if (open >= 0) {
    const rest = sizeOf(target.filter((_, axis) => axis !== open));
    const inferred = divideDims(sizeOf(x.shape), rest);
    if (inferred === undefined) {
      throw new Error(
        `reshape: expected a shape that divides [${x.shape.join(', ')}], got [${shape.join(', ')}]`,
      );
    }
    target[open] = inferred;
  }
  if (sameShape(target, x.shape)) return x;
  return x.graph.apply('reshape', [x], { shape: target });
}

/** Broadcasts to a shape. */
export function expand(x: Value, shape: readonly Dim[]): Value {
  return sameShape(x.shape, shape) ? x : x.graph.apply('expand', [x], { shape });
}

/** Joins values along an axis. */
export function concat(values: readonly Value[], axis: number): Value {
  if (values.length === 0) throw new Error('concat: expected at least one value, got none');
  if (values.length === 1) return values[0];
  return values[0].graph.apply('concat', values, {
    axis: resolveAxis('concat', axis, values[0].shape.length),
  });
}

/** x[start:end] along one axis. Negative numbers count from the end; end defaults to the end. */
export function slice(x: Value, axis: number, start: Dim, end?: Dim): Value {
  const at = resolveAxis('slice', axis, x.shape.length);
  const size = x.shape[at];
  const resolve = (bound: Dim): Dim =>
    typeof bound === 'number' && bound < 0 ? addDims(size, bound) : normaliseDim(bound);
  const [from, to] = [resolve(start), end === undefined ? size : resolve(end)];
  if (from === 0 && to === size) return x;
  return x.graph.apply('slice', [x], { axis: at, start: from, end: to });
}

/** Cuts x along an axis into consecutive parts of the given sizes. */
export function split(x: Value, axis: number, sizes: readonly Dim[]): Value[] {
  const at = resolveAxis('split', axis, x.shape.length);
  const total = sizes.reduce<Dim>((sum, size) => addDims(sum, size), 0);
  if (subtractDims(total, x.shape[at]) !== 0) {
    throw new Error(`split: expected sizes that add up to ${x.shape[at]}, got [${sizes.join(', ')}]`);
  }
  let start: Dim = 0;
  return sizes.map((size) => {
    const end = addDims(start, size);
    const part = slice(x, at, start, end);
    start = end;
    return part;
  });
}

/** Zeros before and after x along one axis. */
export function pad(x: Value, axis: number, before: Dim, after: Dim): Value {
  if (before === 0 && after === 0) return x;
  return x.graph.apply('pad', [x], { axis: resolveAxis('pad', axis, x.shape.length), before, after });
}

/** Picks along an axis: the axis is replaced by the shape of the indices (int32 or int64, in range, not negative). */
export function gather(x: Value, indices: Value, axis = 0): Value {
  return x.graph.apply('gather', [x, indices], { axis: resolveAxis('gather', axis, x.shape.length) });
}

/** zeros [size, ...rest] with updates [...I, ...rest] added at the rows that indices [...I] name; duplicates add up. */
export function scatterAdd(indices: Value, updates: Value, size: Dim): Value {
  return updates.graph.apply('scatterAdd', [indices, updates], { size });
}

/** y[..., j] = x[..., indices[..., j]]: picks along the last axis, row by row. */
export function gatherLast(x: Value, indices: Value): Value {
  return x.graph.apply('gatherLast', [x, indices], none());
}

/** zeros [..., size] with updates[..., j] added at indices[..., j]; the transpose of gatherLast. */
export function scatterLast(indices: Value, updates: Value, size: Dim): Value {
  return updates.graph.apply('scatterLast', [indices, updates], { size });
}

/** Defines a reduction; without axes it goes over all of them. */
function reduction(op: 'reduceSum' | 'reduceMean' | 'reduceMax') {
  return (x: Value, axes?: number | readonly number[], { keepDims = false } = {}): Value => {
    const list = axes === undefined ? [...x.shape.keys()] : typeof axes === 'number' ? [axes] : axes;
    if (list.length === 0) return x;
    const resolved = list.map((axis) => resolveAxis(op, axis, x.shape.length)).sort((a, b) => a - b);
    return x.graph.apply(op, [x], { axes: resolved, keepDims });
  };
}
/** Sum over axes. */
export const reduceSum = reduction('reduceSum');
/** Mean over axes. */
export const reduceMean = reduction('reduceMean');
/** Maximum over axes; ties share the gradient. */
export const reduceMax = reduction('reduceMax');

/** Softmax over the last axis. */
export const softmax = (x: Value): Value => unary('softmax', x, none());
/** Index (int32) of the first largest value along the last axis, which is removed. */
export const argMax = (x: Value): Value => unary('argMax', x, none());
