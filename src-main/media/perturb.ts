/**
 * @file Breaking a clip on purpose, reproducibly: the plan that a recipe and a seed make (`contract/perturb.ts`) becomes pixels. Integer
 * arithmetic only: equal recipe, seed and frames give equal bytes on every machine.
 */
import { layerRects, type Layer, type PlannedFrame } from '../contract/perturb.ts';
import type { RgbImage } from '../models/pixels.ts';
import { Random } from '../platform/random.ts';

/** The mean colour of a frame, rounded. */
function meanColour({ data }: RgbImage): [number, number, number] {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 3] += data[i];
  const pixels = data.length / 3;
  return sums.map((sum) => Math.round(sum / pixels)) as [number, number, number];
}

/** A copy of the frame with its layers drawn; the same object when there are none. */
export function drawLayers(image: RgbImage, layers: readonly Layer[]): RgbImage {
  if (layers.length === 0) return image;
  // Not slice(): decoded frames are Buffers, whose slice() shares their memory.
  const out = { ...image, data: new Uint8Array(image.data) };
  for (const layer of layers) {
    const { fill } = layer;
    const solid = fill === 'mean' ? meanColour(image) : fill === 'noise' ? null : fill;
    const random = new Random(layer.noise);
    for (const rect of layerRects(layer, image.width, image.height))
      for (let y = rect.y; y < rect.y + rect.height; y++) {
        const from = (y * image.width + rect.x) * 3;
        for (let i = from; i < from + rect.width * 3; i += 3) {
          const bits = solid ? 0 : random.uint32();
          out.data[i] = solid ? solid[0] : bits & 255;
          out.data[i + 1] = solid ? solid[1] : (bits >>> 8) & 255;
          out.data[i + 2] = solid ? solid[2] : (bits >>> 16) & 255;
        }
      }
  }
  return out;
}

/** Frames by plan: what the model is given instead of `frames`. Unmasked frames are shared with the input, not copied. */
export function perturbFrames(frames: readonly RgbImage[], plan: readonly PlannedFrame[]): RgbImage[] {
  return plan.map(({ source, layers }) => drawLayers(frames[source], layers));
}
