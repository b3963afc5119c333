/**
 * @file Clips whose every frame carries its own number as pixels: twelve black or white blocks for the bits, and twelve that
 * show their opposite, so that a picture between two frames, a wrong crop or a masked block is told from a number.
 */
import { encodeVideo, type EncodeOptions, type TimedRgb } from '../src-main/media/encode.ts';

/** Bits of a number: frames 0 to 4095. */
export const BITS = 12;
/** Blocks in a row; two rows of bits, two rows of their opposites. */
const COLUMNS = 6;
/** Pixels a side of a block. */
export const BLOCK = 16;
export const WIDTH = COLUMNS * BLOCK;
export const HEIGHT = ((2 * BITS) / COLUMNS) * BLOCK;

/** RGB bytes [HEIGHT, WIDTH, 3] of the picture that says `number`. */
export function numberPicture(number: number): Uint8Array {
  const rgb = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const block = Math.floor(y / BLOCK) * COLUMNS + Math.floor(x / BLOCK);
      const bit = ((number >> (block % BITS)) & 1) === 1;
      rgb.fill(bit === block < BITS ? 235 : 20, (y * WIDTH + x) * 3, (y * WIDTH + x) * 3 + 3);
    }
  return rgb;
}

/**
 * Writes an H.264 MP4 of `count` numbered frames; `tick` gives the timestamp of frame i.
 * @returns when each frame is shown, in seconds
 */
export async function writeNumbered(
  file: string,
  count: number,
  { tick, first = 0, ...options }: { tick: (i: number) => number; first?: number } & Partial<EncodeOptions>,
): Promise<number[]> {
  const timeBase = options.timeBase ?? { num: 1, den: 1000 };
  function* pictures(): Generator<TimedRgb> {
    for (let i = 0; i < count; i++)
      yield {
        rgb: numberPicture(first + i),
        pts: tick(i),
        duration: i + 1 < count ? tick(i + 1) - tick(i) : tick(i) - tick(i - 1),
      };
  }
  await encodeVideo(file, pictures(), {
    codec: 'h264',
    width: WIDTH,
    height: HEIGHT,
    preset: 'ultrafast',
    quality: 24,
    gop: 30,
    threads: 0,
    ...options,
    timeBase,
  });
  return Array.from({ length: count }, (_, i) => (tick(i) * timeBase.num) / timeBase.den);
}
