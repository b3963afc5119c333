/** @file Training settings: presets with the released numbers, and every bad field named. */
import { describe, expect, it } from 'vitest';
import { TrainConfig } from '../contract/schemas.ts';
import { parseTrainingConfig, presetConfig, PRESETS, totalSteps } from './config.ts';

describe('training configuration', () => {
  it('has presets with the numbers of the released scripts', () => {
    const rows = PRESETS.map(({ id }) => presetConfig(id)).map((c) => [
      c.alpha,
      c.beta,
      c.learningRate,
      c.loraRank,
      c.batchPairs * c.accumulation,
    ]);
    expect(rows.slice(1)).toEqual([
      [0.01, 0.1, 5e-6, 128, 32],
      [0.05, 0.5, 5e-6, 128, 32],
      [0.01, 0.9, 2e-5, 128, 32],
    ]);
  });

  it('covers the contract: a preset, cut to the window fields, validates there and comes back whole', () => {
    for (const { id } of PRESETS) {
      const narrow = TrainConfig.parse(presetConfig(id));
      expect(parseTrainingConfig(narrow)).toMatchObject(narrow);
    }
  });

  it('names every bad field', () => {
    expect(() => parseTrainingConfig({ beta: -1, epochs: 'two', learningrate: 1 })).toThrow(
      /beta: .*; epochs: .*learningrate/s,
    );
    expect(() => presetConfig('nope')).toThrow('sample, llava-video, longvu, videochat2, got "nope"');
  });

  it('counts steps, keeping the short last batch', () => {
    const config = parseTrainingConfig({ accumulation: 4, epochs: 2 });
    expect(totalSteps(config, 9)).toBe(5);
    expect(totalSteps({ ...config, maxSteps: 3 }, 9)).toBe(3);
    expect(totalSteps({ ...config, epochs: 0.1 }, 9)).toBe(1);
  });
});
