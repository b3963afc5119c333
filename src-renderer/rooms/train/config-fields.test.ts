/** @file The form: bounds agree with the contract's schema, and the number of steps with the trainer's formula. */
import { describe, expect, it } from 'vitest';
import { TrainConfig } from '../../../src-main/contract/schemas.ts';
import { configProblems, GROUPS, plannedSteps } from './config-fields.ts';

const good: TrainConfig = {
  objective: 'rrpo',
  beta: 0.1,
  alpha: 0.01,
  learningRate: 5e-6,
  schedule: 'cosine',
  warmupRatio: 0.03,
  epochs: 1,
  batchPairs: 1,
  accumulation: 8,
  maxGradNorm: 1,
  weightDecay: 0,
  loraRank: 8,
  loraAlpha: 16,
  klScope: 'response',
  frames: 8,
  checkpointEvery: 20,
  seed: 42,
  device: 'cpu',
};

describe('the form', () => {
  it('covers every setting but the device, each once', () => {
    const keys = GROUPS.flatMap((group) => group.fields.map((field) => field.key as string));
    expect([...keys, 'device'].sort()).toEqual(Object.keys(TrainConfig.shape).sort());
  });
  it('refuses exactly what the contract refuses', () => {
    expect(configProblems(good).size).toBe(0);
    for (const [key, value] of [
      ['beta', 0],
      ['alpha', -0.1],
      ['epochs', 0],
      ['batchPairs', 1.5],
      ['accumulation', 0],
      ['warmupRatio', 1.2],
      ['loraAlpha', 0],
      ['frames', 0],
      ['seed', -1],
      ['maxGradNorm', -1],
      ['learningRate', Number.NaN],
    ] as const) {
      const bad = { ...good, [key]: value };
      expect(TrainConfig.safeParse(bad).success, key).toBe(false);
      expect([...configProblems(bad).keys()], key).toEqual([key]);
    }
  });
  it('counts steps as the trainer does', () => {
    expect(plannedSteps(good, 20)).toBe(3);
    expect(plannedSteps({ ...good, epochs: 3 }, 20)).toBe(8);
    expect(plannedSteps(good, 1)).toBe(1);
    expect(plannedSteps(good, 0)).toBe(0);
  });
});
