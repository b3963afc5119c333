/**
 * @file What a video looks like, in a few kilobytes: enough to see that two files show the same (another encoding, size or container of
 * it), and that two clips of one scene do not. Compared pair by pair, so that it needs no threshold on hashes.
 */
import type { RgbImage } from '../models/pixels.ts';
import { frames, type DecodeOptions } from './decode.ts';
import type { PtsTable } from './pts.ts';

/** Pictures of a look, evenly spaced in time. */
const MOMENTS = 8;
/** Cells of a picture along each side, stretched to a square: the ratio of sides may differ by a re-encoder's rounding. */
const GRID = 16;
/** Bytes of a look: moments x rows x columns x RGB. */
export const LOOK_BYTES = MOMENTS * GRID * GRID * 3;

/** Pictures are decoded at this size before they are averaged to cells. */
const DECODED_EDGE = 64;

/**
 * Two values of one cell differ for the eye from here on, in levels of 255. Measured (`RRPO_PRINT=1 npx vitest run
 * src-main/media/look`): re-encodes of real clips stay below 40 in every cell, of a test picture full of edges three values go beyond;
 * of the 4,560 pairs of different sample clips the nearest has 57 values beyond.
 */
const STRONG = 48;
/** Differing values that are still the same look: one a picture, of 768. */
const STRONG_ALLOWED = MOMENTS;
/** Root mean square of all differences, levels: re-encodes stay below 8, different clips of one scene may too. */
const RMS_ALLOWED = 9;

/** Means of two looks that are the same differ by less than this: what a search may leave out unseen. */
export const MEAN_SLACK = RMS_ALLOWED;

/** Seconds by which the lengths of two files of one video may differ: the last frame's length is each container's own. */
export function lengthSlack(seconds: number): number {
  return Math.max(0.25, 0.02 * seconds);
}

/**
 * The look of a video: RGB of {@link MOMENTS} frames, each averaged to {@link GRID} x {@link GRID} cells, upright.
 * @throws UserError as {@link frames} does
 */
export async function lookOf(
  file: string,
  table: PtsTable,
  options: DecodeOptions = {},
): Promise<Uint8Array> {
  const moments = Array.from({ length: MOMENTS }, (_, k) =>
    table.frameAt(table.start(0) + ((k + 0.5) / MOMENTS) * table.duration),
  );
  const cells = new Map<number, Uint8Array>();
  for await (const frame of frames(file, table, moments, { ...options, maxEdge: DECODED_EDGE }))
    cells.set(frame.index, averaged(frame));
  const look = new Uint8Array(LOOK_BYTES);
  for (const [k, index] of moments.entries()) look.set(cells.get(index)!, k * GRID * GRID * 3);
  return look;
}

/** Mean of all values. */
export function meanOf(look: Uint8Array): number {
  let sum = 0;
  for (const value of look) sum += value;
  return sum / look.length;
}

/** Whether two looks are those of one video. */
export function sameLook(a: Uint8Array, b: Uint8Array): boolean {
  let strong = 0;
  let squares = 0;
  for (let i = 0; i < LOOK_BYTES; i++) {
    const difference = a[i] - b[i];
    squares += difference * difference;
    if ((difference > STRONG || difference < -STRONG) && ++strong > STRONG_ALLOWED) return false;
  }
  return Math.sqrt(squares / LOOK_BYTES) <= RMS_ALLOWED;
}

/** [height, width, 3] to [GRID, GRID, 3]: each cell the mean of the area that it covers, parts of pixels included. */
function averaged({ data, width, height }: RgbImage): Uint8Array {
  const out = new Uint8Array(GRID * GRID * 3);
  for (let row = 0; row < GRID; row++)
    for (let column = 0; column < GRID; column++) {
      const sum = [0, 0, 0];
      let area = 0;
      for (const [y, high] of covered(row, height))
        for (const [x, wide] of covered(column, width)) {
          area += high * wide;
          for (let c = 0; c < 3; c++) sum[c] += high * wide * data[(y * width + x) * 3 + c];
        }
      for (let c = 0; c < 3; c++) out[(row * GRID + column) * 3 + c] = Math.round(sum[c] / area);
    }
  return out;
}

/** Pixels of `size` that lie in cell `cell`, each with the part of it that does. */
function* covered(cell: number, size: number): Generator<[pixel: number, part: number]> {
  const from = (cell * size) / GRID;
  const to = ((cell + 1) * size) / GRID;
  for (let pixel = Math.floor(from); pixel < to; pixel++)
    yield [pixel, Math.min(pixel + 1, to) - Math.max(pixel, from)];
}
