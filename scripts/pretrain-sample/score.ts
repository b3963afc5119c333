/**
 * @file Accuracy while pretraining, on fixed clips that training never draws: a question counts as right when every token of
 * the answer is the most likely one after the right tokens before it. (`evaluate-sample` measures real generation on real files.)
 */
import { Random } from '../../src-main/platform/random.ts';
import type { ClipBatches, ClipMix, Feeds } from './batches.ts';

/** Accuracies by name, each 0..1 with two decimals. */
export type Scores = Record<string, number>;

const SETS: readonly { name: string; mix: ClipMix; batches: number }[] = [
  { name: 'clean', mix: { biased: 0, broken: 0 }, batches: 24 },
  { name: 'broken', mix: { biased: 0, broken: 1 }, batches: 8 },
];

/** Scores balanced clips, whole and broken: in all, by aspect and type, and by how the right answer stands to the biases. */
export async function scoreBatches(
  clips: ClipBatches,
  predict: (feeds: Feeds) => Promise<BigInt64Array>,
): Promise<Scores> {
  const right = new Map<string, number>();
  const asked = new Map<string, number>();
  for (const set of SETS) {
    const random = new Random(`score/${set.name}`);
    for (let batch = 0; batch < set.batches; batch++) {
      const { feeds, asked: questions } = clips.next(random, set.mix);
      const predicted = await predict(feeds);
      const labels = feeds.labels.data as Int32Array;
      for (const { row, question, first, end } of questions) {
        let ok = true;
        for (let slot = first; slot < end; slot++) {
          const at = row * clips.sizes.slots + slot;
          if (Number(predicted[at]) !== labels[at]) ok = false;
        }
        const keys = [set.name, `${set.name}/${question.type}`, `${set.name}/${question.aspect}`];
        if (question.bias !== null) keys.push(`${set.name}/${question.bias.kind}-${question.bias.side}`);
        for (const key of keys) {
          asked.set(key, (asked.get(key) ?? 0) + 1);
          right.set(key, (right.get(key) ?? 0) + (ok ? 1 : 0));
        }
      }
    }
  }
  return Object.fromEntries(
    [...asked]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, n]) => [key, Number(((right.get(key) ?? 0) / n).toFixed(2))]),
  );
}
