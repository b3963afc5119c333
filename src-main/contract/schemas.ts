/**
 * @file The shapes that cross the border between the window and the services. Both sides validate against these
 * at run time; the types are derived from them, so there is no second definition to drift.
 */
import { z } from 'zod';
import { ErrorPattern, Recipe, SuggestionPrompt } from './recipe.ts';

/** Opaque row ids: short, sortable by creation, unique within a project. */
export const Id = z.string().min(1).max(64);
/** Milliseconds since the Unix epoch. */
export const Timestamp = z.number().int();

// ------------------------------------------------------------------------------------------------ project

export const ProjectInfo = z.object({
  id: Id,
  name: z.string(),
  /** Absolute path of the project folder. */
  path: z.string(),
  createdAt: Timestamp,
  /** Checkpoint directory (Hugging Face layout) used for generation and training; null until one is chosen. */
  modelDir: z.string().nullable(),
  /** Who is working; stamped on history rows. */
  reviewer: z.string(),
  /** Reviewers do not see each other's versions of a pair before their own decision. */
  independent: z.boolean(),
  counts: z.object({
    videos: z.number().int(),
    samples: z.number().int(),
    pairs: z.number().int(),
    runs: z.number().int(),
  }),
});
export type ProjectInfo = z.infer<typeof ProjectInfo>;

/** Groups of words or phrases that count as the same. */
export const Synonyms = z.array(z.array(z.string().max(80)).max(40)).max(500);
export type Synonyms = z.infer<typeof Synonyms>;

export const RecentProject = z.object({
  name: z.string(),
  path: z.string(),
  openedAt: Timestamp,
  exists: z.boolean(),
});
export type RecentProject = z.infer<typeof RecentProject>;

// ------------------------------------------------------------------------------------------------ library

export const Split = z.enum(['train', 'heldout']);
export type Split = z.infer<typeof Split>;

export const QuestionType = z.enum(['multiple_choice', 'yes_no', 'short', 'open_ended']);
export type QuestionType = z.infer<typeof QuestionType>;

/** Something worth telling about a file, in plain words. */
export const Finding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
});
export type Finding = z.infer<typeof Finding>;

export const Video = z.object({
  id: Id,
  name: z.string(),
  /** Absolute path where the file was last seen. */
  path: z.string(),
  state: z.enum(['queued', 'probing', 'ready', 'missing', 'broken']),
  /** Lower-case hex SHA-256 of the content; null until probed. */
  sha256: z.string().nullable(),
  /** File size in bytes. */
  bytes: z.number().int().nullable(),
  container: z.string().nullable(),
  codec: z.string().nullable(),
  /** Displayed size in pixels (rotation applied). */
  width: z.number().int().nullable(),
  height: z.number().int().nullable(),
  /** Clockwise rotation in degrees that the file asks players to apply. */
  rotation: z.number().nullable(),
  /** Seconds from the first to the end of the last frame. */
  duration: z.number().nullable(),
  frameCount: z.number().int().nullable(),
  frameRate: z.enum(['constant', 'variable']).nullable(),
  hasAudio: z.boolean().nullable(),
  /** 'direct': the browser plays the file itself; 'proxy': plays a proxy with the same frame identities. */
  playback: z.enum(['direct', 'proxy', 'proxy-pending', 'none']),
  split: Split,
  findings: z.array(Finding),
  /** Videos that look the same as this one: another encoding, size or container. All of them are in one split. */
  alike: z.array(z.object({ id: Id, name: z.string() })),
  sampleCount: z.number().int(),
});
export type Video = z.infer<typeof Video>;

/** A rectangle in shares of the frame, 0 to 1. */
const Share = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });

/** What a model is given of a video under a recipe. Picture k is at `/media/perturbed/<key>/<k>.jpg`. */
export const PerturbedClip = z.object({
  key: z.string(),
  frames: z.array(
    z.object({
      /** The frame of the video in whose place it is given. */
      at: z.number().int(),
      /** The frame of the video that is seen. */
      source: z.number().int(),
      /** What is covered. */
      masks: z.array(Share),
    }),
  ),
});
export type PerturbedClip = z.infer<typeof PerturbedClip>;

