/** @file One training step: shared prompt against two rows, padding, masks, and WebGPU against the CPU. */
import { fork } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { swiftshaderEnvironment } from '../platform/swiftshader.ts';
import { hasVision } from '../models/config.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import { initialAdapter } from './adapter.ts';
import { layOut, type EncodedPair } from './batch.ts';
import { parseTrainingConfig } from './config.ts';
import { runStep, stepCase, type StepCase } from './training-graph.test-data.ts';
import { TrainingStep, type PairResult } from './training-graph.ts';

let data: StepCase;
let expected: PairResult;
beforeAll(async () => {
  data = await stepCase();
  expected = await runStep(data);
});

/** L2 of all differences over L2 of the expected gradients. */
function gradientError(actual: readonly ArrayLike<number>[], reference: readonly Float32Array[]): number {
  let difference = 0;
  let size = 0;
  reference.forEach((g, i) =>
    g.forEach((value, j) => {
      difference += (actual[i][j] - value) ** 2;
      size += value ** 2;
    }),
  );
  return Math.sqrt(difference / size);
}

function expectSame(actual: PairResult, bar = 1e-5): void {
  for (const [name, value] of Object.entries(expected.metrics))
    expect(Math.abs(actual.metrics[name as keyof typeof actual.metrics] - value), name).toBeLessThan(
      bar * 100,
    );
  expect(gradientError(actual.gradients, expected.gradients)).toBeLessThan(bar);
}

describe('the training graph', () => {
  it('has policy and reference apart, and a gradient for all fourteen pairs of matrices', () => {
    expect(expected.metrics.klChosen).toBeGreaterThan(1e-3);
    expect(expected.metrics.rewardChosen).not.toBe(0);
    expect(expected.gradients.length).toBe(28);
    expect(expected.gradients.every((g) => g.some((x) => x !== 0))).toBe(true);
  });

  it('gives the same numbers in two rows as with a shared prompt', async () => {
    expectSame(await runStep(data, { prefixSharing: false }));
  });

  it('gives the same numbers whatever the padding', async () => {
    expectSame(await runStep(data, {}, { buckets: { length: 64, labels: 48 } }));
  });

  it('scales gradients, not metrics, by the weight of a pair', async () => {
    const half = await runStep(data, {}, { weight: 0.5 });
    expect(half.metrics.loss).toBe(expected.metrics.loss);
    expect(
      gradientError(
        half.gradients.map((g) => g.map((x) => 2 * x)),
        expected.gradients,
      ),
    ).toBeLessThan(1e-6);
  });

  it('evaluates without gradients to the same metrics', async () => {
    const { metrics, gradients } = await runStep(data, {}, { withGradients: false });
    expect(gradients).toEqual([]);
    expect(metrics.klChosen).toBeCloseTo(expected.metrics.klChosen, 6);
    expect(metrics.loss).toBeCloseTo(expected.metrics.loss, 6);
  });

  it('labels more positions under the official mask, without moving the reward, in one row as in two', async () => {
    const { metrics, gradients } = await runStep(data, { klScope: 'official' });
    const two = await runStep(data, { klScope: 'official', prefixSharing: false });
    expect(two.metrics.klChosen).toBeCloseTo(metrics.klChosen, 5);
    expect(two.metrics.klRejected).toBeCloseTo(metrics.klRejected, 5);
    expect(gradientError(two.gradients, gradients)).toBeLessThan(1e-5);
    expect(metrics.labelledChosen).toBeGreaterThan(expected.metrics.labelledChosen);
    expect(metrics.klChosen).toBeGreaterThan(expected.metrics.klChosen);
    expect(metrics.rewardChosen).toBeCloseTo(expected.metrics.rewardChosen, 6);
  });
});

it('trains a Llama decoder under SmolVLM, and a text model without features, from ln 2', async () => {
  for (const fixture of ['pipeline-smolvlm-tiny/hub', 'llama-tiny']) {
    const checkpoint = await openCheckpoint(
      path.join(import.meta.dirname, '../../../shared/golden', fixture),
    );
    const { config } = checkpoint;
    const rows = hasVision(config) ? 6 : 0;
    const placeholder = config.family === 'smolvlm' ? config.imageToken : -1;
    const features =
      rows > 0 ? { data: new Float32Array(rows * config.text.hidden).fill(0.1), rows, placeholder } : null;
    const answer = (first: number) => ({ ids: [first, 8, 2], responseLength: 3, phraseOf: [1, 0, 0] });
    const pair: EncodedPair = {
      id: 'x',
      prompt: [5, ...new Array<number>(rows).fill(placeholder), 6, 7],
      promptLabels: [],
      chosen: answer(9),
      rejected: answer(10),
    };
    const settings = parseTrainingConfig({ loraRank: 2, loraAlpha: 4 });
    const step = new TrainingStep(checkpoint, settings, { device: 'cpu' });
    const { metrics, gradients } = await step.run(
      initialAdapter(config, 2, 4, 1),
      layOut(pair, settings),
      features,
      1,
    );
    await step.release();
    expect(metrics.loss).toBeCloseTo(Math.LN2, 5);
    // B is zero, so only its gradient is not.
    expect(gradients.filter((g) => g.some((x) => x !== 0)).length).toBe(gradients.length / 2);
  }
});

it('runs on WebGPU with CPU fallback forbidden and gives the CPU results', async () => {
  const { value, reason } = swiftshaderEnvironment();
  expect(value, reason).not.toBeNull();
  const child = fork(path.join(import.meta.dirname, 'training-graph.test-child.ts'), [], {
    env: { ...process.env, ...value },
    execArgv: [],
  });
  const results: { metrics: PairResult['metrics']; gradients: number[][] }[] = [];
  child.on('message', (message) => results.push(message as (typeof results)[number]));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code).toBe(0);
  expect(results.length).toBe(1);
  expect(results[0].metrics.loss / expected.metrics.loss).toBeCloseTo(1, 4);
  expect(gradientError(results[0].gradients, expected.gradients)).toBeLessThan(1e-4);
}, 300_000);
