/** @file The composites against plain formulas, evaluated in float64. */
import { describe, expect, it } from 'vitest';
import { relativeError } from './close.ts';
import { gradients } from './autodiff.ts';
import { Graph, type Value } from './graph.ts';
import { type Dense, interpret } from './interpreter.ts';
import {
  crossEntropy,
  gelu,
  geluTanh,
  layerNorm,
  linear,
  logSoftmax,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  silu,
} from './nn.ts';
import { seeded } from './op-cases.ts';
import { mul, reduceSum } from './ops.ts';

const dense = (shape: number[], data: readonly number[]): Dense => ({ shape, data: Float64Array.from(data) });

/** y = f(inputs) with every input fed as float32-typed data in float64 arithmetic. */
function evaluate(feeds: Record<string, Dense>, f: (inputs: Record<string, Value>) => Value): number[] {
  const graph = new Graph();
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape }]) => [name, graph.input(name, 'float32', shape)]),
  );
  graph.output('result', f(inputs));
  return Array.from(interpret(graph, feeds).result.data);
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  // Constants inside the composites are float32, hence not closer.
  expect(relativeError(actual, expected)).toBeLessThan(1e-7);
}

describe('activations', () => {
  const x = dense([3], [1, -2, 0.5]);
  it.each([
    ['silu', silu, [0.7310585786, -0.238405844, 0.3112296656]],
    ['gelu', gelu, [0.8413447461, -0.0455002639, 0.3457312307]],
    ['geluTanh', geluTanh, [0.8411919906, -0.0454023059, 0.3457140028]],
  ] as const)('%s has the published values', (_, f, expected) => {
    expectClose(
      evaluate({ x }, ({ x: value }) => f(value)),
      expected,
    );
  });
});

describe('normalisation', () => {
  const x = dense([1, 4], [1, 2, 3, 6]);
  const weight = dense([4], [1, 2, 1, 0.5]);
  const bias = dense([4], [0, 1, 0, 0]);
  it('divides by the root mean square, or by the deviation', () => {
    const rms = Math.sqrt((1 + 4 + 9 + 36) / 4 + 0.5);
    expectClose(
      evaluate({ x, weight }, (v) => rmsNorm(v.x, v.weight, 0.5)),
      [1 / rms, 4 / rms, 3 / rms, 3 / rms],
    );
    const deviation = Math.sqrt((4 + 1 + 0 + 9) / 4 + 0.25);
    expectClose(
      evaluate({ x, weight, bias }, (v) => layerNorm(v.x, v.weight, v.bias, 0.25)),
      [-2 / deviation, -2 / deviation + 1, 0, 1.5 / deviation],
    );
  });
});

describe('linear', () => {
  it('takes weights either way round, over any leading axes', () => {
    const x = dense([2, 1, 2], [1, 2, 3, 4]);
    const weight = dense([3, 2], [1, 0, 0, 1, 1, 1]);
    const turned = dense([2, 3], [1, 0, 1, 0, 1, 1]);
    const bias = dense([3], [0, 0, 10]);
    const expected = [1, 2, 13, 3, 4, 17];
    expect(evaluate({ x, weight, bias }, (v) => linear(v.x, v.weight, v.bias))).toEqual(expected);
    expect(evaluate({ x, turned, bias }, (v) => linear(v.x, v.turned, v.bias, { layout: 'in-out' }))).toEqual(
      expected,
    );
  });
});

describe('rotaryEmbedding', () => {
  it('turns the pairs (x_i, x_{i+D/2}) by their angles', () => {
    const x = dense([1, 4], [1, 2, 3, 4]);
    const angles = [0.3, 1.1, 0.3, 1.1];
    const [cos, sin] = [dense([1, 4], angles.map(Math.cos)), dense([1, 4], angles.map(Math.sin))];
    const [c, s, d, t] = [Math.cos(0.3), Math.sin(0.3), Math.cos(1.1), Math.sin(1.1)];
    expectClose(
      evaluate({ x, cos, sin }, (v) => rotaryEmbedding(v.x, v.cos, v.sin)),
      [c - 3 * s, 2 * d - 4 * t, 3 * c + s, 4 * d + 2 * t],
    );
  });
});

