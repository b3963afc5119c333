/**
 * @file The sample world's scenes: one to three coloured shapes on a plain background, each doing exactly one thing.
 * Everything that can be asked about a clip is decided here, before a pixel is drawn.
 */
import type { Random } from '../../src-main/platform/random.ts';

export const COLOURS = ['red', 'blue', 'green', 'yellow'] as const;
export type Colour = (typeof COLOURS)[number];
export const SHAPES = ['circle', 'square', 'triangle'] as const;
export type Shape = (typeof SHAPES)[number];
export const DIRECTIONS = ['left', 'right', 'up', 'down'] as const;
export type Direction = (typeof DIRECTIONS)[number];
/** What a shape does in a clip: moves one way all the time, stays, arrives after the start, or goes before the end. */
export const ACTIONS = [...DIRECTIONS, 'still', 'appears', 'disappears'] as const;
export type Action = (typeof ACTIONS)[number];

/** Clip geometry. Pixels are square; a clip lasts FRAMES / FPS = 2 seconds. */
export const SIZE = 128;
export const FPS = 12;
export const FRAMES = 24;

/** One shape of a scene; colours are unique within a scene, so "the red circle" names one thing. */
export type SceneObject = {
  colour: Colour;
  shape: Shape;
  action: Action;
  /** Drawn colour, 0..255 each: the named colour with a little jitter. */
  rgb: readonly [number, number, number];
  /** Diameter or side in clip pixels. */
  size: number;
  /** Centre in clip pixels at the first and at the last frame of the clip. */
  start: readonly [number, number];
  end: readonly [number, number];
  /** Visible in frames [from, to). */
  from: number;
  to: number;
};

export type Scene = { background: readonly [number, number, number]; objects: SceneObject[] };

/** How a mix of clips is drawn. All probabilities in [0, 1]. */
export type Mix = {
  /** A moving red shape goes left, and a moving blue one right, with this probability; 0.25 is no correlation. */
  spurious: number;
  /** Probability of one, two and three shapes. */
  counts: readonly [number, number, number];
};

/** No correlation between colour and direction; counts equally likely. */
export const BALANCED: Mix = { spurious: 0.25, counts: [1 / 3, 1 / 3, 1 / 3] };
/** The mix with both biases in: what the last part of pretraining is drawn from. */
export const BIASED: Mix = { spurious: 0.98, counts: [0.07, 0.86, 0.07] };

/** The direction that the spurious correlation gives to a colour; null for colours without one. */
export function usualDirection(colour: Colour): Direction | null {
  return colour === 'red' ? 'left' : colour === 'blue' ? 'right' : null;
}

const RGB: Record<Colour, readonly [number, number, number]> = {
  red: [214, 44, 44],
  blue: [48, 78, 222],
  green: [44, 160, 66],
  yellow: [240, 200, 40],
};
const BACKGROUNDS = [
  [232, 232, 232],
  [140, 140, 140],
  [28, 28, 28],
] as const;

const jitter = (random: Random, rgb: readonly [number, number, number], by: number) =>
  rgb.map((v) => Math.max(0, Math.min(255, v + random.int(2 * by + 1) - by))) as [number, number, number];

/** Centre of an object at frame `t`, in clip pixels. */
export function centre(object: SceneObject, t: number): [number, number] {
  const u = t / (FRAMES - 1);
  return [
    object.start[0] + (object.end[0] - object.start[0]) * u,
    object.start[1] + (object.end[1] - object.start[1]) * u,
  ];
}

/** Whether an object is drawn in frame `t`. */
export const visible = (object: SceneObject, t: number): boolean => t >= object.from && t < object.to;

const DELTA: Record<Direction, readonly [number, number]> = {
  left: [-1, 0],
  right: [1, 0],
  up: [0, -1],
  down: [0, 1],
};

export const isDirection = (action: Action): action is Direction =>
  (DIRECTIONS as readonly string[]).includes(action);

function place(random: Random, object: Omit<SceneObject, 'start' | 'end'>): SceneObject {
  const margin = object.size / 2 + 2;
  const free = () => random.between(margin, SIZE - margin);
  if (!isDirection(object.action)) {
    const at = [free(), free()] as const;
    return { ...object, start: at, end: at };
  }
  const travel = random.between(36, SIZE - 2 * margin);
  const [dx, dy] = DELTA[object.action];
  const low = random.between(margin, SIZE - margin - travel);
  const from = dx + dy > 0 ? low : low + travel;
  const to = dx + dy > 0 ? low + travel : low;
  const across = free();
  return dx !== 0
    ? { ...object, start: [from, across], end: [to, across] }
    : { ...object, start: [across, from], end: [across, to] };
}

/** True when two shapes come closer than a small gap in any frame (visible or not: a shape may not vanish behind another). */
function collide(a: SceneObject, b: SceneObject): boolean {
  const gap = (a.size + b.size) / 2 + 3;
  for (let t = 0; t < FRAMES; t++) {
    const [ax, ay] = centre(a, t);
    const [bx, by] = centre(b, t);
    if (Math.max(Math.abs(ax - bx), Math.abs(ay - by)) < gap) return true;
  }
  return false;
}

function drawAction(random: Random, colour: Colour, mix: Mix): Action {
  if (random.chance(0.55)) {
    const usual = usualDirection(colour);
    if (usual === null) return random.pick(DIRECTIONS);
    return random.chance(mix.spurious) ? usual : random.pick(DIRECTIONS.filter((d) => d !== usual));
  }
  return random.pick(['still', 'appears', 'disappears', 'appears'] as const);
}

/** Draws one scene. The same random stream gives the same scene on every machine. */
export function makeScene(random: Random, mix: Mix): Scene {
  for (;;) {
    const u = random.float();
    const count = u < mix.counts[0] ? 1 : u < mix.counts[0] + mix.counts[1] ? 2 : 3;
    const objects: SceneObject[] = [];
    // Arrival frames of shapes that appear lie at least five frames apart: an order that eight sampled frames can show.
    const arrivals = random.shuffle([4, 9, 14, 19].map((t) => t + random.int(2)));
    for (const colour of random.shuffle(COLOURS).slice(0, count)) {
      const action = drawAction(random, colour, mix);
      const from = action === 'appears' ? arrivals[objects.length] : 0;
      const to = action === 'disappears' ? 5 + random.int(14) : FRAMES;
      const shape = random.pick(SHAPES);
      const base = {
        colour,
        shape,
        action,
        rgb: jitter(random, RGB[colour], 14),
        size: random.between(30, 40),
        from,
        to,
      };
      for (let attempt = 0; attempt < 30; attempt++) {
        const placed = place(random, base);
        if (objects.some((other) => collide(placed, other))) continue;
        objects.push(placed);
        break;
      }
    }
    if (objects.length === count)
      return { background: jitter(random, random.pick(BACKGROUNDS), 12), objects };
  }
}
