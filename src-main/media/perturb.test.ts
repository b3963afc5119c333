/** @file Recipes: what each step does, that the same seed gives the same bytes, and vectors that pin those bytes for good. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layerRects, planPerturbation } from '../contract/perturb.ts';
import { DEFAULT_RECIPE, Recipe, type RecipeInput } from '../contract/recipe.ts';
import type { RgbImage } from '../models/pixels.ts';
import { drawLayers, perturbFrames } from './perturb.ts';

/** MD5 of the perturbed frames. A change here means that recorded recipes no longer reproduce their videos. */
const VECTORS = {
  untouched: 'f05c6bfb67c21c6897acb721b01fb290',
  default: '9d6d7afd4fe28f6672b7510cbe1cf692',
  noise: 'b3cf1197e6a0d882acabe9e5e9d567f0',
  patches: '6a90ab619a4771f9a3e93e9e8afa76e9',
  drop: '2b3fff17592782fafefd3072b1a68a87',
  blank: '30d5ec707b375f838b52011c216f7902',
};
const ORDERS = { local: [2, 3, 0, 1, 5, 4, 6, 7], global: [4, 0, 3, 2, 6, 7, 1, 5] };

const clip = (n: number, width = 32, height = 20): RgbImage[] =>
  Array.from({ length: n }, (_, f) => ({
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + f * 31) % 251),
    width,
    height,
  }));
const order = (recipe: RecipeInput, seed: number, n: number): number[] =>
  planPerturbation(recipe, seed, n).map((frame) => frame.source);
const digest = (images: RgbImage[]): string => {
  const hash = createHash('md5');
  for (const image of images) hash.update(image.data);
  return hash.digest('hex');
};

test('vectors: recipe, seed and frames give these bytes, on every machine and in every version', () => {
  const frames = clip(8);
  const bytes = (recipe: RecipeInput, seed: number): string =>
    digest(perturbFrames(frames, planPerturbation(recipe, seed, 8)));
  expect({
    untouched: bytes([], 1),
    default: bytes(DEFAULT_RECIPE, 1),
    noise: bytes([{ op: 'mask', fill: 'noise', span: 'frame' }], 2),
    patches: bytes([{ op: 'mask', shape: 'patches', fill: 'mean' }], 3),
    drop: bytes([{ op: 'drop' }, { op: 'reverse' }], 4),
    blank: bytes([{ op: 'blank', fill: 'noise' }], 5),
  }).toEqual(VECTORS);
  expect(order([{ op: 'shuffle' }], 7, 8)).toEqual(ORDERS.local);
  expect(order([{ op: 'shuffle', scope: 'global' }], 7, 8)).toEqual(ORDERS.global);
});

test('the default is one block in the same place in every frame, a quarter to a half of the area, and a local shuffle', () => {
  for (let seed = 0; seed < 40; seed++) {
    const plan = planPerturbation(DEFAULT_RECIPE, seed, 16);
    const places = new Set(plan.map(({ layers }) => JSON.stringify(layerRects(layers[0], 316, 204))));
    expect(places.size).toBe(1);
    const [{ x, y, width, height }] = layerRects(plan[0].layers[0], 316, 204);
    const share = (width * height) / (316 * 204);
    expect(share).toBeGreaterThan(0.245);
    expect(share).toBeLessThan(0.505);
    expect(x >= 0 && y >= 0 && x + width <= 316 && y + height <= 204).toBe(true);
    plan.forEach(({ source }, i) => expect(source >> 2).toBe(i >> 2)); // stays in its window of four
  }
});

test('a mask changes exactly the pixels of its rectangles, and never the input', () => {
  const [image] = clip(1, 40, 30);
  const before = image.data.slice();
  const [{ layers }] = planPerturbation([{ op: 'mask', fill: [1, 2, 3] }], 5, 1);
  const { data } = drawLayers(image, layers);
  expect(image.data).toEqual(before);
  const [{ x, y, width, height }] = layerRects(layers[0], 40, 30);
  for (let row = 0; row < 30; row++)
    for (let column = 0; column < 40; column++) {
      const i = (row * 40 + column) * 3;
      const inside = column >= x && column < x + width && row >= y && row < y + height;
      expect([...data.subarray(i, i + 3)]).toEqual(inside ? [1, 2, 3] : [...before.subarray(i, i + 3)]);
    }
});