describe('losses', () => {
  it('logSoftmax does not overflow; crossEntropy averages by weight', () => {
    const logits = dense([2, 3], [1000, 0, 1000, 0, Math.log(2), Math.log(5)]);
    const half = Math.log(0.5);
    const expected = [half, -1000 + half, half, -Math.log(8), Math.log(2 / 8), Math.log(5 / 8)];
    expectClose(
      evaluate({ logits }, (v) => logSoftmax(v.logits)),
      expected,
    );
    const graph = new Graph();
    const value = graph.input('logits', 'float32', [2, 3]);
    const targets = graph.input('targets', 'int64', [2]);
    graph.output('plain', crossEntropy(value, targets));
    graph.output('weighted', crossEntropy(value, targets, graph.input('weights', 'float32', [2])));
    const feeds = { logits, targets: dense([2], [0, 1]), weights: dense([2], [0, 2]) };
    const { plain, weighted } = interpret(graph, feeds);
    expectClose([...plain.data], [(Math.log(2) + Math.log(4)) / 2]);
    expectClose([...weighted.data], [Math.log(4)]);
  });
});

describe('scaledDotProductAttention', () => {
  const [B, H, KV, T, D] = [2, 4, 2, 6, 4];
  const random = seeded(5);
  const uniform = (shape: number[]): Dense =>
    dense(
      shape,
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 2 - 1),
    );
  const [q, k, v] = [uniform([B, H, T, D]), uniform([B, KV, T, D]), uniform([B, KV, T, D])];
  const mask = dense(
    [T, T],
    Array.from({ length: T * T }, (_, flat) => (flat % T > Math.floor(flat / T) ? -1e9 : 0)),
  );

  /** Loops over heads and rows; query head h reads key head floor(h KV / H). */
  function reference(): number[] {
    const result: number[] = [];
    for (let b = 0; b < B; b++) {
      for (let h = 0; h < H; h++) {
        const kv = (b * KV + Math.floor((h * KV) / H)) * T * D;
        for (let t = 0; t < T; t++) {
          const row = q.data.subarray(((b * H + h) * T + t) * D);
          const weights = Array.from({ length: t + 1 }, (_, s) => {
            let score = 0;
            for (let d = 0; d < D; d++) score += row[d] * k.data[kv + s * D + d];
            return Math.exp(score / Math.sqrt(D));
          });
          const total = weights.reduce((a, w) => a + w, 0);
          for (let d = 0; d < D; d++) {
            result.push(weights.reduce((sum, w, s) => sum + (w / total) * v.data[kv + s * D + d], 0));
          }
        }
      }
    }
    return result;
  }

  it.each([1, 2, 3, 6])('equals the loops with grouped heads, in %i causal blocks', (causalBlocks) => {
    expectClose(
      evaluate({ q, k, v, mask }, (x) =>
        scaledDotProductAttention(x.q, x.k, x.v, { mask: x.mask, causalBlocks }),
      ),
      reference(),
    );
  });

  it('has the same gradients in blocks', () => {
    const [whole, blocks] = [1, 3].map((causalBlocks) => {
      const graph = new Graph();
      const inputs = { q, k, v, mask };
      const [x, y, z, m] = Object.entries(inputs).map(([name, { shape }]) =>
        graph.input(name, 'float32', shape),
      );
      const result = scaledDotProductAttention(x, y, z, { mask: m, causalBlocks });
      gradients(reduceSum(mul(result, result)), [x, y, z]).forEach((gradient, index) =>
        graph.output(`d${index}`, gradient),
      );
      return Object.values(interpret(graph, inputs)).flatMap(({ data }) => [...data]);
    });
    expect(relativeError(blocks, whole)).toBeLessThan(1e-12);
  });

  it('refuses rows that do not divide into blocks', () => {
    const feeds = { q, k, v, mask };
    expect(() =>
      evaluate(feeds, (x) => scaledDotProductAttention(x.q, x.k, x.v, { mask: x.mask, causalBlocks: 4 })),
    ).toThrow('expected T = S divisible by 4 causal blocks, got T 6 and S 6');
  });
});
