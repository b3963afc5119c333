/**
 * @file Checks the loss fixture: the official RRPO loss and DPO on given logits: loss, per-pair metrics, gradient by logits.
 * Cases marked `quirk` record official behaviour that is not copied; for them the answer is: every sign above 0 is a mark,
 * and a reference probability that underflows contributes 0 to the KL, so everything is finite.
 */
import { officialLossGraph } from '../../src-main/align/official-layout.ts';
import { createSession, type Tensor } from '../../src-main/tensor/onnxruntime.ts';
import { closeRow, readFloats, readInts, type ArrayEntry } from './compare.ts';
import { barOf, type CheckContext, type Checker, type Row } from './types.ts';

type Expected = {
  loss: number | string;
  loss_float64: number | string;
  metrics: Record<string, (number | string)[]>;
  grad_logits: ArrayEntry;
};
type Case = {
  name: string;
  quirk: boolean;
  hyper: { beta: number; alpha: number };
  pairs: number;
  inputs: Record<'logits' | 'ref_logits' | 'targets' | 'signs', ArrayEntry>;
  rrpo: Expected;
  dpo: Expected;
};

/** Our output -> the reference's names for it (RRPO's, DPO's). */
const METRICS: readonly (readonly [ours: string, rrpo: string, dpo: string | null])[] = [
  ['pairLoss', 'loss/train', 'losses'],
  ['rewardChosen', 'rewards_train/chosen', 'rewards_chosen'],
  ['rewardRejected', 'rewards_train/rejected', 'rewards_rejected'],
  ['logpChosen', 'logps_train/chosen', 'logps_chosen'],
  ['logpRejected', 'logps_train/rejected', 'logps_rejected'],
  ['klChosen', 'kl_train/chosen', null],
  ['klRejected', 'kl_train/rejected', null],
];

export const rrpoLossChecker: Checker = {
  matches: (manifest) =>
    Array.isArray(manifest.cases) &&
    (manifest.cases as Record<string, unknown>[]).some((c) => 'rrpo' in c && 'hyper' in c),
  async *check(dir, manifest, context) {
    for (const one of manifest.cases as Case[])
      for (const objective of ['rrpo', 'dpo'] as const) yield* checkCase(dir, one, objective, context);
  },
};

async function* checkCase(
  dir: string,
  one: Case,
  objective: 'rrpo' | 'dpo',
  context: CheckContext,
): AsyncGenerator<Row> {
  const [rows, length, vocab] = one.inputs.logits.shape as [number, number, number];
  const batch = {
    pairs: one.pairs,
    length,
    vocab,
    targets: await readInts(dir, one.inputs.targets),
    signs: await readInts(dir, one.inputs.signs),
  };
  const graph = officialLossGraph(batch, { objective, ...one.hyper });
  const session = await createSession(graph, {
    device: context.device,
  });
  const shape = [rows * length, vocab];
  const input = async (entry: ArrayEntry): Promise<Tensor> => ({
    dtype: 'float32',
    shape,
    data: await readFloats(dir, entry),
  });
  const out = await session.run({
    logits: await input(one.inputs.logits),
    reference: await input(one.inputs.ref_logits),
  });
  await session.release();
  const numbers = (name: string) => Array.from(out[name].data, Number);
  const expected = one[objective];
  const label = (what: string) => `${one.name}: ${objective} ${what}`;
  const bar = barOf(context);
  // The official phrase sums differ from ours only in these two cases, and only for RRPO.
  if (one.quirk && objective === 'rrpo') {
    yield quirkRow(label('(quirk)'), numbers, expected, one.name, bar);
    return;
  }
  yield closeRow(label('loss'), numbers('loss'), [Number(expected.loss)], bar);
  for (const [ours, rrpoName, dpoName] of METRICS) {
    const name = objective === 'rrpo' ? rrpoName : dpoName;
    if (name !== null && name in expected.metrics)
      yield metricRow(label(ours), numbers(ours), expected.metrics[name].map(Number), bar);
  }
  yield closeRow(label('gradient'), numbers('gradient'), await readFloats(dir, expected.grad_logits), bar);
}

/** Values that the reference rounds to around 0 (policy = reference) are compared absolutely. */
function metricRow(output: string, got: number[], want: number[], bar: number): Row {
  const size = Math.hypot(...want);
  if (size > 1e-4) return closeRow(output, got, want, bar);
  const error = Math.hypot(...got.map((x, i) => x - want[i]));
  return { output, error, bar, pass: error < bar, note: 'absolute' };
}

/** Our finite answer: the reference's own float64 value where it has one, and no NaN anywhere. */
function quirkRow(
  output: string,
  numbers: (name: string) => number[],
  expected: Expected,
  name: string,
  bar: number,
): Row {
  const finite = ['loss', 'rewardChosen', 'klChosen', 'gradient'].every((n) =>
    numbers(n).every(Number.isFinite),
  );
  if (!finite) return { output, error: NaN, pass: false, note: 'expected finite values' };
  if (name.includes('underflow')) {
    const row = closeRow(output, numbers('loss'), [Number(expected.loss_float64)], bar);
    return { ...row, note: 'finite; the float64 loss, where nothing underflows' };
  }
  // Every sign above 0 marks, so nothing is dropped: the KL and log-probabilities, which do not depend on it, must agree.
  const want = expected.metrics['kl_train/chosen'].map(Number);
  return { ...closeRow(output, numbers('klChosen'), want, bar), note: 'finite; all phrases count' };
}
