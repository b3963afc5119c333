/**
 * @file LLaVA-OneVision (and LLaVA-Video in the same layout): SigLIP features through a two-layer projector; video frames
 * pooled bilinearly to half the side with one `image_newline` after the last frame; images tiled (anyres) and un-padded.
 * Reference: transformers' modeling_llava_onevision.py.
 */
import { divideDims, multiplyDims } from '../../tensor/dims.ts';
import type { Dim } from '../../tensor/dims.ts';
import type { Value } from '../../tensor/graph.ts';
import { concat, expand, reshape } from '../../tensor/ops.ts';
import type { LlavaOnevisionConfig } from '../config.ts';
import { activate, applyLinear } from './context.ts';
import type { FamilyContext } from './context.ts';
import { applyTaps, bilinearTaps } from './resample.ts';
import type { TapTable } from './resample.ts';
import { patchSide, siglip } from './siglip.ts';
import type { SiglipOutputs } from './siglip.ts';

/** What the tower and projector make of N pictures. */
export type ProjectedPatches = {
  tower: SiglipOutputs;
  /** [N, P, H]: projected patches of every picture, before pooling. */
  projected: Value;
};

/** Tower and projector: pixels [N, C, S, S] -> [N, P, H]. */
export function projectPixels(
  context: FamilyContext,
  config: LlavaOnevisionConfig,
  pixels: Value,
): ProjectedPatches {
  const tower = siglip(context, config.vision, { pixels }, Math.max(...config.featureLayers));
  const states = config.featureLayers.map((index) => tower.hiddenState(index));
  const features = states.length === 1 ? states[0] : concat(states, -1);
  const at = 'multi_modal_projector.';
  const wide = applyLinear(context, `${at}linear_1`, features, config.projectorBias);
  const projected = applyLinear(
    context,
    `${at}linear_2`,
    activate(config.projectorActivation, wide),
    config.projectorBias,
  );
  return { tower, projected };
}

/** Side of a pooled video frame, in tokens. */
function pooledSide(config: LlavaOnevisionConfig): number {
  return Math.ceil(patchSide(config.vision) / 2);
}

/** Pools projected patches of frames: [N, P, H] -> [N, ceil(side/2)^2, H]. */
export function poolFrames(config: LlavaOnevisionConfig, projected: Value): Value {
  const [from, to] = [patchSide(config.vision), pooledSide(config)];
  return applyTaps(projected, bilinearTaps(from, from, to, to), 1);
}

/**
 * Pooled frames of V videos with as many frames each, and their newline: [V*F, Q, H] -> [V * (F*Q + 1), H], video after
 * video, ready for `spliceFeatures`.
 */
export function videoRows(context: FamilyContext, pooled: Value, videos: Dim): Value {
  const [frames, tokens, width] = pooled.shape as [Dim, Dim, Dim];
  const perVideo = divideDims(multiplyDims(frames, tokens), videos);
  if (perVideo === undefined)
    throw new Error(`internal: videoRows: expected frames of ${videos} equal videos, got ${frames} frames`);
  const newline = expand(reshape(context.weights('image_newline'), [1, 1, width]), [videos, 1, width]);
  const rows = concat([reshape(pooled, [videos, perVideo, width]), newline], 1); // [V, F*Q+1, H]
  return reshape(rows, [multiplyDims(videos, rows.shape[1]), width]);
}

/** Height and width in tiles of the resolution that fits an image best (transformers' select_best_resolution). */
export function tileGrid(config: LlavaOnevisionConfig, height: number, width: number): [number, number] {
  let best: readonly [number, number] | undefined;
  let bestEffective = 0;
  let leastWaste = Infinity;
  for (const pinpoint of config.pinpoints) {
    const [h, w] = pinpoint;
    const scale = Math.min(w / width, h / height);
    const effective = Math.min(Math.trunc(width * scale) * Math.trunc(height * scale), width * height);
    const waste = w * h - effective;
    if (effective > bestEffective || (effective === bestEffective && waste < leastWaste)) {
      best = pinpoint;
      bestEffective = effective;
      leastWaste = waste;
    }
  }
  if (!best) throw new Error('internal: tileGrid: the configuration has no image_grid_pinpoints');
  return [Math.trunc(best[0] / config.vision.imageSize), Math.trunc(best[1] / config.vision.imageSize)];
}

