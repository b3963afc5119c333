/** @file Filmstrips for the timeline: evenly spaced thumbnails side by side in one picture file. */
import { writeFileAtomic } from '../platform/files.ts';
import { frames, openVideo, type DecodeOptions } from './decode.ts';
import { encodeStill } from './ffmpeg.ts';
import { readOrientation, turnedSize } from './orientation.ts';
import type { FrameIndex, PtsTable } from './pts.ts';

/** A picture of `indices.length` tiles in one row; tile k shows frame `indices[k]`. Sizes in pixels. */
export type Filmstrip = { indices: FrameIndex[]; tileWidth: number; tileHeight: number };

export type FilmstripOptions = Omit<DecodeOptions, 'maxEdge' | 'jump'> & {
  /** @default 24 */
  tiles?: number;
  /** Height of a tile. @default 72 */
  height?: number;
  /** @default 'jpeg' */
  format?: 'jpeg' | 'webp';
};

/** The frame in the middle of each of `tiles` equal stretches of time. */
export function filmstripIndices(table: PtsTable, tiles: number): FrameIndex[] {
  const start = table.start(0);
  return Array.from({ length: tiles }, (_, k) => table.frameAt(start + ((k + 0.5) / tiles) * table.duration));
}

/** Writes the filmstrip of a video to `output`, whole or not at all. @throws as {@link frames} */
export async function makeFilmstrip(
  file: string,
  table: PtsTable,
  output: string,
  { tiles = 24, height = 72, format = 'jpeg', ...options }: FilmstripOptions = {},
): Promise<Filmstrip> {
  const indices = filmstripIndices(table, tiles);
  const full = uprightSize(file);
  // Decoded small: the longest edge that gives tiles of this height, even for the encoders' halved colour planes.
  const tileHeight = Math.min(height, full.height) & ~1 || 2;
  const tileWidth = Math.max(2, Math.round((full.width * tileHeight) / full.height) & ~1);
  const maxEdge = Math.max(tileWidth, tileHeight);
  const strip = new Uint8Array(tiles * tileWidth * tileHeight * 3);
  for await (const frame of frames(file, table, indices, { ...options, maxEdge }))
    indices.forEach((index, k) => {
      if (index === frame.index)
        placeTile(strip, tiles * tileWidth, k * tileWidth, tileWidth, tileHeight, frame);
    });
  await writeFileAtomic(output, encodeStill(strip, tiles * tileWidth, tileHeight, format));
  return { indices, tileWidth, tileHeight };
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

/** Copies a frame into the strip at column `left`; frames a pixel larger or smaller than the tile are cut or extended at the edge. */
function placeTile(
  strip: Uint8Array,
  stripWidth: number,
  left: number,
  tileWidth: number,
  tileHeight: number,
  frame: { data: Uint8Array; width: number; height: number },
): void {
  for (let y = 0; y < tileHeight; y++) {
    const row = Math.min(y, frame.height - 1) * frame.width;
    for (let x = 0; x < tileWidth; x++) {
      const s = (row + Math.min(x, frame.width - 1)) * 3;
      const o = (y * stripWidth + left + x) * 3;
      strip[o] = frame.data[s];
      strip[o + 1] = frame.data[s + 1];
      strip[o + 2] = frame.data[s + 2];
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
