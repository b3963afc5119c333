/**
 * @file SmolVLM2: frames and images alike go through the SigLIP tower (with its final norm), pixel shuffle and one linear.
 * Padded patches are masked and get positions from the fraction of the image they cover; all-zero pictures are skipped.
 * Reference: transformers 5.x modeling_smolvlm.py.
 */
import type { Dim } from '../../tensor/dims.ts';
import type { Value } from '../../tensor/graph.ts';
import { reshape, transpose } from '../../tensor/ops.ts';
import type { SiglipConfig, SmolVlmConfig } from '../config.ts';
import { applyLinear } from './context.ts';
import type { FamilyContext } from './context.ts';
import { MASKED } from './masks.ts';
import { patchSide, siglip } from './siglip.ts';
import type { SiglipInputs, SiglipOutputs } from './siglip.ts';

/** What the tower and the connector make of N pictures. */
export type ConnectedPatches = {
  tower: SiglipOutputs;
  /** After the tower's final norm, [N, P, W]. */
  postNorm: Value;
  /** [N, P / scale^2, H]: one row per image token. */
  connected: Value;
};

/** Tokens of one picture in the prompt. */
export function pictureTokenCount(config: SmolVlmConfig): number {
  return (patchSide(config.vision) / config.scaleFactor) ** 2;
}

/** Tower and connector: pixels [N, C, S, S] -> [N, P / scale^2, H]. */
export function connectPixels(
  context: FamilyContext,
  config: SmolVlmConfig,
  inputs: SiglipInputs,
): ConnectedPatches {
  const tower = siglip(context, config.vision, inputs);
  const postNorm = tower.postNorm();
  const shuffled = pixelShuffle(postNorm, patchSide(config.vision), config.scaleFactor);
  const connected = applyLinear(context, 'model.connector.modality_projection.proj', shuffled, false);
  return { tower, postNorm, connected };
}

/** Folds squares of scale x scale patches into one: [N, side^2, W] -> [N, (side/scale)^2, scale^2 * W], row-major inside. */
function pixelShuffle(x: Value, side: number, scale: number): Value {
  const [pictures, , width] = x.shape as [Dim, Dim, number];
  const to = side / scale;
  const grid = reshape(x, [pictures, to, scale, to, scale, width]);
  return reshape(transpose(grid, [0, 1, 3, 2, 4, 5]), [pictures, to * to, scale * scale * width]);
}

/** Which of N pictures [N, C, S, S] are real: a picture of zeros only stands for a missing one. At least one is kept. */
export function realPictures(pixels: Float32Array, count: number): number[] {
  const size = pixels.length / count;
  const real = Array.from({ length: count }, (_, i) => i).filter((i) =>
    pixels.subarray(i * size, (i + 1) * size).some((v) => v !== 0),
  );
  return real.length > 0 ? real : [0];
}

/** Positions [N, P] and the additive mask [N, 1, 1, 1, P] of padded pictures. */
export type PatchLayout = { positions: Int32Array; mask: Float32Array; padded: boolean };

/**
 * From a pixel mask [N, S, S] (1 = image, 0 = padding) to patch positions and mask. A patch counts when any of its pixels
 * does. Patch i of n along an axis lies at the fraction i/n, hence in bucket floor(i * side / n) of the position grid:
 * the identity for an unpadded picture (transformers 5.x; 4.55-4.57 are off by one bucket in float32).
 */
export function patchLayout(config: SiglipConfig, pixelMask: ArrayLike<number>, count: number): PatchLayout {
  const side = patchSide(config);
  const { imageSize: size, patchSize: p } = config;
  const positions = new Int32Array(count * side * side);
  const mask = new Float32Array(count * side * side);
  let padded = false;
  for (let n = 0; n < count; n++) {
    const covered = (row: number, column: number) => {
      for (let y = row * p; y < (row + 1) * p; y++)
        for (let x = column * p; x < (column + 1) * p; x++)
          if (pixelMask[(n * size + y) * size + x]) return true;
      return false;
    };
    const flags = Array.from({ length: side * side }, (_, i) => covered(Math.floor(i / side), i % side));
    const rows = flags.filter((f, i) => f && i % side === 0).length;
    const columns = flags.slice(0, side).filter(Boolean).length;
    // Covered patches in row-major order take the positions of a rows x columns grid in the same order.
    let seen = 0;
    flags.forEach((flag, i) => {
      const at = n * side * side + i;
      if (!flag) {
        padded = true;
        mask[at] = MASKED;
        return;
      }
      const [row, column] = [Math.floor(seen / columns), seen % columns];
      positions[at] = Math.floor((row * side) / rows) * side + Math.floor((column * side) / columns);
      seen++;
    });
  }
  return { positions, mask, padded };
}
