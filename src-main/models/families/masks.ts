/** @file Attention masks, splice tables and positions, made on the host and fed to graphs. */
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
 * Mask of one row that holds a shared prompt and several continuations, [T, T]: position t sees the prompt and the earlier
 * part of its own continuation. `segments[t]` is 0 for the prompt, k > 0 for continuation k, negative for padding.
 */
export function sharedPrefixMask(segments: ArrayLike<number>): Float32Array {
  const length = segments.length;
  const mask = new Float32Array(length * length);
  for (let t = 0; t < length; t++)
    for (let s = 0; s < length; s++) {
      const segment = segments[s];
      const seen = s <= t && segment >= 0 && (segment === 0 || segment === segments[t]);
      if (!seen) mask[t * length + s] = MASKED;
    }
  return mask;
}

/** Positions of such a row: each continuation goes on where the prompt ended. Padding gets 0. */
export function sharedPrefixPositions(segments: ArrayLike<number>): Int32Array {
  const positions = new Int32Array(segments.length);
  const counts = new Map<number, number>();
  let prompt = 0;
  for (let t = 0; t < segments.length; t++) {
    const segment = segments[t];
    if (segment < 0) continue;
    if (segment === 0) positions[t] = prompt++;
    else {
      const count = counts.get(segment) ?? 0;
      positions[t] = prompt + count;
      counts.set(segment, count + 1);
    }
  }
  return positions;
}

/** Positions of a padded batch: clip(cumsum(attention) - 1, 0) per row, [B, T]. */
export function paddedPositions(attention: ArrayLike<number>, batch: number, length: number): Int32Array {
  const positions = new Int32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    let seen = 0;
    for (let t = 0; t < length; t++) {
      if (attention[b * length + t]) seen++;
      positions[b * length + t] = Math.max(0, seen - 1);
    }
  }
  return positions;
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
