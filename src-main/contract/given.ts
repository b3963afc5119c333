/**
 * @file The address of one frame as a model is given it under a recipe, for both sides: `/media/given/<video>/<recipe and seed>/<place>.rgb`.
 * What lies there are its bytes, RGB [height, width, 3], in the model's own size.
 */
import { z } from 'zod';
import { Recipe } from './recipe.ts';

/** Under what: the steps, and the seed of this video (`videoSeed`). */
export const GivenUnder = z.object({ recipe: Recipe, seed: z.number().int().nonnegative() });
export type GivenUnder = z.infer<typeof GivenUnder>;

/** base64url of JSON that has no character beyond ASCII. */
const encode = (value: GivenUnder): string =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** @param place which of the frames that the model is given, from 0 */
export function givenAddress(videoId: string, under: GivenUnder, place: number): string {
  return `/media/given/${videoId}/${encode(under)}/${place}.rgb`;
}

/** What an address says; null for text that no address has. */
export function readGivenUnder(text: string): GivenUnder | null {
  try {
    const json: unknown = JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
    return GivenUnder.safeParse(json).data ?? null;
  } catch {
    return null; // not base64, or not JSON
  }
}
