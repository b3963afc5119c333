/** @file Learning rates step by step, against values worked by hand. */
import { describe, expect, it } from 'vitest';
import { learningRate, warmupStepsFor, type Schedule } from './schedule.ts';

const cosine: Schedule = { kind: 'cosine', peak: 1e-3, floorRatio: 0, warmupSteps: 2, totalSteps: 12 };

describe('learningRate', () => {
  it('warms up linearly from 0 and falls as a cosine', () => {
    const rates = Array.from({ length: 13 }, (_, step) => learningRate(cosine, step));
    expect(rates[0]).toBe(0);
    expect(rates[1]).toBeCloseTo(5e-4, 12);
    expect(rates[2]).toBeCloseTo(1e-3, 12);
    expect(rates[7]).toBeCloseTo(5e-4, 12); // half way: cos(pi/2) = 0
    expect(rates[4]).toBeCloseTo(0.5e-3 * (1 + Math.cos(Math.PI * 0.2)), 12);
    expect(rates[12]).toBeCloseTo(0, 12);
  });

  it('stops at the floor, also past the end', () => {
    const schedule = { ...cosine, warmupSteps: 0, floorRatio: 0.01 };
    expect(learningRate(schedule, 0)).toBeCloseTo(1e-3, 12);
    expect(learningRate(schedule, 12)).toBeCloseTo(1e-5, 12);
    expect(learningRate(schedule, 40)).toBeCloseTo(1e-5, 12);
  });

  it('stays constant after the warm-up', () => {
    const schedule = { ...cosine, kind: 'constant' as const };
    expect([0, 1, 2, 11].map((step) => learningRate(schedule, step))).toEqual([0, 5e-4, 1e-3, 1e-3]);
  });

  it('rounds warm-up steps up', () => {
    expect(warmupStepsFor(0.03, 100)).toBe(3);
    expect(warmupStepsFor(0.03, 101)).toBe(4);
    expect(warmupStepsFor(0, 101)).toBe(0);
  });
});
