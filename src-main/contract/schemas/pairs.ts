/** @file Pairs of answers with their marks: what Review shows, filters and changes. */
import { z } from 'zod';
import { ErrorPattern } from '../recipe.ts';
import { Id, Timestamp, Split, QuestionType } from './basics.ts';

/** Offsets in Unicode code points, [start, end); `quote` is the text under them and is verified on every load. */
export const Span = z.object({
  start: z.number().int().nonnegative(),
  end: z.number().int().nonnegative(),
  quote: z.string(),
});
export type Span = z.infer<typeof Span>;

/** What a key difference is about, in the order of the digit keys 1 to 9; `docs/phrase-kinds.md` says when to use which. */
export const PhraseKind = z.enum([
  'object',
  'attribute',
  'action',
  'direction',
  'order',
  'count',
  'time',
  'place',
  'other',
]);
export type PhraseKind = z.infer<typeof PhraseKind>;

/** A key difference: a phrase of the preferred answer, one of the non-preferred answer, or both. */
export const Phrase = z.object({
  id: Id,
  /** 1, 2, ...: shown beside the marks; both sides share it and its colour. */
  number: z.number().int().positive(),
  chosen: Span.nullable(),
  rejected: Span.nullable(),
  /** A machine's proposal looks different until a person has touched it. */
  origin: z.enum(['proposed', 'person']),
  /** Absent until a person has said it. The loss does not use it; it sorts what the model gets wrong. */
  kind: PhraseKind.optional(),
});
export type Phrase = z.infer<typeof Phrase>;

export const PairStatus = z.enum(['pending', 'accepted', 'rejected', 'second_look']);
export type PairStatus = z.infer<typeof PairStatus>;

/** Why a concept was swapped in: it appears in `together` of `samples` samples with a concept that is in the answer. */
export const SwapReason = z.object({
  concept: z.string(),
  suggested: z.string(),
  with: z.string(),
  together: z.number().int(),
  samples: z.number().int(),
  /** Times as often as by chance. */
  lift: z.number(),
});
export type SwapReason = z.infer<typeof SwapReason>;

/** Where a non-preferred answer came from; enough to make it again. */
export const Provenance = z.object({
  /** 'swapped': the preferred answer with a concept replaced. */
  kind: z.enum(['imported', 'generated', 'written', 'model-answer', 'swapped']),
  /** Checkpoint folder, as `project.portablePath` writes it. */
  model: z.string().optional(),
  modelHash: z.string().optional(),
  /** PEFT folder of a tuned model, likewise; absent for the base model. */
  adapter: z.string().optional(),
  /** SHA-256 of its weights. */
  adapterHash: z.string().optional(),
  /** The training run that made the adapter. */
  runId: Id.optional(),
  /** The evaluation in which the answer was given. */
  evaluationId: Id.optional(),
  /** As it was asked. */
  question: z.string().optional(),
  recipe: z.unknown().optional(),
  /** Of a named recipe; the version and the name only of one of the project's own. */
  recipeId: z.string().optional(),
  recipeVersion: z.number().int().optional(),
  recipeName: z.string().optional(),
  /** What a generated answer is evidence of. */
  family: ErrorPattern.optional(),
  /** The concept that was swapped in, or suggested to the model. */
  swap: SwapReason.optional(),
  seed: z.number().int().optional(),
  /** How many frames were asked for, and which were given. */
  frames: z.number().int().optional(),
  frameIndices: z.array(z.number().int()).optional(),
  decoding: z.record(z.string(), z.unknown()).optional(),
  /** The text as it came, before any edit. */
  original: z.string(),
  createdAt: Timestamp,
  /** The preferred answer was rewritten with the mistakes of `original`. */
  rewrite: z
    .object({
      /** A model, or `rules` for this program's own. */
      by: z.string(),
      /** Where the model was asked; null for the rules. */
      host: z.string().nullable(),
      /** As they were listed; null when the model found none, and then nothing was rewritten. */
      differences: z.string().nullable(),
      /** The rewritten answer; a pair whose non-preferred answer is another was edited since, or the rewriting undone. */
      text: z.string().nullable(),
      at: Timestamp,
    })
    .optional(),
});
export type Provenance = z.infer<typeof Provenance>;

export const LintCode = z.enum([
  'identical-answers',
  'no-phrase',
  'phrase-is-whole-answer',
  'one-sided-phrases',
  'lost-mark',
  'length-gap',
  'leaked-prompt',
  'language-mismatch',
  'heldout-leak',
  'empty-answer',
]);

export const Lint = z.object({ code: LintCode, severity: z.enum(['warning', 'error']), message: z.string() });
export type Lint = z.infer<typeof Lint>;

export const PairSummary = z.object({
  id: Id,
  sampleId: Id,
  videoId: Id,
  videoName: z.string(),
  question: z.string(),
  type: QuestionType,
  status: PairStatus,
  rejected: z.string(),
  phraseCount: z.number().int(),
  lintCount: z.number().int(),
  split: Split,
  /** Where it came from, as one key: `import:FILE`, `recipe:mask+shuffle`, `compare`, `written`. */
  source: z.string(),
  /** What a generated wrong answer is evidence of; null for all others. */
  family: ErrorPattern.nullable(),
  updatedAt: Timestamp,
});
export type PairSummary = z.infer<typeof PairSummary>;

