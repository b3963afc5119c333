/** @file The builder, its checks and wording, dimension arithmetic, and what autodiff refuses. */
import { describe, expect, it } from 'vitest';
import { gradients } from './autodiff.ts';
import {
  addDims,
  bindDim,
  divideDims,
  multiplyDims,
  normaliseDim,
  singleSymbol,
  subtractDims,
} from './dims.ts';
import { Graph } from './graph.ts';
import { linear } from './nn.ts';
import {
  add,
  argMax,
  cast,
  gather,
  matMul,
  mul,
  reduceSum,
  reshape,
  slice,
  split,
  stopGradient,
  sub,
} from './ops.ts';

describe('dimensions', () => {
  it('have one canonical spelling', () => {
    expect(normaliseDim('T + P + 1 + T')).toBe('P+2*T+1');
    expect(addDims('T-1', 1)).toBe('T');
    expect(subtractDims('P+T', 'T')).toBe('P');
    expect(subtractDims('T', 'T')).toBe(0);
    expect(multiplyDims('P+T', '2*T')).toBe('2*P*T+2*T*T');
    expect(divideDims('4*B*T', '2*T')).toBe('2*B');
    expect(divideDims('4*T', 4)).toBe('T');
    expect(divideDims('3*T', 2)).toBeUndefined();
    expect(bindDim('2*T*B-1', { T: 3 })).toBe('6*B-1');
    expect(bindDim('2*T*B-1', { T: 3, B: 2 })).toBe(11);
    expect(singleSymbol('4*Q')).toEqual({ symbol: 'Q', factor: 4 });
    expect(singleSymbol('Q+1')).toBeUndefined();
    expect(() => normaliseDim('T/2')).toThrow("expected an expression such as 'T' or '2*T+1', got 'T/2'");
  });
});

describe('Graph', () => {
  it('infers shapes with symbols and prints itself', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['T', 4]);
    const w = graph.weight('w', 'float32', [3, 4], { file: 'model.safetensors', offset: 17, length: 48 });
    const [left, right] = split(linear(x, w), -1, [1, 2]);
    graph.output('y', reshape(add(left, right), [-1]));
    graph.output('last', slice(x, 0, -1));
    graph.verify();
    expect(graph.toString()).toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[3, 4] = weight(name=w, source=@17)
        %2: float32[T, 3] = matMul(%0, %1, transposeB=true)
        %3: float32[T, 1] = slice(%2, axis=1, start=0, end=1)
        %4: float32[T, 2] = slice(%2, axis=1, start=1, end=3)
        %5: float32[T, 2] = add(%3, %4)
        %6: float32[2*T] = reshape(%5, shape=[2*T])
        %7: float32[1, 4] = slice(%0, axis=0, start=T-1, end=T)
        output y = %6
        output last = %7
      }"
    `);
  });

  it.each([
    [
      'add',
      (g: Graph) => add(g.input('a', 'float32', [2, 3]), g.input('b', 'float32', [2])),
      'add: expected shapes that broadcast (axis 1: 3 and 2), got (float32[2, 3], float32[2])',
    ],
    [
      'add of symbols',
      (g: Graph) => add(g.input('a', 'float32', ['T']), g.input('b', 'float32', ['S'])),
      'axis 0: T and S',
    ],
    [
      'dtypes',
      (g: Graph) => mul(g.input('a', 'float32', [2]), g.input('b', 'int32', [2])),
      'mul: expected two operands of one numeric dtype, got (float32[2], int32[2])',
    ],
    [
      'matMul',
      (g: Graph) => matMul(g.input('a', 'float32', [2, 3]), g.input('b', 'float32', [4, 5])),
      'matMul: expected equal inner dimensions (3 and 4)',
    ],
    [
      'batched matMul',
      (g: Graph) => matMul(g.input('a', 'float32', [2, 3, 3]), g.input('b', 'float32', [1, 3, 3])),
      'equal leading dimensions',
    ],
    [
      'half precision',
      (g: Graph) => mul(g.input('a', 'float16', [2]), 2),
      'constant: expected the bits of float16',
    ],
    [
      'reshape',
      (g: Graph) => reshape(g.input('a', 'float32', [2, 3]), [4, -1]),
      'reshape: expected a shape that divides [2, 3], got [4, -1]',
    ],
    [
      'axis',
      (g: Graph) => reduceSum(g.input('a', 'float32', [2]), 1),
      'reduceSum: expected an axis in [-1, 1), got 1',
    ],
    ['slice', (g: Graph) => slice(g.input('a', 'float32', [4]), 0, 2, 6), 'slice: expected 0 <= 2 <= 6 <= 4'],
    [
      'indices',
      (g: Graph) => gather(g.input('a', 'float32', [4]), g.input('b', 'float32', [1])),
      'gather: expected int32 or int64 indices',
    ],
    [
      'split',
      (g: Graph) => split(g.input('a', 'float32', [4]), 0, [1, 2]),
      'split: expected sizes that add up to 4, got [1, 2]',
    ],
    [
      'names',
      (g: Graph) => add(g.input('a', 'float32', []), g.input('a', 'float32', [])),
      "expected a new name, got 'a' a second time",
    ],
    [
      'graphs',
      (g: Graph) => add(g.input('a', 'float32', []), new Graph().input('b', 'float32', [])),
      'add: expected values of one graph, got values of two',
    ],
    [
      'weight size',
      (g: Graph) => g.weight('w', 'bfloat16', [3], { file: 'f', offset: 0, length: 12 }),
      "weight 'w': expected 6 bytes for bfloat16[3], got 12 in f",
    ],
    [
      'constants',
      (g: Graph) => g.constant([1, 2, 3], [2]),
      'constant: expected 2 elements for shape [2], got 3',
    ],
  ] as const)('refuses bad %s with the place, what was expected and what it got', (_, build, message) => {
    expect(() => build(new Graph())).toThrow(message);
  });
});

describe('gradients', () => {
  it('accumulates over all uses and skips what nobody asked for', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2]);
    const w = graph.input('w', 'float32', [2]);
    const before = graph.nodes.length;
    const loss = reduceSum(mul(add(mul(x, w), x), w));
    graph.output('dx', gradients(loss, [x])[0]);
    graph.verify();
    expect(
      graph.nodes
        .slice(before)
        .map(({ op }) => op)
        .join(' '),
    ).toMatchInlineSnapshot(`"mul add mul reduceSum constant reshape expand mul mul add"`);
  });

  it('names a value that the loss does not depend on differentiably, and prints the graph', () => {
    const graph = new Graph();
    const [x, y, z] = ['x', 'y', 'z'].map((name) => graph.input(name, 'float32', [3]));
    const loss = reduceSum(mul(stopGradient(x), sub(z, cast(argMax(y), 'float32'))));
    for (const [value, name] of [
      [x, 'x'],
      [y, 'y'],
    ] as const) {
      expect(() => gradients(loss, [z, value])).toThrow(
        `to %${value.id}: float32[3] = input(name=${name}), got none`,
      );
    }
    expect(() => gradients(loss, [x])).toThrow('stopGradient(%0)');
  });

  it('wants a scalar float loss', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    expect(() => gradients(x, [x])).toThrow('gradients: expected a float scalar as the loss, got float32[3]');
  });
});
