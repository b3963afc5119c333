/**
 * @file Auxiliary targets of pretraining, straight from the scene: what is in each patch, where each colour is in each frame,
 * and what each colour has done so far. They train the tower and the decoder's first layers; their heads are thrown away.
 */
import { coverage } from '../../resources/world/render.ts';
import {
  centre,
  COLOURS,
  isDirection,
  SHAPES,
  SIZE,
  visible,
  type Scene,
  type SceneObject,
} from '../../resources/world/scene.ts';
import { IMAGE, PATCH } from './model-files.ts';

/** Patches a side of the square. */
export const GRID = IMAGE / PATCH;
/** Per patch: background and the four colours; background and the three shapes. */
export const PATCH_COLOURS = 1 + COLOURS.length;
export const PATCH_SHAPES = 1 + SHAPES.length;
/** Per frame and colour: whether it is there, x, y (each -1..1), one-hot shape. */
export const FRAME_FIELDS = 3 + SHAPES.length;
/** Per frame and colour: not seen yet, still since the start, moved left/right/up/down, arrived later, gone. */
export const STATES = 8;

const SUB = 3; // sample points a side of a patch

/**
 * Shares of each patch that background, colours and shapes cover: `colours` [GRID*GRID, PATCH_COLOURS], `shapes`
 * [GRID*GRID, PATCH_SHAPES], each row a distribution.
 */
export function patchTargets(scene: Scene, t: number, colours: Float32Array, shapes: Float32Array): void {
  const step = SIZE / GRID / SUB;
  const share = 1 / (SUB * SUB);
  colours.fill(0);
  shapes.fill(0);
  const objects = scene.objects
    .filter((o) => visible(o, t))
    .map((o) => ({
      o,
      at: centre(o, t),
      colour: 1 + COLOURS.indexOf(o.colour),
      shape: 1 + SHAPES.indexOf(o.shape),
    }));
  for (let sy = 0; sy < GRID * SUB; sy++)
    for (let sx = 0; sx < GRID * SUB; sx++) {
      const x = (sx + 0.5) * step;
      const y = (sy + 0.5) * step;
      const hit = objects.find(({ o, at }) => coverage(o.shape, x - at[0], y - at[1], o.size / 2) > 0.5);
      const patch = Math.floor(sy / SUB) * GRID + Math.floor(sx / SUB);
      colours[patch * PATCH_COLOURS + (hit?.colour ?? 0)] += share;
      shapes[patch * PATCH_SHAPES + (hit?.shape ?? 0)] += share;
    }
}

/** [COLOURS, FRAME_FIELDS] of frame `t`; all zeros for a colour that is not there. */
export function frameTargets(scene: Scene, t: number, out: Float32Array): void {
  out.fill(0);
  for (const o of scene.objects) {
    if (!visible(o, t)) continue;
    const at = COLOURS.indexOf(o.colour) * FRAME_FIELDS;
    const [x, y] = centre(o, t);
    out[at] = 1;
    out[at + 1] = (2 * x) / SIZE - 1;
    out[at + 2] = (2 * y) / SIZE - 1;
    out[at + 3 + SHAPES.indexOf(o.shape)] = 1;
  }
}

function stateOf(o: SceneObject, first: number, t: number): number {
  if (t < o.from) return 0;
  if (!visible(o, t)) return 7;
  if (o.from > first) return 6;
  const [x0, y0] = centre(o, first);
  const [x, y] = centre(o, t);
  if (!isDirection(o.action) || Math.hypot(x - x0, y - y0) < 4) return 1;
  return { left: 2, right: 3, up: 4, down: 5 }[o.action];
}

/** State (0..STATES-1) of each colour after each of the sampled `frames`, [frames, COLOURS]. */
export function stateTargets(scene: Scene, frames: readonly number[], out: Int32Array): void {
  frames.forEach((t, f) => {
    COLOURS.forEach((colour, c) => {
      const o = scene.objects.find((other) => other.colour === colour);
      out[f * COLOURS.length + c] = o === undefined ? 0 : stateOf(o, frames[0], t);
    });
  });
}

/** Index of the first sampled frame that shows each colour, or `frames.length` when none does; [COLOURS]. */
export function arrivalTargets(scene: Scene, frames: readonly number[], out: Int32Array): void {
  COLOURS.forEach((colour, c) => {
    const o = scene.objects.find((other) => other.colour === colour);
    const seen = o === undefined ? -1 : frames.findIndex((t) => visible(o, t));
    out[c] = seen === -1 ? frames.length : seen;
  });
}

/**
 * How far each colour has come since the first sampled frame that showed it: [frames, COLOURS, 3] of there (0 or 1), dx, dy; a shift
 * of a quarter of the clip is 1. A linear function of positions, so learned long before the states that follow from it.
 */
export function shiftTargets(scene: Scene, frames: readonly number[], out: Float32Array): void {
  out.fill(0);
  for (const o of scene.objects) {
    const first = frames.find((t) => visible(o, t));
    if (first === undefined) continue;
    const [x0, y0] = centre(o, first);
    frames.forEach((t, f) => {
      if (!visible(o, t)) return;
      const [x, y] = centre(o, t);
      const at = (f * COLOURS.length + COLOURS.indexOf(o.colour)) * 3;
      out[at] = 1;
      out[at + 1] = ((x - x0) * 4) / SIZE;
      out[at + 2] = ((y - y0) * 4) / SIZE;
    });
  }
}