export const Pair = PairSummary.extend({
  chosen: z.string(),
  phrases: z.array(Phrase),
  /** Grows by one with every saved change; an edit names the version it started from. */
  version: z.number().int(),
  lints: z.array(Lint),
  provenance: Provenance,
  canUndo: z.boolean(),
  canRedo: z.boolean(),
});
export type Pair = z.infer<typeof Pair>;

export const PairFilter = z.object({
  status: PairStatus.optional(),
  text: z.string().optional(),
  split: Split.optional(),
  type: QuestionType.optional(),
  lint: LintCode.optional(),
  videoId: Id.optional(),
  /** A pair's `source`. */
  source: z.string().optional(),
  family: ErrorPattern.optional(),
  /** One of its phrases is of this kind. */
  kind: PhraseKind.optional(),
  /** Somebody who edited or decided the pair. */
  reviewer: z.string().optional(),
});
export type PairFilter = z.infer<typeof PairFilter>;

/** What the filters of one queue can be set to, each with its number of pairs. */
export const PairFacets = z.object({
  sources: z.array(z.object({ source: z.string(), pairs: z.number().int() })),
  families: z.array(z.object({ family: ErrorPattern, pairs: z.number().int() })),
  kinds: z.array(z.object({ kind: PhraseKind, pairs: z.number().int() })),
  lints: z.array(z.object({ code: LintCode, pairs: z.number().int() })),
  reviewers: z.array(z.object({ reviewer: z.string(), pairs: z.number().int() })),
});
export type PairFacets = z.infer<typeof PairFacets>;

/** One part of a pair before and after a change; marks as one line a phrase. */
export const Change = z.object({
  part: z.enum(['chosen', 'rejected', 'phrases', 'status']),
  before: z.string(),
  after: z.string(),
});
export type Change = z.infer<typeof Change>;

export const HistoryEntry = z.object({
  at: Timestamp,
  reviewer: z.string(),
  /** 'created', 'text', 'phrases', 'status', 'undo', 'redo', 'own' (a reviewer began an own version) */
  action: z.string(),
  summary: z.string(),
  /** The pair's version after the change. */
  version: z.number().int(),
  /** How many saves this is: typing in one go is one entry. */
  saves: z.number().int(),
  changes: z.array(Change),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

/** Pairs a person chose: by name, or everything that passes a filter but for some. */
export const PairSelection = z.union([
  z.object({ pairIds: z.array(Id).min(1).max(10_000) }),
  z.object({ filter: PairFilter, except: z.array(Id).max(10_000).default([]) }),
]);
export type PairSelection = z.infer<typeof PairSelection>;

/** What is done to them: moved to a queue, or their proposed phrases taken as the person's own. */
export const BulkAction = z.union([z.object({ status: PairStatus }), z.literal('confirm')]);
export type BulkAction = z.infer<typeof BulkAction>;

export const Bulk = z.object({
  id: Id,
  at: Timestamp,
  reviewer: z.string(),
  summary: z.string(),
  changed: z.number().int(),
});
export type Bulk = z.infer<typeof Bulk>;

/** `unchanged`: pairs that were so already. */
export const BulkReport = z.object({
  bulkId: Id,
  changed: z.number().int(),
  unchanged: z.number().int(),
});
export type BulkReport = z.infer<typeof BulkReport>;

/** `kept`: pairs that were changed after the bulk change and stay as they are. */
export const BulkUndoReport = z.object({ undone: z.number().int(), kept: z.number().int() });
export type BulkUndoReport = z.infer<typeof BulkUndoReport>;

export const Pace = z.object({
  /** Pairs this reviewer has decided one by one since the day began. */
  today: z.number().int(),
  /** Decisions an hour over the last ones, pauses left out; null before there are enough. */
  perHour: z.number().nullable(),
  pending: z.number().int(),
  /** Seconds of work until nothing is pending, at this pace. */
  secondsLeft: z.number().nullable(),
});
export type Pace = z.infer<typeof Pace>;

/** One token of an answer as the model's tokenizer cuts it, and whether the loss rewards it. */
export const TokenMark = z.object({
  id: z.number().int(),
  text: z.string(),
  /** Code-point offsets into the answer. */
  start: z.number().int(),
  end: z.number().int(),
  /** Phrase number whose span the token overlaps; 0 when unmarked. */
  phrase: z.number().int(),
});

export const TokenTruth = z.object({
  chosen: z.array(TokenMark),
  rejected: z.array(TokenMark),
  /** The token that ends an answer. No phrase covers it, so a refined reward leaves it out; the KL term holds it. */
  end: z.object({ id: z.number().int(), text: z.string() }),
  warnings: z.array(z.string()),
});
export type TokenTruth = z.infer<typeof TokenTruth>;
