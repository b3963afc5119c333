/** @file Draws a scene into RGB frames: anti-aliased filled shapes, analytic coverage, no dependencies. */
import { centre, FRAMES, SIZE, visible, type Scene, type Shape } from './scene.ts';

const clamp01 = (v: number): number => (v < 0 ? 0 : v > 1 ? 1 : v);

/**
 * Coverage (0..1) of a pixel whose centre lies at (dx, dy) from the shape's centre; `half` is half its diameter or side.
 * The signed distance to the outline, clamped over one pixel, is close enough to exact area for edges this long.
 */
export function coverage(shape: Shape, dx: number, dy: number, half: number): number {
  switch (shape) {
    case 'circle':
      return clamp01(half - Math.hypot(dx, dy) + 0.5);
    case 'square':
      return clamp01(half - Math.abs(dx) + 0.5) * clamp01(half - Math.abs(dy) + 0.5);
    case 'triangle': {
      // Apex up: |dx| grows from 0 at the top (dy = -half) to half at the bottom (dy = +half). 2/sqrt(5): the slanted side's normal.
      const side = ((dy + half) / 2 - Math.abs(dx)) * 0.8944271909999159;
      return clamp01(side + 0.5) * clamp01(half - dy + 0.5);
    }
  }
}

/** Draws frame `t` of `scene` into `out` ([SIZE, SIZE, 3] uint8, row-major RGB). */
export function renderFrame(scene: Scene, t: number, out: Uint8Array): void {
  const [r, g, b] = scene.background;
  for (let i = 0; i < out.length; i += 3) {
    out[i] = r;
    out[i + 1] = g;
    out[i + 2] = b;
  }
  for (const object of scene.objects) {
    if (!visible(object, t)) continue;
    const [cx, cy] = centre(object, t);
    const half = object.size / 2;
    const x0 = Math.max(0, Math.floor(cx - half - 1));
    const x1 = Math.min(SIZE - 1, Math.ceil(cx + half + 1));
    const y0 = Math.max(0, Math.floor(cy - half - 1));
    const y1 = Math.min(SIZE - 1, Math.ceil(cy + half + 1));
    for (let y = y0; y <= y1; y++)
      for (let x = x0; x <= x1; x++) {
        const a = coverage(object.shape, x + 0.5 - cx, y + 0.5 - cy, half);
        if (a === 0) continue;
        const at = (y * SIZE + x) * 3;
        for (let c = 0; c < 3; c++) out[at + c] = Math.round(out[at + c] * (1 - a) + object.rgb[c] * a);
      }
  }
}

/** All frames of a scene, [FRAMES, SIZE, SIZE, 3] uint8. */
export function renderClip(scene: Scene): Uint8Array {
  const bytes = SIZE * SIZE * 3;
  const out = new Uint8Array(FRAMES * bytes);
  for (let t = 0; t < FRAMES; t++) renderFrame(scene, t, out.subarray(t * bytes, (t + 1) * bytes));
  return out;
}