/** Which frames the project's model is given of a video, before any recipe, and in which size. */
export const ModelEye = z.object({
  /** Of the video: its recipes' seeds are made from it (`videoSeed`). */
  sha256: z.string(),
  /** Frame indices of the video, in order; a short video is repeated for some models. */
  frames: z.array(z.number().int()),
  /** Pixels of each frame as the model reads it. */
  width: z.number().int(),
  height: z.number().int(),
  /** Pixels of the video as shown. */
  video: z.object({ width: z.number().int(), height: z.number().int() }),
});
export type ModelEye = z.infer<typeof ModelEye>;

export const Sample = z.object({
  id: Id,
  videoId: Id,
  videoName: z.string(),
  question: z.string(),
  type: QuestionType,
  /** The preferred answer. */
  chosen: z.string(),
  source: z.string(),
  split: Split,
  /** How many candidate pairs exist for it. */
  pairCount: z.number().int(),
});
export type Sample = z.infer<typeof Sample>;

export const SampleFilter = z.object({
  /** Full-text search over question and answers. */
  text: z.string().optional(),
  split: Split.optional(),
  type: QuestionType.optional(),
  videoId: Id.optional(),
});
export type SampleFilter = z.infer<typeof SampleFilter>;

/** Order of the sample list; ties keep the order of adding. */
export const SampleSort = z.object({
  by: z.enum(['added', 'video', 'question', 'type', 'split']),
  descending: z.boolean(),
});
export type SampleSort = z.infer<typeof SampleSort>;

export const ImportFormat = z.enum([
  'rrpo-json',
  'videochat2-json',
  'hf-preference-jsonl',
  'llava-json',
  'csv',
  'tsv',
]);
export type ImportFormat = z.infer<typeof ImportFormat>;

/** Fields of a row, for which a column or key of the file can be chosen. */
export const ImportField = z.enum([
  'video',
  'question',
  'chosen',
  'rejected',
  'chosen_masked',
  'rejected_masked',
  'type',
  'split',
  'source',
  'id',
]);
export type ImportField = z.infer<typeof ImportField>;

/** Field here -> column or key in the file; an empty text leaves the field out. */
export const ImportMapping = z.partialRecord(ImportField, z.string());
export type ImportMapping = z.infer<typeof ImportMapping>;

