/** @file The loss against the published vectors of the official class in float64, and the checklist of its properties. */
import { describe, expect, it } from 'vitest';
import type { Objective } from '../contract/schemas.ts';
import { interpret } from '../tensor/interpreter.ts';
import { officialLossGraph, type OfficialBatch } from './official-layout.ts';

const V = 5;
const T = 7;

/** The logits of the published vectors: sin(1 + 0.7b + 1.3t + 0.9v) and cos(0.5 + 0.4b + 1.1t + 0.6v). */
function logits(rows: number, f: (b: number, t: number, v: number) => number): Float64Array {
  const out = new Float64Array(rows * T * V);
  for (let b = 0; b < rows; b++)
    for (let t = 0; t < T; t++) for (let v = 0; v < V; v++) out[(b * T + t) * V + v] = f(b, t, v);
  return out;
}
const policy = (rows: number) => logits(rows, (b, t, v) => Math.sin(1 + 0.7 * b + 1.3 * t + 0.9 * v));
const reference = (rows: number) => logits(rows, (b, t, v) => Math.cos(0.5 + 0.4 * b + 1.1 * t + 0.6 * v));

type Rows = number[][];
type Options = {
  objective?: Objective;
  alpha: number;
  beta: number;
  policy?: Float64Array;
  reference?: Float64Array;
};

/** Runs the loss in float64 on official inputs; `grad(b, t)` is dL/dlogits[b, t]. */
function run(targets: Rows, signs: Rows, options: Options) {
  const rows = targets.length;
  const batch: OfficialBatch = {
    pairs: rows / 2,
    length: T,
    vocab: V,
    targets: targets.flat(),
    signs: signs.flat(),
  };
  const graph = officialLossGraph(batch, { objective: 'rrpo', ...options }, 'float64');
  const shape = [rows * T, V];
  const out = interpret(graph, {
    logits: { shape, data: options.policy ?? policy(rows) },
    reference: { shape, data: options.reference ?? reference(rows) },
  });
  const values = (name: string) => [...out[name].data];
  return {
    loss: out.loss.data[0],
    values,
    grad: (b: number, t: number) => [...out.gradient.data.subarray((b * T + t) * V, (b * T + t + 1) * V)],
    touched: (b: number) =>
      [...Array(T).keys()].filter((t) =>
        out.gradient.data.subarray((b * T + t) * V, (b * T + t + 1) * V).some((x) => Math.abs(x) > 1e-15),
      ),
  };
}

function expectClose(actual: number[], expected: number[], digits = 9): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i], digits));
}

const labelsA = [
  [-100, -100, 1, 2, 3, 4, -100],
  [-100, -100, 1, 0, 3, 4, 2],
];
const signsA = [
  [0, 0, 0, 1, 0, 2, -100],
  [0, 0, 0, 1, 1, 0, 2],
];

describe('RRPO against the official class in float64', () => {
  it('case A: one pair, alpha 0.01, beta 0.1', () => {
    const a = run(labelsA, signsA, { alpha: 0.01, beta: 0.1 });
    expect(a.loss).toBeCloseTo(0.7113615057, 9);
    expectClose(a.values('rewardChosen'), [-0.099785176]);
    expectClose(a.values('rewardRejected'), [-0.066085343]);
    expectClose(a.values('klChosen'), [0.122245534]);
    expectClose(a.values('klRejected'), [0.229182724]);
    expectClose(a.values('logpChosen'), [-7.375597429]);
    expectClose(a.values('logpRejected'), [-11.138995808]);
    expectClose(a.grad(0, 1), [0.001170593, 0.000095886, -0.000417082, -0.000510326, -0.000339071]);
    expectClose(a.grad(0, 2), [0.007153693, 0.003806239, -0.04624691, 0.010845912, 0.024441067]);
    expectClose(a.grad(0, 4), [0.005782533, 0.013701935, 0.017740016, 0.01003945, -0.047263935]);
    expectClose(a.grad(1, 2), [0.04760943, -0.00334049, -0.006735618, -0.015588892, -0.021944431]);
    expectClose(a.grad(1, 3), [-0.00340476, -0.007937205, -0.015723389, 0.035064471, -0.007999117]);
    expectClose(a.grad(1, 5), [-0.024176377, -0.012984337, 0.04536505, -0.003487584, -0.004716752]);
    expect(a.touched(0)).toEqual([1, 2, 3, 4]);
    expect(a.touched(1)).toEqual([2, 3, 5]);
  });

  it('case A, position by position and phrase by phrase', () => {
    const kl = [0.030746146, 0.04105114, 0.016377393, 0.016107906, 0.048709095, 0.032062727];
    kl.forEach((value, t) => {
      const only = labelsA[0].map((_, at) => (at === t + 1 ? 0 : -100));
      expectClose(run([only, labelsA[1]], signsA, { alpha: 0.01, beta: 0.1 }).values('klChosen'), [value]);
    });
    const phrase = (k: number) => signsA.map((row) => row.map((sign) => (sign === k ? 1 : 0)));
    for (const [k, chosen, rejected] of [
      [1, -0.334812708, -0.164897251],
      [2, -0.663039054, -0.495956177],
    ]) {
      const one = run(labelsA, phrase(k), { alpha: 0.01, beta: 1 });
      expectClose(one.values('rewardChosen'), [chosen]);
      expectClose(one.values('rewardRejected'), [rejected]);
    }
  });

  it('case B: unequal phrase counts, alpha 0.05, beta 0.5', () => {
    const signs = [signsA[0], [0, 0, 0, 1, 1, 0, 0]];
    const b = run(labelsA, signs, { alpha: 0.05, beta: 0.5 });
    expect(b.loss).toBeCloseTo(0.9290248384, 9);
    expectClose(b.values('rewardChosen'), [-0.498925881]);
    expectClose(b.values('rewardRejected'), [-0.082448625]);
    expectClose(b.grad(0, 2), [0.04219528, 0.022795146, -0.273723198, 0.064403338, 0.144329434]);
    expectClose(b.grad(1, 2), [0.282159547, -0.01979757, -0.039918958, -0.09238831, -0.130054709]);
    expect(b.touched(1)).toEqual([2, 3]);
  });

  it('case C: two pairs, alpha 0.01, beta 0.9', () => {
    const labels = [
      labelsA[0],
      [-100, 2, 1, 0, -100, -100, -100],
      labelsA[1],
      [-100, 2, 1, 3, 4, -100, -100],
    ];
    const signs = [signsA[0], [0, 0, 0, 1, -100, -100, -100], signsA[1], [0, 0, 0, 1, 1, -100, -100]];
    const c = run(labels, signs, { alpha: 0.01, beta: 0.9 });
    expect(c.loss).toBeCloseTo(0.5177170932, 9);
    // The official code casts these metrics to float32: seven digits.
    expectClose(c.values('pairLoss'), [0.658655941, 0.376778245], 7);
    expectClose(c.values('klChosen'), [0.122245534, 0.047969624], 7);
    expectClose(c.values('rewardChosen'), [-0.898066586, -0.187278815], 7);
    expectClose(c.values('rewardRejected'), [-0.97081682, -0.970608917], 7);
  });
});

