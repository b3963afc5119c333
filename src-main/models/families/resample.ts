/**
 * @file Bilinear resizing of feature grids as in torch.nn.functional.interpolate(mode='bilinear', align_corners=False), as a
 * table: every output is a weighted sum of up to four rows. So pooling, tiling and un-padding of features are gathers.
 */
import type { Value } from '../../tensor/graph.ts';
import { add, gather, mul } from '../../tensor/ops.ts';

/** out[i] = sum over taps k of weights[k][i] * rows[indices[k][i]]. */
export type TapTable = { length: number; indices: Int32Array[]; weights: Float32Array[] };

/** Source cells and weights of one axis: for each output the lower cell, the upper cell, and the upper one's weight. */
function axisTaps(input: number, output: number): { low: number; high: number; part: number }[] {
  const scale = input / output;
  return Array.from({ length: output }, (_, i) => {
    // PyTorch clamps the source coordinate at 0 and the upper cell at the end.
    const at = Math.max(0, (i + 0.5) * scale - 0.5);
    const low = Math.min(Math.floor(at), input - 1);
    return { low, high: Math.min(low + 1, input - 1), part: at - low };
  });
}

/** Taps that resize a grid of [height, width] cells (row-major rows of a table) to [outHeight, outWidth]. */
export function bilinearTaps(height: number, width: number, outHeight: number, outWidth: number): TapTable {
  const length = outHeight * outWidth;
  const indices = Array.from({ length: 4 }, () => new Int32Array(length));
  const weights = Array.from({ length: 4 }, () => new Float32Array(length));
  const [ys, xs] = [axisTaps(height, outHeight), axisTaps(width, outWidth)];
  ys.forEach((y, row) =>
    xs.forEach((x, column) => {
      const at = row * outWidth + column;
      const cells = [
        [y.low, x.low, (1 - y.part) * (1 - x.part)],
        [y.low, x.high, (1 - y.part) * x.part],
        [y.high, x.low, y.part * (1 - x.part)],
        [y.high, x.high, y.part * x.part],
      ] as const;
      cells.forEach(([r, c, weight], k) => {
        indices[k][at] = r * width + c;
        weights[k][at] = weight;
      });
    }),
  );
  return { length, indices, weights };
}

/** Applies a table along `axis` of `rows` (that axis has the rows, the last axis the features). Unused taps cost nothing. */
export function applyTaps(rows: Value, taps: TapTable, axis: number): Value {
  const { graph } = rows;
  let sum: Value | undefined;
  taps.indices.forEach((indices, k) => {
    const weights = taps.weights[k];
    if (weights.every((w) => w === 0)) return;
    const picked = gather(rows, graph.constant(indices), axis);
    const term = weights.every((w) => w === 1)
      ? picked
      : mul(picked, graph.constant(weights, [taps.length, 1]));
    sum = sum ? add(sum, term) : term;
  });
  if (!sum) throw new Error('internal: resample: expected a table with at least one tap');
  return sum;
}
