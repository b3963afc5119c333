/**
 * @file What a video looks like, in a few kilobytes: enough to see that two files show the same (another encoding, size or container of
 * it), and that two clips of one scene do not. Compared pair by pair, so that it needs no threshold on hashes.
 */
import type { RgbImage } from '../models/pixels.ts';
import { frames, type DecodeOptions } from './decode.ts';
import type { PtsTable } from './pts.ts';

/** Places of a look, evenly spaced in time. */
const MOMENTS = 8;
/**
 * Pictures at each: the frame that is shown then, the one before it and the one after. What another frame rate shows then is one of them:
 * without, a conversion from 30 to 15 or 25 frames a second is another look.
 */
const PICTURES = 3;
const SHOWN = 1;
/** Cells of a picture along each side, stretched to a square: the ratio of sides may differ by a re-encoder's rounding. */
const GRID = 16;
/** Bytes of a picture: rows x columns x RGB. */
const PICTURE_BYTES = GRID * GRID * 3;
/** Bytes of a look: moments x pictures. */
export const LOOK_BYTES = MOMENTS * PICTURES * PICTURE_BYTES;

/** Pictures are decoded at this size before they are averaged to cells. */
const DECODED_EDGE = 64;

/**
 * Two values of one cell differ for the eye from here on, in levels of 255. Measured (`RRPO_PRINT=1 npx vitest run
 * src-main/media/look`): re-encodes of real clips stay below 40 in every cell, of a test picture full of edges three values go beyond;
 * of the 4,560 pairs of different sample clips the nearest has 48 values beyond.
 */
const STRONG = 48;
/** Differing values that are still the same look: one a picture, of 768. */
const STRONG_ALLOWED = MOMENTS;
/** Root mean square of all differences, levels: re-encodes stay below 8, different clips of one scene may too. */
const RMS_ALLOWED = 9;

/** Means of two looks that are the same differ by less than this (by 2 levels, measured): what a search may leave out unseen. */
export const MEAN_SLACK = RMS_ALLOWED;

/** Seconds by which the lengths of two files of one video may differ: the last frame's length is each container's own. */
export function lengthSlack(seconds: number): number {
  return Math.max(0.25, 0.02 * seconds);
}

/**
 * The look of a video: RGB of {@link PICTURES} frames at each of {@link MOMENTS} times, each averaged to {@link GRID} x {@link GRID} cells,
 * upright.
 * @throws UserError as {@link frames} does
 */
export async function lookOf(
  file: string,
  table: PtsTable,
  options: DecodeOptions = {},
): Promise<Uint8Array> {
  const pictures = Array.from({ length: MOMENTS }, (_, k) => {
    const shown = table.frameAt(table.start(0) + ((k + 0.5) / MOMENTS) * table.duration);
    return [Math.max(0, shown - 1), shown, Math.min(shown + 1, table.length - 1)];
  }).flat();
  const cells = new Map<number, Uint8Array>();
  for await (const frame of frames(file, table, pictures, { ...options, maxEdge: DECODED_EDGE }))
    cells.set(frame.index, averaged(frame));
  const look = new Uint8Array(LOOK_BYTES);
  for (const [k, index] of pictures.entries()) look.set(cells.get(index)!, k * PICTURE_BYTES);
  return look;
}

/** Mean of all values. */
export function meanOf(look: Uint8Array): number {
  let sum = 0;
  for (const value of look) sum += value;
  return sum / look.length;
}

/** Whether two looks are those of one video. Of two frame rates all frames of the lower are (nearly) among those of the higher. */
export function sameLook(a: Uint8Array, b: Uint8Array): boolean {
  return isAmong(a, b) || isAmong(b, a);
}

/** Whether what `a` shows at each moment is what `b` shows then, just before or just after. */
function isAmong(a: Uint8Array, b: Uint8Array): boolean {
  let strong = 0;
  let squares = 0;
  for (let moment = 0; moment < LOOK_BYTES; moment += PICTURES * PICTURE_BYTES) {
    let best = { strong: Infinity, squares: Infinity };
    for (let k = 0; k < PICTURES; k++) {
      const far = difference(a, moment + SHOWN * PICTURE_BYTES, b, moment + k * PICTURE_BYTES);
      if (far.squares < best.squares) best = far;
    }
    strong += best.strong;
    squares += best.squares;
    if (strong > STRONG_ALLOWED) return false;
  }
  return Math.sqrt(squares / (MOMENTS * PICTURE_BYTES)) <= RMS_ALLOWED;
}

/** Of the picture at byte `i` of `a` to that at byte `j` of `b`: values that differ strongly, and the sum of all squares. */
function difference(a: Uint8Array, i: number, b: Uint8Array, j: number): { strong: number; squares: number } {
  let strong = 0;
  let squares = 0;
  for (const end = i + PICTURE_BYTES; i < end; i++, j++) {
    const levels = a[i] - b[j];
    squares += levels * levels;
    if (levels > STRONG || levels < -STRONG) strong++;
  }
  return { strong, squares };
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
