/** @file Rewrites: snapshots of the printed graph, and equal results before and after on every op case. */
import { describe, expect, it } from 'vitest';
import { gradients } from './autodiff.ts';
import { relativeError } from './close.ts';
import { buildTrainingGraph, TINY } from './decoder-fixture.ts';
import { Graph, type Value } from './graph.ts';
import { interpret } from './interpreter.ts';
import { scaledDotProductAttention } from './nn.ts';
import { buildCases, NAMED_CASES } from './op-cases.ts';
import { add, expand, matMul, mul, neg, reduceSum, reshape, split, sub, transpose } from './ops.ts';
import { optimizeGraph } from './optimize.ts';

function printed(build: (graph: Graph, x: Value, y: Value) => Value): string {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['T', 4]);
  const y = graph.input('y', 'float32', ['T', 4]);
  graph.output('z', build(graph, x, y));
  return optimizeGraph(graph).toString();
}

describe('optimizeGraph', () => {
  it('drops neutral operands, dead values and double negation', () => {
    expect(
      printed((_, x, y) => {
        mul(x, y);
        return neg(neg(mul(add(x, 0), 1)));
      }),
    ).toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[T, 4] = input(name=y)
        output z = %0
      }"
    `);
  });

  it('merges equal values, whatever order they were written in', () => {
    expect(printed((_, x, y) => mul(sub(mul(x, 3), y), sub(mul(x, 3), y)))).toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[T, 4] = input(name=y)
        %2: float32[] = constant(data=[3])
        %3: float32[T, 4] = mul(%0, %2)
        %4: float32[T, 4] = sub(%3, %1)
        %5: float32[T, 4] = mul(%4, %4)
        output z = %5
      }"
    `);
  });

  it('lets broadcasting do what expand does', () => {
    expect(printed((_, x) => mul(x, expand(reduceSum(x, -1, { keepDims: true }), ['T', 4]))))
      .toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[T, 4] = input(name=y)
        %2: float32[T, 1] = reduceSum(%0, axes=[1], keepDims=true)
        %3: float32[T, 4] = mul(%0, %2)
        output z = %3
      }"
    `);
  });

  it('reads operands transposed instead of transposing them', () => {
    expect(printed((_, x, y) => matMul(transpose(x), transpose(transpose(y))))).toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[T, 4] = input(name=y)
        %2: float32[4, 4] = matMul(%0, %1, transposeA=true)
        output z = %2
      }"
    `);
  });

  it('folds chains of scalar factors, reshapes and transposes', () => {
    expect(
      printed((_, x) => transpose(transpose(reshape(reshape(mul(mul(x, 2), 4), ['T', 2, 2]), ['2*T', 2])))),
    ).toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[T, 4] = input(name=y)
        %2: float32[] = constant(data=[8])
        %3: float32[T, 4] = mul(%0, %2)
        %4: float32[2*T, 2] = reshape(%3, shape=[2*T, 2])
        output z = %4
      }"
    `);
  });

  it('turns the gradient of a split into one concatenation', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['T', 4]);
    const [a, b, c] = split(x, 1, [1, 2, 1]);
    const loss = add(add(reduceSum(mul(a, 2)), reduceSum(mul(b, b))), reduceSum(mul(c, 3)));
    graph.output('dx', gradients(loss, [x])[0]);
    expect(optimizeGraph(graph).toString()).toMatchInlineSnapshot(`
      "graph {
        %0: float32[T, 4] = input(name=x)
        %1: float32[T, 2] = slice(%0, axis=1, start=1, end=3)
        %2: float32[] = constant(data=[2])
        %3: float32[] = constant(data=[3])
        %4: float32[1, 1] = constant(data=[1])
        %5: float32[T, 1] = expand(%4, shape=[T, 1])
        %6: float32[T, 1] = mul(%5, %3)
        %7: float32[T, 2] = add(%1, %1)
        %8: float32[T, 1] = mul(%5, %2)
        %9: float32[T, 4] = concat(%8, %7, %6, axis=1)
        output dx = %9
      }"
    `);
  });

  it('takes the row sums of the gradient of attention from its small side', () => {
    const graph = new Graph();
    const [q, k, v] = ['q', 'k', 'v'].map((name) => graph.input(name, 'float32', [1, 1, 'T', 8]));
    const y = scaledDotProductAttention(q, k, v);
    const loss = reduceSum(mul(y, y));
    graph.output('y', y);
    gradients(loss, [q, k, v]).forEach((gradient, index) => graph.output(`d${index}`, gradient));
    const text = optimizeGraph(graph).toString();
    const sums = text.split('\n').filter((line) => line.includes('reduceSum'));
    expect(sums).toHaveLength(1);
    const [operand] = /%\d+(?=, axes)/.exec(sums[0]) ?? [];
    expect(text).toContain(`${operand}: float32[1, T, 8] = mul`);
  });

  it('settles: a second application of all rewrites finds nothing', () => {
    const training = buildTrainingGraph(TINY, (graph, name, shape) => graph.input(name, 'float32', shape));
    const once = optimizeGraph(training);
    expect(optimizeGraph(once).toString()).toBe(once.toString());
  });

  it('changes no result of any op or gradient', () => {
    const { graph, feeds } = buildCases(NAMED_CASES.map(([, each]) => each));
    const before = interpret(graph, feeds);
    const lean = optimizeGraph(graph);
    const after = interpret(lean, feeds);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, { data }] of Object.entries(before))
      expect(relativeError(after[name].data, data), name).toBeLessThan(1e-12);
    expect(lean.nodes.length).toBeLessThan(0.95 * graph.nodes.length);
  });

  it('keeps gradients of a bound graph equal to those of the symbolic one', () => {
    const { graph, feeds } = buildCases(NAMED_CASES.map(([, each]) => each));
    const bound = optimizeGraph(graph, { T: 3, P: 2 });
    expect(bound.toString()).not.toMatch(/\[[^\]]*[TP][^\]]*\] =/);
    const [before, after] = [interpret(graph, feeds), interpret(bound, feeds)];
    for (const [name, { data }] of Object.entries(before))
      expect(relativeError(after[name].data, data), name).toBeLessThan(1e-12);
  });
});