test('frame masks move from frame to frame; patches cover their share of cells', () => {
  const moving = planPerturbation([{ op: 'mask', span: 'frame' }], 1, 12);
  expect(new Set(moving.map(({ layers }) => JSON.stringify(layerRects(layers[0], 100, 100)))).size).toBe(12);
  const [{ layers }] = planPerturbation(
    [{ op: 'mask', shape: 'patches', ratio: [0.3, 0.3], grid: 10 }],
    1,
    1,
  );
  expect(layerRects(layers[0], 97, 53)).toHaveLength(30);
});

test('reverse, freeze, drop, blank', () => {
  expect(order([{ op: 'reverse' }], 0, 4)).toEqual([3, 2, 1, 0]);
  expect(order([{ op: 'freeze' }], 0, 5)).toEqual([2, 2, 2, 2, 2]);
  expect(order([{ op: 'freeze', at: 'last' }], 0, 3)).toEqual([2, 2, 2]);
  expect(order([{ op: 'drop', ratio: 0.5, replace: 'remove' }], 3, 8)).toHaveLength(4);
  expect(order([{ op: 'drop', ratio: 1, replace: 'remove' }], 3, 8)).toHaveLength(1);
  const repeated = order([{ op: 'drop', ratio: 0.5 }], 3, 8);
  expect(repeated).toHaveLength(8);
  expect(new Set(repeated).size).toBe(4);
  const blank = perturbFrames(clip(2), planPerturbation([{ op: 'blank', fill: [9, 9, 9] }], 0, 2));
  expect(blank.every(({ data }) => data.every((byte) => byte === 9))).toBe(true);
});

test('any recipe: indices stay in range, a shuffle is a permutation that differs, and the plan survives JSON', () => {
  const step = fc.oneof(
    fc.record({
      op: fc.constant('mask' as const),
      shape: fc.constantFrom('block' as const, 'patches' as const),
    }),
    fc.record({
      op: fc.constant('shuffle' as const),
      scope: fc.constantFrom('local' as const, 'global' as const),
    }),
    fc.record({
      op: fc.constantFrom('reverse' as const, 'drop' as const, 'freeze' as const, 'blank' as const),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 4 }),
      fc.nat(),
      fc.integer({ min: 1, max: 24 }),
      (recipe, seed, n) => {
        const plan = planPerturbation(recipe, seed, n);
        expect(plan).toHaveLength(n);
        expect(plan.every(({ source }) => source >= 0 && source < n)).toBe(true);
        const frames = clip(n, 6, 5);
        const stored = JSON.parse(JSON.stringify(plan)) as typeof plan;
        expect(digest(perturbFrames(frames, stored))).toBe(digest(perturbFrames(frames, plan)));
        const shuffled = order([{ op: 'shuffle', scope: 'global' }], seed, n);
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        if (n > 1) expect(shuffled).not.toEqual(shuffled.toSorted((a, b) => a - b));
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});

test('one step changed leaves the draws of the others', () => {
  const a = planPerturbation([{ op: 'shuffle' }, { op: 'mask' }], 9, 8);
  const b = planPerturbation([{ op: 'reverse' }, { op: 'mask' }], 9, 8);
  expect(b.map(({ layers }) => layers)).toEqual(a.map(({ layers }) => layers));
});

test('a bad recipe is refused with the place', () => {
  expect(() => Recipe.parse([{ op: 'mask', ratio: [0.5, 0.25] }])).toThrow('least share before the most');
  expect(() => Recipe.parse([{ op: 'melt' }])).toThrow('op');
});

test('what is drawn leaves the frame as it was, also where its bytes are a Buffer, as decoded frames are', () => {
  const bytes = clip(1)[0].data;
  const frame = { data: Buffer.from(bytes), width: 32, height: 20 };
  const plan = planPerturbation([{ op: 'freeze' }, { op: 'mask', span: 'frame' }], 5, 3);
  const shown = perturbFrames([frame, frame, frame], plan);
  expect(Uint8Array.from(frame.data)).toEqual(bytes);
  // Each has its own mask alone, not those before it as well.
  const own = plan.map(({ layers }) => drawLayers({ ...frame, data: bytes }, layers).data);
  expect(shown.map(({ data }) => data)).toEqual(own);
});
