/**
 * @file Gradient rules: for every op, how the gradient of its result becomes gradients of its operands, as more graph.
 * g stands for dL/dy; a pullback is only called when its operand's gradient is wanted; null: no gradient passes.
 */
import { addDims, type Dim, formatShape, multiplyDims, sameShape, subtractDims } from './dims.ts';
import type { Node, OpName, Value } from './graph.ts';
import {
  add,
  cast,
  cos,
  dimension,
  div,
  equal,
  exp,
  expand,
  gather,
  gatherLast,
  greater,
  less,
  matMul,
  mul,
  neg,
  pad,
  pow,
  reduceSum,
  reshape,
  scatterAdd,
  scatterLast,
  sigmoid,
  sin,
  slice,
  sub,
  transpose,
  where,
} from './ops.ts';

/** Gradient of one operand, computed on demand; null where no gradient passes (indices, conditions, stopGradient). */
export type Pullback = (() => Value) | null;

type GradientRule<K extends OpName> = (node: Node<K>, g: Value) => readonly Pullback[];

/**
 * Rules per op. 'none' states that the op cannot carry a gradient: it has no operands, or its result is bool or an index.
 */
export const GRADIENT: { readonly [K in OpName]: GradientRule<K> | 'none' } = {
  input: 'none',
  weight: 'none',
  constant: 'none',
  dimension: 'none',

  neg: (_, g) => [() => neg(g)],
  exp: (y, g) => [() => mul(g, y)],
  log: ({ inputs: [x] }, g) => [() => div(g, x)],
  sqrt: (y, g) => [() => div(mul(g, 0.5), y)],
  rsqrt: (y, g) => [() => mul(mul(g, -0.5), mul(y, mul(y, y)))], // -x^(-3/2) / 2
  reciprocal: (y, g) => [() => neg(mul(g, mul(y, y)))],
  abs: ({ inputs: [x] }, g) => [() => where(less(x, 0), neg(g), g)],
  tanh: (y, g) => [() => mul(g, sub(1, mul(y, y)))],
  sigmoid: (y, g) => [() => mul(g, sub(y, mul(y, y)))],
  softplus: ({ inputs: [x] }, g) => [() => mul(g, sigmoid(x))],
  erf: ({ inputs: [x] }, g) => [() => mul(mul(g, 2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x))))],
  sin: ({ inputs: [x] }, g) => [() => mul(g, cos(x))],
  cos: ({ inputs: [x] }, g) => [() => neg(mul(g, sin(x)))],
  pow: ({ inputs: [x], attrs: { exponent } }, g) => [() => mul(g, mul(pow(x, exponent - 1), exponent))],
  not: 'none',
  cast: ({ inputs: [x] }, g) => [isFloat(x) ? () => cast(g, x.dtype) : null],
  stopGradient: () => [null],

  add: ({ inputs: [a, b] }, g) => [() => unbroadcast(g, a.shape), () => unbroadcast(g, b.shape)],
  sub: ({ inputs: [a, b] }, g) => [() => unbroadcast(g, a.shape), () => neg(unbroadcast(g, b.shape))],
  mul: ({ inputs: [a, b] }, g) => [
    () => unbroadcast(mul(g, b), a.shape),
    () => unbroadcast(mul(g, a), b.shape),
  ],
  div: (y, g) => {
    const [a, b] = y.inputs;
    return [() => unbroadcast(div(g, b), a.shape), () => unbroadcast(neg(div(mul(g, y), b)), b.shape)];
  },
  maximum: ({ inputs: [a, b] }, g) => {
    const second = less(a, b);
    return [() => unbroadcast(where(second, 0, g), a.shape), () => unbroadcast(where(second, g, 0), b.shape)];
  },
  minimum: ({ inputs: [a, b] }, g) => {
    const second = greater(a, b);
    return [() => unbroadcast(where(second, 0, g), a.shape), () => unbroadcast(where(second, g, 0), b.shape)];
  },
  less: 'none',
  greater: 'none',
  equal: 'none',
  and: 'none',
  where: ({ inputs: [condition, a, b] }, g) => [
    null,
    () => unbroadcast(where(condition, g, 0), a.shape),
    () => unbroadcast(where(condition, 0, g), b.shape),
  ],

  // C = op(A) op(B). Each case reads its operands through the flags, so nothing is transposed in memory.
  matMul: ({ inputs: [a, b], attrs: { transposeA, transposeB } }, g) => [
    () =>
      transposeA
        ? matMul(b, g, { transposeA: transposeB, transposeB: true })
        : matMul(g, b, { transposeB: !transposeB }),
    () =>
      transposeB
        ? matMul(g, a, { transposeA: true, transposeB: transposeA })
        : matMul(a, g, { transposeA: !transposeA }),
  ],

  transpose: ({ attrs: { permutation } }, g) => [
    () =>
      transpose(
        g,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
  ],
  reshape: ({ inputs: [x] }, g) => [() => reshape(g, x.shape)],
  expand: ({ inputs: [x] }, g) => [() => unbroadcast(g, x.shape)],
  concat: ({ inputs, attrs: { axis } }, g) => {
    const ends = endsOf(inputs.map((input) => input.shape[axis]));
    return inputs.map((_, index) => () => slice(g, axis, index === 0 ? 0 : ends[index - 1], ends[index]));
  },
  slice: ({ inputs: [x], attrs: { axis, start, end } }, g) => [
    () => pad(g, axis, start, subtractDims(x.shape[axis], end)),
  ],
  pad: (y, g) => {
    const { axis, before, after } = y.attrs;
    return [() => slice(g, axis, before, subtractDims(y.shape[axis], after))];
  },
  gather: ({ inputs: [x, indices], attrs: { axis } }, g) => [
    () => {
      if (axis === 0) return scatterAdd(indices, g, x.shape[0]);
      // The indexed axes go first for the scatter, the result's first axis goes back into place.
      const picked = Array.from(indices.shape, (_, at) => axis + at);
      const others = [...g.shape.keys()].filter((at) => !picked.includes(at));
      const rows = scatterAdd(indices, transpose(g, [...picked, ...others]), x.shape[axis]);
      return transpose(
        rows,
        Array.from(x.shape, (_, at) => (at < axis ? at + 1 : at === axis ? 0 : at)),
      );
    },
    null,
  ],
  scatterAdd: ({ inputs: [indices] }, g) => [null, () => gather(g, indices, 0)],
  gatherLast: ({ inputs: [x, indices] }, g) => [
    () => scatterLast(indices, g, x.shape[x.shape.length - 1]),
    null,
  ],
  scatterLast: ({ inputs: [indices] }, g) => [null, () => gatherLast(g, indices)],

  reduceSum: ({ inputs: [x], attrs: { axes } }, g) => [() => spread(g, x.shape, axes)],
  reduceMean: ({ inputs: [x], attrs: { axes } }, g) => [
    () => {
      const count = axes.reduce<Dim>((product, axis) => multiplyDims(product, x.shape[axis]), 1);
      const share =
        typeof count === 'number' ? mul(g, 1 / count) : div(g, cast(dimension(g.graph, count), g.dtype));
      return spread(share, x.shape, axes);
    },
  ],
  reduceMax: (y, g) => {
    const [x] = y.inputs;
    const { axes } = y.attrs;
    return [
      () => {
        const ties = cast(equal(x, spread(y, x.shape, axes)), x.dtype);
        const count = reduceSum(ties, axes, { keepDims: true });
        return mul(ties, div(keepDims(g, x.shape, axes), count));
      },
    ];
  },
  // dx = y (g - sum(g y))
  softmax: (y, g) => [() => mul(y, sub(g, reduceSum(mul(g, y), -1, { keepDims: true })))],
  argMax: 'none',
};

