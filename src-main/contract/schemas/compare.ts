/** @file The Compare room: answers of the base and of tuned models, side by side. */
import { z } from 'zod';
import { Id, Timestamp, Split, QuestionType, Rate } from './basics.ts';
import { Verdict } from './negatives.ts';

export const Answer = z.object({
  sampleId: Id,
  videoId: Id,
  question: z.string(),
  type: QuestionType,
  reference: z.string(),
  text: z.string(),
  verdict: Verdict,
  reason: z.string(),
});
export type Answer = z.infer<typeof Answer>;

export const Evaluation = z.object({
  id: Id,
  /** Null: the base model. */
  runId: Id.nullable(),
  name: z.string(),
  createdAt: Timestamp,
  /** Hash of the model, adapter aside. */
  modelHash: z.string(),
  /** Which clips were asked about. */
  split: Split,
  accuracy: Rate,
  byType: z.record(z.string(), Rate),
  /** Mean over answers of the summed KL(base || tuned) on the preferred answer; null for the base. */
  kl: z.number().nullable(),
});
export type Evaluation = z.infer<typeof Evaluation>;

export const ComparisonRow = z.object({
  sampleId: Id,
  videoId: Id,
  videoName: z.string(),
  question: z.string(),
  type: QuestionType,
  reference: z.string(),
  base: z.object({ text: z.string(), verdict: Verdict }),
  tuned: z.object({ text: z.string(), verdict: Verdict }),
  /** Of its video, now: pairs of held-out ones are never trained on. */
  split: Split,
  /** The pair that the tuned answer is already; null: none. */
  pairId: Id.nullable(),
});
export type ComparisonRow = z.infer<typeof ComparisonRow>;

/** How right and wrong changed from one evaluation to another, over the same questions. */
export const PairedComparison = z.object({
  n: z.number().int(),
  bothRight: z.number().int(),
  bothWrong: z.number().int(),
  /** Wrong before, right after. */
  fixed: z.number().int(),
  /** Right before, wrong after. */
  broken: z.number().int(),
  /** Accuracy after minus before, with its 95 % bootstrap interval. */
  difference: z.object({ value: z.number(), low: z.number(), high: z.number() }),
  /** Exact two-sided McNemar test. */
  pValue: z.number(),
});
export type PairedComparison = z.infer<typeof PairedComparison>;
