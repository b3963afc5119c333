/** @file Shape rules: for every op, the checks on its inputs and the dtype and shape of its result. */
import { addDims, type Dim, formatShape, sizeOf, subtractDims } from './dims.ts';
import type { DType, OpName, Ops, Value } from './op-table.ts';

interface Type {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}
type ShapeRule<K extends OpName> = (inputs: Ops[K]['inputs'], attrs: Ops[K]['attrs']) => Type;
type Table = { readonly [K in OpName]: ShapeRule<K> };

/** dtype and shape of an op's result. Throws with the op's name, what it expected and what it got. */
export function inferType<K extends OpName>(op: K, inputs: Ops[K]['inputs'], attrs: Ops[K]['attrs']): Type {
  try {
    return RULES[op](inputs, attrs);
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    const got = inputs.map((input) => `${input.dtype}${formatShape(input.shape)}`).join(', ');
    throw new Error(`${op}: ${cause.message}, got (${got})`, { cause });
  }
}

class ShapeError extends Error {}

function check(condition: boolean, expectation: string): asserts condition {
  if (!condition) throw new ShapeError(`expected ${expectation}`);
}

/** NumPy broadcasting; a symbol is only compatible with itself and with 1. */
function broadcastShapes(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    check(left === 1, `shapes that broadcast (axis ${axis}: ${left} and ${right})`);
    return right;
  });
}

const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64';
const isNumber = (dtype: DType): boolean => isFloat(dtype) || dtype === 'int32' || dtype === 'int64';
const isIndex = (dtype: DType): boolean => dtype === 'int32' || dtype === 'int64';

function float([x]: readonly [Value]): Type {
  check(isFloat(x.dtype), 'a float32 or float64 operand (cast it first)');
  return x;
}

function arithmetic([a, b]: readonly [Value, Value]): Type {
  check(a.dtype === b.dtype && isNumber(a.dtype), 'two operands of one numeric dtype');
  return { dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) };
}

function comparison(inputs: readonly [Value, Value]): Type {
  return { dtype: 'bool', shape: arithmetic(inputs).shape };
}

function checkAxis(axis: number, rank: number): void {
  check(Number.isInteger(axis) && axis >= 0 && axis < rank, `an axis in [0, ${rank}), not ${axis}`);
}

function reduction(
  [x]: readonly [Value],
  { axes, keepDims }: { axes: readonly number[]; keepDims: boolean },
): Type {
  check(isFloat(x.dtype), 'a float32 or float64 operand');
  for (const axis of axes) checkAxis(axis, x.shape.length);
  check(new Set(axes).size === axes.length && axes.length > 0, 'at least one axis, each once');
  const shape = keepDims
    ? x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : x.shape.filter((_, axis) => !axes.includes(axis));
  return { dtype: x.dtype, shape };
}

