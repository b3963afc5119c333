/** @file Rotation and mirroring that a file asks players to apply (its display matrix), and applying them to RGB frames. */
import type { RgbImage } from '../models/pixels.ts';

/** How stored pixels are turned to be seen upright: first mirrored left to right if `mirrored`, then turned clockwise. */
export type Orientation = { degrees: 0 | 90 | 180 | 270; mirrored: boolean };

/** Stored as shown. */
const UPRIGHT: Orientation = { degrees: 0, mirrored: false };

/** The point (x, y) goes to (a x + c y, b x + d y); each of the eight right-angled ones by its numbers. */
const TURNS: Record<string, Orientation> = {
  '1 0 0 1': UPRIGHT,
  '0 1 -1 0': { degrees: 90, mirrored: false },
  '-1 0 0 -1': { degrees: 180, mirrored: false },
  '0 -1 1 0': { degrees: 270, mirrored: false },
  '-1 0 0 1': { degrees: 0, mirrored: true },
  '0 -1 -1 0': { degrees: 90, mirrored: true },
  '1 0 0 -1': { degrees: 180, mirrored: true },
  '0 1 1 0': { degrees: 270, mirrored: true },
};

/**
 * Reads a display matrix: nine numbers a b u c d v x y w, 16.16 fixed point. Angles that are not right angles cannot be applied to
 * pixels without inventing some: the frames stay as stored, and `reason` says so.
 */
export function readOrientation(matrix: Int32Array | null): { value: Orientation; reason: string } {
  if (!matrix) return { value: UPRIGHT, reason: 'the file asks for no rotation' };
  const [a, b, , c, d] = matrix;
  const unit = Math.max(Math.abs(a), Math.abs(b), Math.abs(c), Math.abs(d));
  const found = unit > 0 ? TURNS[[a, b, c, d].map((v) => Math.round(v / unit) || 0).join(' ')] : undefined;
  const straight = [a, b, c, d].every((v) => Math.abs(v) < 0.01 * unit || Math.abs(v) > 0.99 * unit);
  if (!found || !straight) {
    const degrees = Math.round((Math.atan2(b, a) * 180) / Math.PI);
    return {
      value: UPRIGHT,
      reason: `the file asks for ${degrees} degrees, which is not a right angle: not applied`,
    };
  }
  return {
    value: found,
    reason: `the file asks for ${found.degrees} degrees clockwise${found.mirrored ? ', mirrored' : ''}`,
  };
}

/** Width and height after turning. */
export function turnedSize(width: number, height: number, o: Orientation): { width: number; height: number } {
  return o.degrees % 180 ? { width: height, height: width } : { width, height };
}

/** A frame turned upright; the same object when there is nothing to do. */
export function turn(image: RgbImage, { degrees, mirrored }: Orientation): RgbImage {
  if (degrees === 0 && !mirrored) return image;
  const { data, width: w, height: h } = image;
  const { width, height } = turnedSize(w, h, { degrees, mirrored });
  const out = new Uint8Array(data.length);
  // Where stored pixel (0, 0) lands, and the steps of one pixel to the right and one down.
  const [origin, right, down] = {
    0: [0, 1, width],
    90: [width - 1, width, -1],
    180: [width * height - 1, -1, -width],
    270: [(height - 1) * width, -width, 1],
  }[degrees];
  for (let y = 0, s = 0; y < h; y++)
    for (let x = 0; x < w; x++, s += 3) {
      const o = (origin + (mirrored ? w - 1 - x : x) * right + y * down) * 3;
      out[o] = data[s];
      out[o + 1] = data[s + 1];
      out[o + 2] = data[s + 2];
    }
  return { data: out, width, height };
}