const isFloat = (x: Value): boolean => x.dtype === 'float32' || x.dtype === 'float64';

/** Sums a gradient over the axes along which the operand was broadcast. */
function unbroadcast(g: Value, shape: readonly Dim[]): Value {
  if (sameShape(g.shape, shape)) return g;
  const extra = g.shape.length - shape.length;
  if (extra < 0) {
    throw new Error(
      `internal: gradient ${formatShape(g.shape)} has a lower rank than its operand ${formatShape(shape)}`,
    );
  }
  const axes = [...g.shape.keys()].filter(
    (axis) => axis < extra || (shape[axis - extra] === 1 && g.shape[axis] !== 1),
  );
  return reshape(reduceSum(g, axes, { keepDims: false }), shape);
}

/** Puts reduced axes back as 1. */
function keepDims(g: Value, shape: readonly Dim[], axes: readonly number[]): Value {
  return reshape(
    g,
    shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
}

/** Repeats a reduced value over the axes it was reduced from. */
function spread(g: Value, shape: readonly Dim[], axes: readonly number[]): Value {
  return expand(keepDims(g, shape, axes), shape);
}

/** Where each of some parts that lie one behind the other ends. */
function endsOf(sizes: readonly Dim[]): Dim[] {
  let end: Dim = 0;
  return sizes.map((size) => (end = addDims(end, size)));
}

/** Sum of two gradients of one value. */
export const accumulate = add;
