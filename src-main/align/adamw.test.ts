/** @file The optimizer against torch.optim.AdamW worked by hand; accumulation and clipping. */
import { describe, expect, it } from 'vitest';
import { AdamW, clipFactor, globalNorm, GradientAccumulator, type Parameter } from './adamw.ts';

const parameter = (values: number[], shape: number[] = [values.length, 1]): Parameter => ({
  name: 'w',
  shape,
  data: Float32Array.from(values),
});

describe('AdamW', () => {
  it('does what torch.optim.AdamW does, worked by hand over two steps', () => {
    const p = parameter([1, -2]);
    const optimizer = new AdamW([p], { weightDecay: 0.1 });
    optimizer.step([Float32Array.of(0.5, -0.25)], 0.01);
    // Step 1: mhat = g, vhat = g^2, so the update is lr * sign(g), after the decay p * (1 - 0.001).
    expect(p.data[0]).toBeCloseTo(0.999 - 0.01, 6);
    expect(p.data[1]).toBeCloseTo(-1.998 + 0.01, 6);
    optimizer.step([Float32Array.of(0.1, 0.4)], 0.01);
    // Step 2, first value: m = 0.9*0.05 + 0.1*0.1 = 0.055, mhat = 0.055/0.19 = 0.2894737;
    // v = 0.999*0.00025 + 0.001*0.01 = 0.00025975, vhat = v/0.001999 = 0.12993997, sqrt = 0.36047187.
    expect(p.data[0]).toBeCloseTo(0.989 * 0.999 - (0.01 * 0.2894737) / 0.36047187, 6);
    expect(optimizer.steps).toBe(2);
  });

  it('does not decay one-dimensional parameters', () => {
    const bias = parameter([1], [1]);
    new AdamW([bias], { weightDecay: 0.5 }).step([Float32Array.of(0)], 0.1);
    expect(bias.data[0]).toBe(1);
  });

  it('continues bit for bit from a saved state', () => {
    const gradient = (step: number) => Float32Array.of(Math.sin(step), Math.cos(3 * step));
    const straight = parameter([0.3, 0.7]);
    const a = new AdamW([straight]);
    for (let step = 0; step < 6; step++) a.step([gradient(step)], 1e-2);

    const resumed = parameter([0.3, 0.7]);
    const b = new AdamW([resumed]);
    for (let step = 0; step < 3; step++) b.step([gradient(step)], 1e-2);
    const saved = b.state();
    const copy = (m: ReadonlyMap<string, Float32Array>) => new Map([...m].map(([k, v]) => [k, v.slice()]));
    const c = new AdamW([resumed]);
    c.restore({ step: saved.step, first: copy(saved.first), second: copy(saved.second) });
    for (let step = 3; step < 6; step++) c.step([gradient(step)], 1e-2);
    expect(resumed.data).toEqual(straight.data);
  });

  it('refuses a state of another shape', () => {
    const optimizer = new AdamW([parameter([1, 2])]);
    const short = new Map([['w', new Float32Array(1)]]);
    expect(() => optimizer.restore({ step: 1, first: short, second: short })).toThrow(
      'expected 2 values of the first moment of w, got 1',
    );
  });
});

describe('gradients', () => {
  it('accumulates a mean and clips by the global norm', () => {
    const parameters = [parameter([0, 0]), { ...parameter([0]), name: 'v' }];
    const accumulator = new GradientAccumulator(parameters);
    accumulator.add([Float32Array.of(2, 0), Float32Array.of(4)], 0.5);
    accumulator.add([Float32Array.of(4, 0), Float32Array.of(4)], 0.5);
    expect(accumulator.sums.map((s) => [...s])).toEqual([[3, 0], [4]]);
    expect(globalNorm(accumulator.sums)).toBe(5);
    expect(clipFactor(5, 1)).toBeCloseTo(0.2, 6);
    expect(clipFactor(0.5, 1)).toBe(1);
    expect(clipFactor(5, null)).toBe(1);
    accumulator.reset();
    expect(globalNorm(accumulator.sums)).toBe(0);
  });
});
