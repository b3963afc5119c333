/** @file The mask of a padded batch and splice tables, made on the host and fed to graphs. (Training's rows: `align/batch.ts`.) */
import { UserError } from '../../platform/errors.ts';

/** What is added to a hidden score. Finite, so that a row that sees nothing stays finite too. */
export const MASKED = Math.fround(-1e30);

/**
 * Causal mask of a padded batch, [B, 1, 1, T, T]: position t sees s <= t that are not padding.
 * `attention` is [B, T] with 1 for tokens and 0 for padding.
 */
export function paddedCausalMask(attention: ArrayLike<number>, batch: number, length: number): Float32Array {
  const mask = new Float32Array(batch * length * length);
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < length; t++)
      for (let s = 0; s < length; s++)
        if (s > t || !attention[b * length + s]) mask[(b * length + t) * length + s] = MASKED;
  return mask;
}

/**
 * For `spliceFeatures`: the row of each of the `ids` in the table [text rows | feature rows]. Placeholder ids take the
 * features in order. Throws when the numbers differ, because a dropped feature would be a silent loss.
 */
export function spliceIndex(ids: ArrayLike<number>, placeholder: number, features: number): Int32Array {
  const index = new Int32Array(ids.length);
  let next = 0;
  for (let i = 0; i < ids.length; i++) index[i] = ids[i] === placeholder ? ids.length + next++ : i;
  if (next !== features)
    throw new UserError(
      'BAD_INPUT',
      `prompt: expected ${features} placeholder tokens (id ${placeholder}) for as many visual features, got ${next}`,
      'The prompt was cut or was made for another number of frames; build it again from the same frames.',
    );
  return index;
}