describe('checklist', () => {
  const settings = { alpha: 0.03, beta: 0.4 };

  it('policy = reference gives ln 2, no KL, and a gradient from the rank term alone', () => {
    const same = run(labelsA, signsA, { ...settings, reference: policy(2) });
    expect(same.loss).toBeCloseTo(Math.LN2, 12);
    expect(same.values('klChosen')).toEqual([0]);
    expect(same.touched(0)).toEqual([2, 4]);
  });

  it('equals DPO when every response token is marked and alpha is 0', () => {
    const all = labelsA.map((row) => row.map((label) => (label === -100 ? 0 : 1)));
    const rrpo = run(labelsA, all, { ...settings, alpha: 0 });
    const dpo = run(labelsA, signsA, { ...settings, objective: 'dpo' });
    expect(rrpo.loss).toBe(dpo.loss);
    expect(rrpo.grad(1, 3)).toEqual(dpo.grad(1, 3));
    // -log sigmoid(0.4 * (-0.752435707 + 1.661624638))
    expect(dpo.loss).toBeCloseTo(Math.log1p(Math.exp(-0.4 * (1.661624638 - 0.752435707))), 8);
  });

  it('does not depend on phrase ids', () => {
    const renumbered = signsA.map((row) => row.map((s) => (s > 0 ? 7 : s)));
    expect(run(labelsA, renumbered, settings).loss).toBe(run(labelsA, signsA, settings).loss);
  });

  it('leaves unmarked rejected positions alone, whatever alpha', () => {
    expect(run(labelsA, signsA, { ...settings, alpha: 5 }).touched(1)).toEqual([2, 3, 5]);
  });

  it('adds the KL: a larger alpha means a larger loss', () => {
    const low = run(labelsA, signsA, { ...settings, alpha: 0 });
    const high = run(labelsA, signsA, { ...settings, alpha: 1 });
    expect(high.loss - low.loss).toBeCloseTo(0.122245534, 9);
  });

  it('a pair without marks keeps log 2 + alpha * KL and only the KL gradient', () => {
    const none = run(labelsA, [new Array<number>(T).fill(0), new Array<number>(T).fill(0)], settings);
    expect(none.loss).toBeCloseTo(Math.LN2 + 0.03 * 0.122245534, 9);
    expect(none.touched(1)).toEqual([]);
  });

  it('has the ablations as masks: response-level reward with KL, phrase reward without', () => {
    const all = labelsA.map((row) => row.map((label) => (label === -100 ? 0 : 1)));
    const coarse = run(labelsA, signsA, { ...settings, objective: 'rrpo_no_refined_reward' });
    expect(coarse.loss).toBe(run(labelsA, all, settings).loss);
    const free = run(labelsA, signsA, { ...settings, objective: 'rrpo_no_kl' });
    expect(free.loss).toBe(run(labelsA, signsA, { ...settings, alpha: 0 }).loss);
  });

  it('matches the closed-form gradient', () => {
    // Chosen row: -beta w marked (onehot - p) + alpha labelled (p - q); w = sigmoid(-u).
    const a = run(labelsA, signsA, settings);
    const u = a.values('rewardChosen')[0] - a.values('rewardRejected')[0];
    const w = 1 / (1 + Math.exp(u));
    const softmax = (x: Float64Array) => {
      const e = [...x].map(Math.exp);
      const sum = e.reduce((s, y) => s + y, 0);
      return e.map((y) => y / sum);
    };
    const at = (x: Float64Array, b: number, t: number) =>
      softmax(x.subarray((b * T + t) * V, (b * T + t + 1) * V));
    const [p, q] = [at(policy(2), 0, 2), at(reference(2), 0, 2)];
    const expected = p.map((pv, v) => -0.4 * w * ((v === 2 ? 1 : 0) - pv) + 0.03 * (pv - q[v]));
    expectClose(a.grad(0, 2), expected, 14);
  });

  it('stays finite where a reference probability underflows to 0', () => {
    const sharp = reference(2);
    for (let t = 0; t < T; t++) sharp[t * V] = 2000;
    const out = run(labelsA, signsA, { ...settings, reference: sharp });
    expect(Number.isFinite(out.loss)).toBe(true);
    expect(out.grad(0, 2).every(Number.isFinite)).toBe(true);
  });
});
