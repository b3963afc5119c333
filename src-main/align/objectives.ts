/**
 * @file The preference losses as graphs: RRPO, DPO and RRPO's two ablations, which are one formula with other masks.
 *
 *     logratio_n = log pi(y_n) - log pi_ref(y_n)                       at every labelled position n
 *     u_b        = beta * (sum of logratio over rewarded chosen tokens - the same over rewarded rejected tokens)
 *     loss_b     = -log sigmoid(u_b) + alpha * sum over labelled chosen positions of KL(pi_ref || pi)
 *
 * Sums, not means: nothing is divided by phrase, answer or phrase count. The KL term is *added*, as the official code
 * does; the paper prints the sign the other way round, which would reward drifting away. Phrases never interact, so a mask
 * says everything: which tokens are rewarded.
 */
import type { Objective } from '../contract/schemas.ts';
import { logSoftmax } from '../tensor/nn.ts';
import type { Value } from '../tensor/graph.ts';
import {
  add,
  exp,
  gatherLast,
  mul,
  neg,
  reduceSum,
  reshape,
  softplus,
  stopGradient,
  sub,
} from '../tensor/ops.ts';

/** Which tokens an objective rewards, and whether its KL term acts. */
export type ObjectiveRule = {
  /** `marked`: tokens inside phrases; `response`: every token of the answer, its end token included. */
  rewards: 'marked' | 'response';
  kl: boolean;
};

/** The four objectives. RRPO with every token marked and alpha 0 is DPO exactly. */
export const OBJECTIVES: Readonly<Record<Objective, ObjectiveRule>> = {
  rrpo: { rewards: 'marked', kl: true },
  dpo: { rewards: 'response', kl: false },
  rrpo_no_refined_reward: { rewards: 'response', kl: true },
  rrpo_no_kl: { rewards: 'marked', kl: false },
};

/**
 * One side (preferred or non-preferred) of a batch of B pairs, at its M labelled positions; rows may be padding, with any
 * valid label and zeros in both masks. Logits at row m are those that *predict* label m: the shift by one is done by the
 * caller, who gathers hidden states one position before each labelled token.
 */
export type SideInputs = {
  /** Policy logits [M, V]. */
  logits: Value;
  /** Reference logits [M, V]; no gradient passes. */
  referenceLogits: Value;
  /** Token ids [M, 1], integers in [0, V); a column, because GPUs do not reshape integers. */
  labels: Value;
  /** [B, M]: 1 where row m is a rewarded token of pair b. */
  rewarded: Value;
  /** [B, M]: 1 where row m is a labelled position of pair b; the KL and log-probability sums go over these. */
  labelled: Value;
};

/** Everything the loss needs. */
export type LossInputs = {
  chosen: SideInputs;
  rejected: SideInputs;
  /** [B]: factor of each pair's loss; 1/B gives the mean, 1/(pairs of the optimizer step) makes accumulation exact. */
  pairWeights: Value;
};

/** The weighted loss, and per pair what is logged; all vectors [B]. */
export type LossOutputs = {
  /** Scalar: sum over pairs of pairWeight * pairLoss. */
  loss: Value;
  pairLoss: Value;
  rewardChosen: Value;
  rewardRejected: Value;
  logpChosen: Value;
  logpRejected: Value;
  klChosen: Value;
  /** Only for watching; absent with `rejectedKl: false`, which saves a pass over the vocabulary. */
  klRejected?: Value;
};

/** Settings of the loss. `alpha` is ignored by objectives without KL. */
export type LossOptions = { objective: Objective; beta: number; alpha: number; rejectedKl?: boolean };

/** Sums of one side, each [B]. */
function sideSums(side: SideInputs, withKl: boolean): { logRatio: Value; logp: Value; kl?: Value } {
  const logp = logSoftmax(side.logits); // [M, V]
  const reference = stopGradient(logSoftmax(side.referenceLogits)); // [M, V]
  const row = [1, side.labels.shape[0]];
  const labelLogp = reshape(gatherLast(logp, side.labels), row); // [1, M]
  const labelReference = reshape(gatherLast(reference, side.labels), row); // [1, M]
  const overRows = (mask: Value, values: Value) => reduceSum(mul(mask, values), 1); // [B, M] -> [B]
  const sums = {
    logRatio: overRows(side.rewarded, sub(labelLogp, labelReference)),
    logp: overRows(side.labelled, labelLogp),
  };
  if (!withKl) return sums;
  // The difference is taken element by element, so that equal models give exactly 0. Where the reference probability
  // underflows to 0 the product is 0, not the official code's 0 * -inf = NaN.
  const kl = reduceSum(mul(exp(reference), sub(reference, logp)), 1); // [M]
  return { ...sums, kl: overRows(side.labelled, reshape(kl, row)) };
}

/** The loss of a batch of pairs; differentiate `loss` by whatever produced the policy logits. */
export function preferenceLoss(inputs: LossInputs, options: LossOptions): LossOutputs {
  const rule = OBJECTIVES[options.objective];
  const chosen = sideSums(inputs.chosen, true);
  const rejected = sideSums(inputs.rejected, options.rejectedKl ?? true);
  const klChosen = chosen.kl!;
  const rewardChosen = mul(chosen.logRatio, options.beta); // [B]
  const rewardRejected = mul(rejected.logRatio, options.beta); // [B]
  const rank = softplus(neg(sub(rewardChosen, rewardRejected))); // -log sigmoid(u), [B]
  const pairLoss = rule.kl && options.alpha !== 0 ? add(rank, mul(klChosen, options.alpha)) : rank;
  return {
    loss: reduceSum(mul(pairLoss, inputs.pairWeights)),
    pairLoss,
    rewardChosen,
    rewardRejected,
    logpChosen: chosen.logp,
    logpRejected: rejected.logp,
    klChosen,
    klRejected: rejected.kl,
  };
}
