/**
 * @file Choosing the next token from logits: greedy, or temperature, top-k and top-p in the order and with the rules of
 * transformers' logits warpers. Draws come from a seeded stream (platform/random.ts), one float64 per token, so a recorded
 * seed reproduces the text.
 */
import { UserError } from '../platform/errors.ts';
import type { Random } from '../platform/random.ts';

/** How to sample; every limit that is left out is off. */
export type Sampling = {
  /** Divides the logits; above 0. @default 1 */
  temperature?: number;
  /** Keeps the k largest logits (and their equals). */
  topK?: number;
  /** Keeps the smallest set of most probable tokens whose probability reaches p; at least one. */
  topP?: number;
};

/** Index of the largest logit, the first one among equals. */
function argMax(logits: ArrayLike<number>): number {
  let best = 0;
  let largest = logits[0];
  for (let i = 1; i < logits.length; i++) {
    const logit = logits[i];
    if (logit > largest) {
      largest = logit;
      best = i;
    }
  }
  return best;
}

/** log(sum(exp(logits))) in float64. */
export function logSumExp(logits: ArrayLike<number>): number {
  const max = logits[argMax(logits)];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - max);
  return max + Math.log(sum);
}

/** Candidates that survive the limits, most probable first, with probabilities that add up to 1. */
export function candidates(
  logits: ArrayLike<number>,
  { temperature = 1, topK, topP }: Sampling,
): { id: number; probability: number }[] {
  let kept = Array.from(logits, (logit, id) => ({ id, logit: logit / temperature }));
  kept.sort((a, b) => b.logit - a.logit || a.id - b.id);
  if (topK !== undefined && topK < kept.length) {
    const least = kept[Math.max(0, topK - 1)].logit;
    kept = kept.filter((c) => c.logit >= least);
  }
  const max = kept[0].logit;
  const weights = kept.map((c) => Math.exp(c.logit - max));
  const total = weights.reduce((a, b) => a + b, 0);
  if (topP !== undefined && topP < 1) {
    // A token stays while the probability in front of it is below p.
    let before = 0;
    let count = 0;
    while (count < kept.length && before < topP) before += weights[count++] / total;
    kept = kept.slice(0, Math.max(1, count));
    weights.length = kept.length;
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return kept.map((c, i) => ({ id: c.id, probability: weights[i] / sum }));
}

/**
 * The next token: drawn, or the most probable one without `sampling`.
 * @throws UserError CORRUPT when there is nothing to choose by: weights or features that are not finite make every logit NaN
 */
export function chooseToken(
  logits: ArrayLike<number>,
  sampling: Sampling | undefined,
  random: Random | undefined,
): number {
  const id = sampling && random ? sampleToken(logits, sampling, random) : argMax(logits);
  if (!Number.isFinite(logits[id]))
    throw new UserError(
      'CORRUPT',
      `generation: expected finite logits, got ${logits[id]} for the chosen token`,
      'The weights of the model or of its adapter are damaged: copy them again, or choose another run.',
    );
  return id;
}

/** Draws one token; takes exactly one number from the stream. */
export function sampleToken(logits: ArrayLike<number>, sampling: Sampling, random: Random): number {
  const draw = random.float();
  const { temperature = 1, topK, topP } = sampling;
  return topK === undefined && (topP === undefined || topP >= 1)
    ? drawFromAll(logits, temperature, draw)
    : drawFrom(candidates(logits, sampling), draw);
}

function drawFrom(all: readonly { id: number; probability: number }[], draw: number): number {
  let left = draw;
  for (const { id, probability } of all) {
    left -= probability;
    if (left < 0) return id;
  }
  return all.at(-1)!.id;
}

/** As many as a draw is likely to need; then sorting all is cheaper than searching on. */
const MOST_SEARCHED = 16;

/**
 * A draw without limits, in the same order of tokens as `candidates` has, but without sorting the vocabulary: nearly every draw falls
 * on one of the few most probable tokens.
 */
function drawFromAll(logits: ArrayLike<number>, temperature: number, draw: number): number {
  const weights = new Float64Array(logits.length);
  const max = logits[argMax(logits)] / temperature;
  let total = 0;
  for (let id = 0; id < logits.length; id++) total += weights[id] = Math.exp(logits[id] / temperature - max);
  let left = draw * total;
  for (let n = 0; n < MOST_SEARCHED; n++) {
    const best = argMax(weights);
    left -= weights[best];
    if (left < 0) return best;
    weights[best] = -1;
  }
  return drawFrom(candidates(logits, { temperature }), draw);
}