/**
 * Tokens of one image as a table over the rows of its pictures: base picture first, then the tiles stitched, un-padded,
 * shrunk when they exceed anyres_max_N, with a newline after each row. Row tiles*P stands for the newline.
 * `pictures` is the base plus tiles; `height` and `width` are of the original image in pixels.
 */
export function imageTaps(
  config: LlavaOnevisionConfig,
  pictures: number,
  height: number,
  width: number,
): TapTable {
  const side = patchSide(config.vision);
  const patches = side * side;
  const newline = pictures * patches;
  const columns: { index: number; weight: number }[][] = [];
  for (let i = 0; i < patches; i++) columns.push([{ index: i, weight: 1 }]);
  if (pictures === 1) {
    columns.push([{ index: newline, weight: 1 }]);
    return tableOf(columns);
  }
  const [gridHeight, gridWidth] = tileGrid(config, height, width);
  if (gridHeight * gridWidth + 1 !== pictures)
    throw new Error(
      `internal: imageTaps: expected ${gridHeight}x${gridWidth} tiles and the base picture, got ${pictures} pictures`,
    );
  // unpad_image: the tiles hold the image at its aspect ratio, centred.
  let [top, left, rows, cells] = [0, 0, gridHeight * side, gridWidth * side];
  const [fullRows, fullCells] = [rows, cells];
  if (width / height > fullCells / fullRows) {
    const kept = Math.trunc(Number((height * (fullCells / width)).toFixed(7)));
    top = Math.floor((fullRows - kept) / 2);
    rows = fullRows - 2 * top;
  } else {
    const kept = Math.trunc(Number((width * (fullRows / height)).toFixed(7)));
    left = Math.floor((fullCells - kept) / 2);
    cells = fullCells - 2 * left;
  }
  /** Row of the picture table that holds cell (r, c) of the stitched tiles. */
  const rowOf = (r: number, c: number) =>
    (1 + Math.floor(r / side) * gridWidth + Math.floor(c / side)) * patches + (r % side) * side + (c % side);
  const ratio = Math.sqrt((rows * cells) / (config.anyresMax * patches));
  const [outRows, outCells] =
    ratio > 1.1 ? [Math.floor(rows / ratio), Math.floor(cells / ratio)] : [rows, cells];
  const taps = bilinearTaps(rows, cells, outRows, outCells);
  for (let r = 0; r < outRows; r++) {
    for (let c = 0; c < outCells; c++) {
      const at = r * outCells + c;
      columns.push(
        taps.indices.map((indices, k) => {
          const cell = indices[at];
          const index = rowOf(top + Math.floor(cell / cells), left + (cell % cells));
          return { index, weight: taps.weights[k][at] };
        }),
      );
    }
    columns.push([{ index: newline, weight: 1 }]);
  }
  return tableOf(columns);
}

function tableOf(columns: readonly (readonly { index: number; weight: number }[])[]): TapTable {
  const taps = Math.max(...columns.map((c) => c.length));
  return {
    length: columns.length,
    indices: Array.from({ length: taps }, (_, k) => Int32Array.from(columns, (c) => c[k]?.index ?? 0)),
    weights: Array.from({ length: taps }, (_, k) => Float32Array.from(columns, (c) => c[k]?.weight ?? 0)),
  };
}

/** Tokens of one image, [M, H], from its projected pictures [pictures, P, H]. */
export function imageRows(context: FamilyContext, projected: Value, taps: TapTable): Value {
  const [pictures, patches, width] = projected.shape as [Dim, Dim, Dim];
  const rows = reshape(projected, [multiplyDims(pictures, patches), width]);
  const newline = reshape(context.weights('image_newline'), [1, width]);
  return applyTaps(concat([rows, newline], 0), taps, 0);
}