export const ImportPreview = z.object({
  path: z.string(),
  format: ImportFormat,
  /** Why this format was recognised. */
  reason: z.string(),
  /** Columns or keys of the file in their order; `example` is the first row's value, shortened. */
  columns: z.array(z.object({ name: z.string(), example: z.string() })),
  /** What each field is read from, by name or as chosen. */
  mapping: ImportMapping,
  /** Fields that may be chosen; the others come from where this format has them. */
  choosable: z.array(ImportField),
  /** Needed fields that no column is chosen for: nothing can be imported before. */
  missing: z.array(ImportField),
  /** Keys that mean something to the format and cannot be chosen -> what they are. */
  fixed: z.record(z.string(), z.string()),
  /** An import of this very file with these settings was stopped after so many rows, at this fraction: it goes on there. */
  stopped: z.object({ rows: z.number().int(), fraction: z.number() }).nullable(),
  /** An import of this file was stopped, and the file is another one since: it begins anew. */
  changed: z.boolean(),
  rows: z.array(
    z.object({
      line: z.number().int(),
      video: z.string(),
      videoFound: z.boolean(),
      question: z.string(),
      chosen: z.string(),
      rejected: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});
export type ImportPreview = z.infer<typeof ImportPreview>;

export const ImportReport = z.object({
  imported: z.number().int(),
  duplicates: z.number().int(),
  failed: z.number().int(),
  /** The first thousand bad rows; the whole list is in `errorsFile`. */
  errors: z.array(z.object({ line: z.number().int(), reason: z.string() })),
  errorsFile: z.string().nullable(),
  /** Videos that rows name and no file was found for; their rows are in and wait for the file. */
  missingVideos: z.number().int(),
  /** Rows that an earlier import of this file had done before it was stopped; they are in the counts above. 0: it began anew. */
  continuedAfter: z.number().int(),
});
export type ImportReport = z.infer<typeof ImportReport>;

// ------------------------------------------------------------------------------------------------ pairs

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

/** What to generate negatives for, and how. */
export const GenerateRequest = z.object({
  filter: SampleFilter,
  /** Id of a named recipe (`id@3`: its version 3; otherwise the newest), or a list of perturbation steps (`recipe.ts`); the default is mask + local shuffle. */
  recipe: z.unknown().optional(),
  /** Of the perturbation, and of the sampling. */
  seed: z.number().int().nonnegative().default(0),
  temperature: z.number().nonnegative().default(0),
  maxNewTokens: z.number().int().positive().default(64),
  /** Most answers a question, until one is wrong; from the second on they are sampled, each with a seed of its own. */
  tries: z.number().int().min(1).max(64).default(1),
  /** A tuned model instead of the base: the id of a run, or a PEFT folder. */
  adapter: z.string().min(1).nullable().default(null),
  /** How a concept is suggested, with `{question}` and `{concept}` in it; by default as the recipe does, if it does. */
  prompt: SuggestionPrompt.optional(),
});
export type GenerateRequest = z.infer<typeof GenerateRequest>;

/** For which samples a concept of the preferred answer is swapped, and how often. Held-out ones are left out. */
export const SwapRequest = z.object({
  filter: SampleFilter,
  /** Most pairs a sample, each of another concept. */
  perSample: z.number().int().min(1).max(5).default(1),
});
export type SwapRequest = z.infer<typeof SwapRequest>;

export const SwapReport = z.object({
  /** New pending pairs. */
  pairs: z.number().int(),
  /** Swaps that the project had already. */
  known: z.number().int(),
  samples: z.number().int(),
  /** Samples for which nothing fits. */
  without: z.number().int(),
});
export type SwapReport = z.infer<typeof SwapReport>;

/** The concepts that the training answers name together, the strongest first. */
export const ConceptTable = z.object({
  /** Samples that are counted, and those whose answers have not been read. */
  samples: z.number().int(),
  unread: z.number().int(),
  /** `lift`: times as often together as by chance. */
  rows: z.array(
    z.object({
      a: z.string(),
      b: z.string(),
      together: z.number().int(),
      countA: z.number().int(),
      countB: z.number().int(),
      lift: z.number(),
    }),
  ),
});
export type ConceptTable = z.infer<typeof ConceptTable>;

/** Where an answer of a model came from, step by step; a step that has no part in it is null. */
export const Lineage = z.object({
  model: z.object({ name: z.string(), path: z.string(), hash: z.string().nullable() }).nullable(),
  /** `name` and `pairs` are null when the run is gone. */
  run: z
    .object({
      id: Id,
      name: z.string().nullable(),
      objective: z.string().nullable(),
      pairs: z.number().int().nullable(),
    })
    .nullable(),
  /** 'changed': its weights are not those that answered; 'unknown': their hash was not kept. */
  adapter: z
    .object({
      path: z.string(),
      hash: z.string().nullable(),
      state: z.enum(['there', 'changed', 'gone', 'unknown']),
    })
    .nullable(),
  evaluation: z
    .object({ id: Id, runId: Id.nullable(), name: z.string(), split: Split, createdAt: Timestamp })
    .nullable(),
  answer: z.object({
    text: z.string(),
    question: z.string().nullable(),
    /** Steps of the recipe; null for a clean clip. */
    recipe: z.array(z.string()).nullable(),
    seed: z.number().int().nullable(),
    frames: z.array(z.number().int()).nullable(),
    decoding: z.record(z.string(), z.unknown()).nullable(),
    at: Timestamp,
  }),
});
export type Lineage = z.infer<typeof Lineage>;

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

// ------------------------------------------------------------------------------------------------ the person's choices

/** Keys a person chose instead of the defaults: action -> key strokes. The window knows the actions. */
export const KeyBindings = z.record(z.string().max(64), z.array(z.string().min(1).max(40)).max(8));
export type KeyBindings = z.infer<typeof KeyBindings>;

/** How the window looks: as the system does, or always one way. */
export const ThemeChoice = z.enum(['system', 'light', 'dark']);
export type ThemeChoice = z.infer<typeof ThemeChoice>;

// ------------------------------------------------------------------------------------------------ judged answers

/** What the judge said of a generated answer, and what a person said. */
export const Verdict = z.enum(['right', 'wrong', 'unparseable']);
export type Verdict = z.infer<typeof Verdict>;

export const JudgedAnswer = z.object({
  sampleId: Id,
  /** Hash of model, recipe, seed and decoding: with the sample it names the answer. */
  conditions: z.string(),
  videoName: z.string(),
  question: z.string(),
  type: QuestionType,
  reference: z.string(),
  answer: z.string(),
  verdict: Verdict,
  reason: z.string(),
  /** A person's verdict; null: nobody has said. */
  ruling: Verdict.nullable(),
  ruledBy: z.string().nullable(),
  /** Who gave the verdict: model and host of an endpoint; null: the rules of this program. */
  judge: z.string().nullable(),
  /** What the rules said before an endpoint judged. */
  local: z.object({ verdict: Verdict, reason: z.string() }).nullable(),
  /** Why the endpoint gave no verdict when it was asked last; the one that stands was there before. */
  judgeFailed: z.string().nullable(),
});
export type JudgedAnswer = z.infer<typeof JudgedAnswer>;

/** A sample that a generation left out. */
export const SkippedSample = z.object({
  sampleId: Id,
  videoId: Id,
  videoName: z.string(),
  question: z.string(),
  reason: z.string(),
});
export type SkippedSample = z.infer<typeof SkippedSample>;

export const JudgedFilter = z.object({ verdict: Verdict.optional(), ruled: z.boolean().optional() });
export type JudgedFilter = z.infer<typeof JudgedFilter>;

/** A rate with its 95 % interval (Wilson for proportions). */
export const Rate = z.object({
  value: z.number(),
  low: z.number(),
  high: z.number(),
  n: z.number().int(),
});
export type Rate = z.infer<typeof Rate>;

/** What a recipe's answers came to: `asked` to `unparseable` count answers, the others pairs. */
export const Yield = z.object({
  family: ErrorPattern.nullable(),
  /** Answers drawn; then by verdict, a person's own before the judge's. */
  asked: z.number().int(),
  wrong: z.number().int(),
  right: z.number().int(),
  unparseable: z.number().int(),
  /** Pairs that were made of them. An answer that the project has already makes none. */
  pairs: z.number().int(),
  accepted: z.number().int(),
  rejected: z.number().int(),
  /** Pending, or to be looked at again. */
  open: z.number().int(),
  /** Accepted of asked. */
  share: Rate,
});
export type Yield = z.infer<typeof Yield>;

/** One recipe's yield. `steps` where the recipe has no name: what it was. */
export const RecipeYield = Yield.extend({ key: z.string(), name: z.string(), steps: Recipe.nullable() });
export type RecipeYield = z.infer<typeof RecipeYield>;

/** The best first. */
export const YieldReport = z.object({ recipes: z.array(RecipeYield), families: z.array(Yield) });
export type YieldReport = z.infer<typeof YieldReport>;

// ------------------------------------------------------------------------------------------------ jobs

export const JobKind = z.enum([
  'probe',
  'proxy',
  'copy',
  'search',
  'import',
  'generate',
  'train',
  'evaluate',
  'export',
  'estimate',
  'bulk',
  'judge',
  'rewrite',
  'swap',
  'agreement',
]);
/** `paused`: it stands until it is resumed, and others run meanwhile. */
export const JobState = z.enum(['queued', 'running', 'paused', 'done', 'failed', 'cancelled']);
export const Job = z.object({
  id: Id,
  kind: JobKind,
  title: z.string(),
  state: JobState,
  /** Whether it can be paused: then it goes on where it was, also after a restart. */
  pausable: z.boolean().default(false),
  /** 0..1, or null when the end is unknown. */
  progress: z.number().min(0).max(1).nullable(),
  /** Seconds left, or null while unknown. */
  secondsLeft: z.number().nullable(),
  detail: z.string(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  result: z.unknown().optional(),
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
});
export type Job = z.infer<typeof Job>;

// ------------------------------------------------------------------------------------------------ training

export const Objective = z.enum(['rrpo', 'dpo', 'rrpo_no_refined_reward', 'rrpo_no_kl']);
export type Objective = z.infer<typeof Objective>;

export const Device = z.enum(['cpu', 'webgpu']);
export type Device = z.infer<typeof Device>;

/** What a person sets in the Train room; `align/config.ts` documents each field with its source and owns the defaults. */
export const TrainConfig = z.object({
  objective: Objective,
  beta: z.number().positive(),
  alpha: z.number().nonnegative(),
  learningRate: z.number().positive(),
  schedule: z.enum(['cosine', 'constant']),
  warmupRatio: z.number().min(0).max(1),
  epochs: z.number().positive(),
  batchPairs: z.number().int().positive(),
  accumulation: z.number().int().positive(),
  maxGradNorm: z.number().nonnegative(),
  weightDecay: z.number().nonnegative(),
  loraRank: z.number().int().positive(),
  loraAlpha: z.number().positive(),
  klScope: z.enum(['response', 'official']),
  frames: z.number().int().positive(),
  checkpointEvery: z.number().int().positive(),
  seed: z.number().int().nonnegative(),
  device: Device,
});
export type TrainConfig = z.infer<typeof TrainConfig>;

export const TrainPreset = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  config: TrainConfig,
});
export type TrainPreset = z.infer<typeof TrainPreset>;

export const DeviceReport = z.object({
  device: Device,
  available: z.boolean(),
  /** Why, in words: shown beside the choice. */
  reason: z.string(),
  /** True for a GPU emulated on the CPU: works, slowly. */
  software: z.boolean(),
});
export type DeviceReport = z.infer<typeof DeviceReport>;

/** One training step; keys are TRL's metric names (`loss`, `rewards/margins`, ...), values plain numbers. */
export const MetricRow = z.object({ step: z.number().int(), values: z.record(z.string(), z.number()) });
export type MetricRow = z.infer<typeof MetricRow>;

export const RunState = z.enum(['queued', 'running', 'stopping', 'stopped', 'done', 'failed']);
export const Run = z.object({
  id: Id,
  name: z.string(),
  state: RunState,
  config: TrainConfig,
  createdAt: Timestamp,
  endedAt: Timestamp.nullable(),
  step: z.number().int(),
  totalSteps: z.number().int(),
  pairCount: z.number().int(),
  /** Seconds left, or null while unknown or at rest. */
  secondsLeft: z.number().nullable(),
  /** Folder of the PEFT adapter, once written. */
  adapterDir: z.string().nullable(),
  resumable: z.boolean(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});
export type Run = z.infer<typeof Run>;

/** What a run will need on this machine, from one measured step. */
export const Estimate = z.object({
  verdict: z.enum(['fits', 'tight', 'will-not-fit']),
  /** Bytes at the peak, and bytes this machine has. */
  peakBytes: z.number(),
  availableBytes: z.number(),
  secondsPerPair: z.number(),
  secondsTotal: z.number(),
  advice: z.array(z.string()),
});
export type Estimate = z.infer<typeof Estimate>;

// ------------------------------------------------------------------------------------------------ compare

export const Answer = z.object({
  sampleId: Id,
  videoId: Id,
  question: z.string(),
  type: QuestionType,
  reference: z.string(),
  text: z.string(),
  verdict: z.enum(['right', 'wrong', 'unparseable']),
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
  base: z.object({ text: z.string(), verdict: z.enum(['right', 'wrong', 'unparseable']) }),
  tuned: z.object({ text: z.string(), verdict: z.enum(['right', 'wrong', 'unparseable']) }),
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

// ------------------------------------------------------------------------------------------------ events

/** Everything that changes behind the window's back, on one stream. */
export const AppEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('project'), project: ProjectInfo.nullable() }),
  z.object({ type: z.literal('job'), job: Job }),
  z.object({ type: z.literal('video'), videoId: Id }),
  z.object({ type: z.literal('pair'), pairId: Id, version: z.number().int() }),
  /** So many pairs changed that each is not named. */
  z.object({ type: z.literal('pairs') }),
  z.object({ type: z.literal('library') }),
  z.object({ type: z.literal('run'), run: Run }),
  z.object({ type: z.literal('metrics'), runId: Id, rows: z.array(MetricRow) }),
  z.object({ type: z.literal('evaluation'), evaluationId: Id }),
]);
export type AppEvent = z.infer<typeof AppEvent>;
