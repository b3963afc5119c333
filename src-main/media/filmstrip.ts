/** @file Filmstrips for the timeline, a strip at a time: any length of video shows its first pictures after a few seeks. */
import { STRIP_CELLS, STRIP_HEIGHT } from '../contract/filmstrip.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { frames, openVideo, type DecodeOptions } from './decode.ts';
import { encodeStill } from './ffmpeg.ts';
import { readOrientation, turnedSize } from './orientation.ts';
import type { FrameIndex, PtsTable } from './pts.ts';

/** A picture of {@link STRIP_CELLS} cells in one row; cell k shows frame `indices[k]`, cells past the end are black. Sizes in pixels. */
export type Filmstrip = { indices: FrameIndex[]; cellWidth: number; cellHeight: number };

/** Which strip: cells `strip * STRIP_CELLS` and on at this stride, as `contract/filmstrip.ts` numbers them. */
export type StripPlace = { stride: number; strip: number };

/**
 * The frame that stands for each cell of a strip: the first keyframe among the cell's frames, because that is what a seek finds
 * without decoding others; the first frame where there is no keyframe.
 */
export function stripIndices(table: PtsTable, { stride, strip }: StripPlace): FrameIndex[] {
  const out: FrameIndex[] = [];
  for (let cell = strip * STRIP_CELLS; cell < (strip + 1) * STRIP_CELLS; cell++) {
    const first = cell * stride;
    if (first >= table.length) break;
    const key = table.keyFrom(first);
    out.push(key !== undefined && key < first + stride ? key : table.index(first));
  }
  return out;
}

/** Writes one strip of a video to `output` as JPEG, whole or not at all. @throws as {@link frames} */
export async function makeStrip(
  file: string,
  table: PtsTable,
  place: StripPlace,
  output: string,
  options: Pick<DecodeOptions, 'signal'> = {},
): Promise<Filmstrip> {
  const indices = stripIndices(table, place);
  const full = uprightSize(file);
  // Decoded small: the longest edge that gives cells of this height, even for the encoder's halved colour planes.
  const cellHeight = Math.min(STRIP_HEIGHT, full.height) & ~1 || 2;
  const cellWidth = Math.max(2, Math.round((full.width * cellHeight) / full.height) & ~1);
  const maxEdge = Math.max(cellWidth, cellHeight);
  const picture = new Uint8Array(STRIP_CELLS * cellWidth * cellHeight * 3);
  for await (const frame of frames(file, table, indices, { ...options, maxEdge }))
    placeCell(picture, indices.indexOf(frame.index) * cellWidth, cellWidth, cellHeight, frame);
  await writeFileAtomic(output, encodeStill(picture, STRIP_CELLS * cellWidth, cellHeight, 'jpeg'));
  return { indices, cellWidth, cellHeight };
}

function uprightSize(file: string): { width: number; height: number } {
  const source = openVideo(file);
  try {
    const { width, height, displayMatrix } = source.info;
    return turnedSize(width, height, readOrientation(displayMatrix).value);
  } finally {
    source.close();
  }
}

/** Copies a frame into a strip at column `left`; frames a pixel larger or smaller than the cell are cut or extended at the edge. */
function placeCell(
  strip: Uint8Array,
  left: number,
  cellWidth: number,
  cellHeight: number,
  frame: { data: Uint8Array; width: number; height: number },
): void {
  for (let y = 0; y < cellHeight; y++) {
    const row = Math.min(y, frame.height - 1) * frame.width;
    for (let x = 0; x < cellWidth; x++) {
      const s = (row + Math.min(x, frame.width - 1)) * 3;
      strip.set(frame.data.subarray(s, s + 3), (y * STRIP_CELLS * cellWidth + left + x) * 3);
    }
  }
}

/** One frame as a picture file's bytes, for previews. */
export function frameToPicture(
  frame: { data: Uint8Array; width: number; height: number },
  format: 'jpeg' | 'webp' = 'jpeg',
  quality = 85,
): Buffer {
  return encodeStill(frame.data, frame.width, frame.height, format, quality);
}
