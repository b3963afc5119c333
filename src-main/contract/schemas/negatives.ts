/** @file How wrong answers are made and judged: the Negatives room. */
import { z } from 'zod';
import { ErrorPattern, Recipe, SuggestionPrompt } from '../recipe.ts';
import { Id, Timestamp, Split, QuestionType, Rate } from './basics.ts';
import { SampleFilter } from './library.ts';

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
  /** Has the endpoint judge the open-ended answers afterwards, as a job of its own (JudgeReport). */
  judge: z.boolean().optional(),
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
