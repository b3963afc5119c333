/**
 * @file How a timeline's pictures are numbered, for both sides: at stride s, cell c stands for the frames c s to (c + 1) s - 1, and a
 * strip is one picture file of {@link STRIP_CELLS} cells side by side. Strides are powers of two; at stride 1 each frame has its cell.
 */

/** Cells of one strip. */
export const STRIP_CELLS = 16;
/** Height of a cell in pixels: a timeline's strip on a screen of two pixels a point. */
export const STRIP_HEIGHT = 72;

/** The largest stride that can be asked for: one cell for the longest clip. */
const MOST_STRIDE = 2 ** 30;

/** Is this a stride that strips are made at? */
export function isStride(stride: number): boolean {
  return (
    Number.isInteger(stride) && stride >= 1 && stride <= MOST_STRIDE && Number.isInteger(Math.log2(stride))
  );
}

/** The largest stride of at most `frames` frames. */
export function strideWithin(frames: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, frames)));
}
