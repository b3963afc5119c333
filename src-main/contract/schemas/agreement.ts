/** @file Reviewers' own versions of a pair, and how far reviewers agree. */
import { z } from 'zod';
import { Id, Timestamp } from './basics.ts';
import { Phrase, PairStatus } from './pairs.ts';

/** A reviewer's own version of a pair. */
export const Review = z.object({
  reviewer: z.string(),
  /** 'pending': touched, not decided. */
  status: PairStatus,
  chosen: z.string(),
  rejected: z.string(),
  phrases: z.array(Phrase),
  at: Timestamp,
});
export type Review = z.infer<typeof Review>;

/** Tokens by who marked them, and what follows from it; `pairs/agreement.ts` has the formulae. */
export const MarkAgreement = z.object({
  both: z.number().int(),
  onlyA: z.number().int(),
  onlyB: z.number().int(),
  neither: z.number().int(),
  /** Null when neither reviewer marked anything. */
  f1: z.number().nullable(),
  /** Cohen's kappa; null when chance alone would agree on everything. */
  kappa: z.number().nullable(),
  /** Answers that were compared, and answers whose texts the two reviewers left differently. */
  compared: z.number().int(),
  differentText: z.number().int(),
});
export type MarkAgreement = z.infer<typeof MarkAgreement>;

export const PairAgreement = z.object({ a: z.string(), b: z.string(), marks: MarkAgreement });
export type PairAgreement = z.infer<typeof PairAgreement>;

export const PairReviews = z.object({
  /** Others' versions are not shown: this reviewer has not decided yet, and reviewers work independently. */
  hidden: z.boolean(),
  reviews: z.array(Review),
  /** What a token is here. */
  unit: z.string(),
  agreement: z.array(PairAgreement),
});
export type PairReviews = z.infer<typeof PairReviews>;

/** Two reviewers over the project. */
export const ReviewerAgreement = PairAgreement.extend({
  /** Pairs both have decided, those they decided alike, and those left out of the marks because one rejected them. */
  pairs: z.number().int(),
  sameDecision: z.number().int(),
  rejectedByOne: z.number().int(),
});
export type ReviewerAgreement = z.infer<typeof ReviewerAgreement>;

export const Agreement = z.object({
  unit: z.string(),
  reviewers: z.array(ReviewerAgreement),
  /** Pairs with the least agreement first, at most 200. */
  worst: z.array(
    PairAgreement.extend({ pairId: Id, question: z.string(), statusA: PairStatus, statusB: PairStatus }),
  ),
});
export type Agreement = z.infer<typeof Agreement>;
