/**
 * @file Rotary position tables, computed on the host: the precision of sin and cos of large angles is not guaranteed on
 * GPUs. Float32 angles as transformers computes them (inv_freq float32, position * inv_freq in float32).
 */
import type { RopeConfig } from '../config.ts';

/** Inverse frequencies [headDim / 2] in float32. `linear` and `llama3` follow transformers' modeling_rope_utils. */
export function ropeFrequencies(rope: RopeConfig, headDim: number): Float32Array {
  const frequencies = Float32Array.from({ length: headDim / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(rope.theta ** Math.fround((2 * i) / headDim))),
  );
  switch (rope.type) {
    case 'default':
      return frequencies;
    case 'linear':
      return frequencies.map((f) => f / rope.factor);
    case 'llama3': {
      const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = rope;
      return frequencies.map((f) => {
        const wavelength = (2 * Math.PI) / f;
        if (wavelength < originalMaxPositions / highFreqFactor) return f;
        if (wavelength > originalMaxPositions / lowFreqFactor) return f / factor;
        const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return ((1 - smooth) * f) / factor + smooth * f;
      });
    }
    default:
      return rope satisfies never;
  }
}

/** cos and sin [positions.length, headDim], both halves filled, for the half-split rotation. */
export function ropeTables(
  rope: RopeConfig,
  headDim: number,
  positions: ArrayLike<number>,
): { cos: Float32Array; sin: Float32Array } {
  const frequencies = ropeFrequencies(rope, headDim);
  const half = headDim / 2;
  const cos = new Float32Array(positions.length * headDim);
  const sin = new Float32Array(positions.length * headDim);
  for (let row = 0; row < positions.length; row++)
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(positions[row] * frequencies[i]);
      const at = row * headDim + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at] = sin[at + half] = Math.sin(angle);
    }
  return { cos, sin };
}