const RULES: Table = {
  input: (_, { dtype, shape }) => ({ dtype, shape }),
  weight: (_, { dtype, shape }) => ({ dtype, shape }),
  constant: (_, { dtype, shape }) => ({ dtype, shape }),
  dimension: () => ({ dtype: 'float32', shape: [] }),

  neg: ([x]) => {
    check(isNumber(x.dtype), 'a numeric operand');
    return x;
  },
  exp: float,
  log: float,
  sqrt: float,
  rsqrt: float,
  reciprocal: float,
  abs: float,
  tanh: float,
  sigmoid: float,
  softplus: float,
  erf: float,
  sin: float,
  cos: float,
  pow: (inputs, { exponent }) => {
    check(Number.isFinite(exponent), `a finite exponent, not ${exponent}`);
    return float(inputs);
  },
  not: ([x]) => {
    check(x.dtype === 'bool', 'a bool operand');
    return x;
  },
  cast: ([x], { dtype }) => ({ dtype, shape: x.shape }),
  stopGradient: ([x]) => x,

  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  maximum: arithmetic,
  minimum: arithmetic,
  less: comparison,
  greater: comparison,
  equal: comparison,
  and: ([a, b]) => {
    check(a.dtype === 'bool' && b.dtype === 'bool', 'two bool operands');
    return { dtype: 'bool', shape: broadcastShapes(a.shape, b.shape) };
  },
  where: ([condition, a, b]) => {
    check(
      condition.dtype === 'bool' && a.dtype === b.dtype,
      'a bool condition and two operands of one dtype',
    );
    return { dtype: a.dtype, shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)) };
  },

  matMul: ([a, b], { transposeA, transposeB }) => {
    check(isFloat(a.dtype) && a.dtype === b.dtype, 'two operands of one float dtype');
    check(a.shape.length >= 2 && a.shape.length === b.shape.length, 'two operands of one rank, at least 2');
    const batch = a.shape.slice(0, -2);
    check(
      batch.every((dim, axis) => dim === b.shape[axis]),
      'equal leading dimensions (they are not broadcast: use linear)',
    );
    const [rows, innerA] = lastTwo(a.shape, transposeA);
    const [innerB, columns] = lastTwo(b.shape, transposeB);
    check(innerA === innerB, `equal inner dimensions (${innerA} and ${innerB})`);
    return { dtype: a.dtype, shape: [...batch, rows, columns] };
  },

  transpose: ([x], { permutation }) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    check(
      sorted.length === x.shape.length && sorted.every((axis, index) => axis === index),
      `a permutation of ${x.shape.length} axes, not [${permutation.join(', ')}]`,
    );
    return { dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]) };
  },
  reshape: ([x], { shape }) => {
    check(sizeOf(x.shape) === sizeOf(shape), `as many elements as ${formatShape(shape)}`);
    return { dtype: x.dtype, shape };
  },
  expand: ([x], { shape }) => {
    const grown = broadcastShapes(x.shape, shape);
    check(
      grown.length === shape.length && grown.every((dim, axis) => dim === shape[axis]),
      `a shape that broadcasts to ${formatShape(shape)}`,
    );
    return { dtype: x.dtype, shape };
  },
  concat: (inputs, { axis }) => {
    check(inputs.length > 0, 'at least one operand');
    const [first] = inputs;
    checkAxis(axis, first.shape.length);
    for (const input of inputs) {
      check(
        input.dtype === first.dtype &&
          input.shape.length === first.shape.length &&
          input.shape.every((dim, at) => at === axis || dim === first.shape[at]),
        `operands equal in dtype and in every axis but ${axis}`,
      );
    }
    const total = inputs.reduce<Dim>((sum, input) => addDims(sum, input.shape[axis]), 0);
    return { dtype: first.dtype, shape: first.shape.map((dim, at) => (at === axis ? total : dim)) };
  },
  slice: ([x], { axis, start, end }) => {
    checkAxis(axis, x.shape.length);
    const size = subtractDims(end, start);
    const rest = subtractDims(x.shape[axis], end);
    for (const part of [start, size, rest]) {
      check(typeof part === 'string' || part >= 0, `0 <= ${start} <= ${end} <= ${x.shape[axis]}`);
    }
    return { dtype: x.dtype, shape: x.shape.map((dim, at) => (at === axis ? size : dim)) };
  },
  pad: ([x], { axis, before, after }) => {
    checkAxis(axis, x.shape.length);
    check(isFloat(x.dtype), 'a float operand');
    const total = addDims(addDims(before, x.shape[axis]), after);
    return { dtype: x.dtype, shape: x.shape.map((dim, at) => (at === axis ? total : dim)) };
  },
  gather: ([x, indices], { axis }) => {
    checkAxis(axis, x.shape.length);
    check(isIndex(indices.dtype), 'int32 or int64 indices');
    return {
      dtype: x.dtype,
      shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
    };
  },
  scatterAdd: ([indices, updates], { size }) => {
    const rank = indices.shape.length;
    check(isIndex(indices.dtype) && isFloat(updates.dtype), 'int32 or int64 indices and float updates');
    check(
      updates.shape.length >= rank && indices.shape.every((dim, axis) => dim === updates.shape[axis]),
      'updates whose leading dimensions are those of the indices',
    );
    return { dtype: updates.dtype, shape: [size, ...updates.shape.slice(rank)] };
  },
  gatherLast: ([x, indices]) => {
    check(isIndex(indices.dtype), 'int32 or int64 indices');
    check(
      x.shape.length === indices.shape.length &&
        x.shape.length > 0 &&
        x.shape.slice(0, -1).every((dim, axis) => dim === indices.shape[axis]),
      'indices equal to the data in every axis but the last',
    );
    return { dtype: x.dtype, shape: indices.shape };
  },
  scatterLast: ([indices, updates], { size }) => {
    check(isIndex(indices.dtype) && isFloat(updates.dtype), 'int32 or int64 indices and float updates');
    check(
      indices.shape.length === updates.shape.length &&
        indices.shape.length > 0 &&
        indices.shape.every((dim, axis) => dim === updates.shape[axis]),
      'indices and updates of one shape',
    );
    return { dtype: updates.dtype, shape: [...updates.shape.slice(0, -1), size] };
  },

  reduceSum: reduction,
  reduceMean: reduction,
  reduceMax: reduction,
  softmax: (inputs) => {
    check(inputs[0].shape.length > 0, 'at least one axis');
    return float(inputs);
  },
  argMax: ([x]) => {
    check(isFloat(x.dtype) && x.shape.length > 0, 'a float operand with at least one axis');
    return { dtype: 'int32', shape: x.shape.slice(0, -1) };
  },
};

function lastTwo(shape: readonly Dim[], transposed: boolean): [Dim, Dim] {
  const rows = shape[shape.length - 2];
  const columns = shape[shape.length - 1];
  return transposed ? [columns, rows] : [rows, columns];
}
