/**
 * @file What a recipe and a seed make of a clip, as a plan: which frame goes where, and what covers it. Plain JSON, drawn by
 * `media/perturb.ts`. Services and window make the same plan from the same code: equal recipe, seed and number of frames, equal plan,
 * on every machine.
 */
import { Random, type Seed } from './random.ts';
import { Recipe, type Fill, type RecipeInput, type RecipeStep } from './recipe.ts';

/** What hides a part of a frame. Places are shares of the frame, so that one plan serves any size. */
export type Layer =
  | { shape: 'block'; area: number; u: number; v: number; fill: Fill; noise: string }
  | { shape: 'patches'; grid: number; cells: number[]; fill: Fill; noise: string }
  | { shape: 'all'; fill: Fill; noise: string };

/** One frame of the perturbed clip: which of the given frames it shows, and what covers it, first layer first. */
export type PlannedFrame = { source: number; layers: Layer[] };

/** A rectangle in pixels. */
export type Rect = { x: number; y: number; width: number; height: number };

/**
 * Seed of a recipe for one video, named by its hash: each clip is broken in its own way, and the number alone (it is part of the provenance)
 * makes the same frames again.
 */
export function videoSeed(seed: number, sha256: string): number {
  return new Random(`${seed}/${sha256}`).uint32();
}

/**
 * What becomes of `n` frames. The plan has as many frames, unless a step removes some.
 * @throws ZodError for a recipe that is none
 */
export function planPerturbation(recipe: RecipeInput, seed: Seed, n: number): PlannedFrame[] {
  if (!Number.isInteger(n) || n < 1)
    throw new RangeError(`internal: perturbation: expected at least one frame, got ${n}`);
  let clip: PlannedFrame[] = Array.from({ length: n }, (_, source) => ({ source, layers: [] }));
  const random = new Random(seed);
  // Each step has its own stream, named by its place: changing one step leaves the draws of the others.
  Recipe.parse(recipe).forEach((step, i) => (clip = applyStep(clip, step, random.fork(`step ${i}`))));
  return clip;
}

function applyStep(clip: PlannedFrame[], step: RecipeStep, random: Random): PlannedFrame[] {
  switch (step.op) {
    case 'mask': {
      const tube = drawMask(step, random.fork('tube'));
      return clip.map((frame, i) => {
        const layer = step.span === 'tube' ? tube : drawMask(step, random.fork(`frame ${i}`));
        return { ...frame, layers: [...frame.layers, layer] };
      });
    }
    case 'shuffle': {
      const window = step.scope === 'global' ? clip.length : step.window;
      const out: PlannedFrame[] = [];
      for (let i = 0; i < clip.length; i += window) out.push(...reorder(clip.slice(i, i + window), random));
      return out;
    }
    case 'reverse':
      return clip.toReversed();
    case 'drop': {
      const lost = Math.min(Math.round(step.ratio * clip.length), clip.length - 1);
      const places = random.shuffle(clip.map((_, i) => i)).slice(lost);
      const kept = new Set(places);
      if (step.replace === 'remove') return clip.filter((_, i) => kept.has(i));
      // Frames before the first kept one show that one.
      let shown = clip[Math.min(...places)];
      return clip.map((frame, i) => (shown = kept.has(i) ? frame : shown));
    }
    case 'freeze': {
      const last = clip.length - 1;
      const at = { first: 0, middle: clip.length >> 1, last, random: random.int(clip.length) }[step.at];
      return clip.map(() => clip[at]);
    }
    case 'blank':
      return clip.map((frame, i) => ({
        ...frame,
        layers: [{ shape: 'all', fill: step.fill, noise: noiseName(random.fork(`frame ${i}`)) }],
      }));
    default:
      return step satisfies never;
  }
}

/** A shuffle that changes the order of places (not necessarily of what is seen: a frozen clip stays frozen), when there are two or more. */
function reorder<T>(items: T[], random: Random): T[] {
  if (items.length < 2) return items;
  for (;;) {
    const places = random.shuffle(items.map((_, i) => i));
    if (places.some((place, i) => place !== i)) return places.map((place) => items[place]);
  }
}

const noiseName = (random: Random): string => `noise ${random.uint32()} ${random.uint32()}`;

function drawMask(step: Extract<RecipeStep, { op: 'mask' }>, random: Random): Layer {
  const [low, high] = step.ratio;
  const area = random.between(low, high);
  const noise = noiseName(random);
  if (step.shape === 'block')
    return { shape: 'block', area, u: random.float(), v: random.float(), fill: step.fill, noise };
  const cells = Array.from({ length: step.grid * step.grid }, (_, i) => i);
  const covered = random.shuffle(cells).slice(0, Math.round(area * cells.length));
  return { shape: 'patches', grid: step.grid, cells: covered.sort((a, b) => a - b), fill: step.fill, noise };
}

/** Where a layer lies in a frame of this size, in pixels. A block is a square of the wanted area, or as square as the frame allows. */
export function layerRects(layer: Layer, width: number, height: number): Rect[] {
  switch (layer.shape) {
    case 'all':
      return [{ x: 0, y: 0, width, height }];
    case 'block': {
      const area = layer.area * width * height;
      const side = Math.sqrt(area);
      const w = side > height ? Math.round(area / height) : Math.min(width, Math.round(side));
      const h = w > 0 ? Math.min(height, Math.round(area / w)) : 0;
      return [
        {
          x: Math.floor(layer.u * (width - w + 1)),
          y: Math.floor(layer.v * (height - h + 1)),
          width: w,
          height: h,
        },
      ];
    }
    case 'patches':
      return layer.cells.map((cell) => {
        const column = cell % layer.grid;
        const row = (cell - column) / layer.grid;
        const x = Math.floor((column * width) / layer.grid);
        const y = Math.floor((row * height) / layer.grid);
        return {
          x,
          y,
          width: Math.floor(((column + 1) * width) / layer.grid) - x,
          height: Math.floor(((row + 1) * height) / layer.grid) - y,
        };
      });
    default:
      return layer satisfies never;
  }
}
