/**
 * @file Training configuration: every setting with its meaning, default and source, and the presets of the released RRPO
 * scripts. The window's `TrainConfig` (contract) is a subset; `parseTrainingConfig` fills in the rest.
 */
import { z } from 'zod';
import * as contract from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';

const count = z.number().int().positive();

/** Settings of one run. Where a source is named "LLaVA-Video script", it is the released RRPO script for that model. */
export const TrainingConfig = z.object({
  // -- objective ---------------------------------------------------------------------------------------------------
  /**
   * What is minimised, per pair and averaged over pairs. `rrpo`: -log sigmoid(beta * (S+ - S-)) + alpha * KL, S over marked
   * tokens. `dpo`: S over all response tokens, no KL. `rrpo_no_refined_reward`: S over all response tokens, with KL.
   * `rrpo_no_kl`: marked tokens, no KL. Default `rrpo`.
   */
  objective: contract.Objective.default('rrpo'),
  /** Reward temperature. Default 0.1 (LLaVA-Video script); the official comment suggests 0.1-0.9. */
  beta: z.number().positive().default(0.1),
  /** Weight of the token-wise KL on the preferred answer. Default 0.01 (LLaVA-Video script); suggested 0.01-0.1. */
  alpha: z.number().nonnegative().default(0.01),
  /**
   * Positions in the KL sum. `response`: answer and end token, the paper's |y+| and VideoChat2's code; the default.
   * `official`: LLaVA-Video's wider mask, which also labels every newline and turn marker of the whole conversation.
   */
  klScope: z.enum(['response', 'official']).default('response'),

  // -- optimisation ------------------------------------------------------------------------------------------------
  /** Peak learning rate. Default 5e-6 (LLaVA-Video and LongVU scripts); small models need far more. */
  learningRate: z.number().positive().default(5e-6),
  /** Default `cosine` (all three scripts). */
  schedule: z.enum(['cosine', 'constant']).default('cosine'),
  /** Warm-up as a fraction of all steps, rounded up. Default 0.03 (LLaVA-Video and LongVU; VideoChat2: 0). */
  warmupRatio: z.number().min(0).max(1).default(0.03),
  /** Where the cosine ends, as a fraction of the peak. Default 0 (VideoChat2: 0.01). */
  floorRatio: z.number().min(0).max(1).default(0),
  /** Passes over the pairs; may be a fraction. Default 1 (all three scripts). */
  epochs: z.number().positive().default(1),
  /** Upper bound on optimizer steps, or null. Default null. */
  maxSteps: count.nullable().default(null),
  /** Pairs per micro-batch. Default 1 (LLaVA-Video and LongVU; VideoChat2: 2). */
  batchPairs: count.default(1),
  /**
   * Micro-batches per optimizer step. Default 32, so that one device has the effective batch of 32 that the official scripts
   * reach with four (8 x 4).
   */
  accumulation: count.default(32),
  /** Gradients are scaled down to this global L2 norm; 0 switches clipping off. Default 1 (Hugging Face's default). */
  maxGradNorm: z.number().nonnegative().default(1),
  /** AdamW first-moment decay. Default 0.9. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** AdamW second-moment decay. Default 0.999. */
  beta2: z.number().min(0).lt(1).default(0.999),
  /** AdamW epsilon. Default 1e-8. */
  eps: z.number().positive().default(1e-8),
  /** Decoupled weight decay. Default 0 (VideoChat2: 0.02). */
  weightDecay: z.number().nonnegative().default(0),

  // -- adapter -----------------------------------------------------------------------------------------------------
  /** Rank of the LoRA matrices, on every language-model linear except the head. Default 128 (all three scripts). */
  loraRank: count.default(128),
  /** LoRA scale numerator: updates are multiplied by loraAlpha / loraRank. Default 256 (all three scripts). */
  loraAlpha: z.number().positive().default(256),

  // -- data --------------------------------------------------------------------------------------------------------
  /** Frames given to the model per video. Default 16 (all three scripts). */
  frames: count.default(16),
  /** Longest row in tokens, video included; a longer pair is refused, never cut. Default 32768 (LLaVA-Video script). */
  maxLength: count.default(32768),
  /** Seed of the data order and of the adapter's first values. Default 42 (all three scripts). */
  seed: z.number().int().nonnegative().default(42),

  // -- running -----------------------------------------------------------------------------------------------------
  /** Optimizer steps between checkpoints; one is always written at the end and at a stop. Default 50. */
  checkpointEvery: count.default(50),
  /** Checkpoints kept; older ones are deleted. Default 3. */
  keepCheckpoints: count.default(3),
  /** One row [prompt | chosen | rejected] per pair instead of two; same numbers, about half the work. Default true. */
  prefixSharing: z.boolean().default(true),
  /** Default `cpu`. */
  device: contract.Device.default('cpu'),
  /** Threads for the CPU provider; 0 lets the runtime choose. Bit-for-bit resume needs the same value. Default 0. */
  threads: z.number().int().nonnegative().default(0),
});
export type TrainingConfig = z.infer<typeof TrainingConfig>;
/** What a caller may give: any subset. */
export type TrainingConfigInput = z.input<typeof TrainingConfig>;

/** Checks and completes a configuration; throws a UserError that names each bad field. */
export function parseTrainingConfig(input: unknown): TrainingConfig {
  const result = TrainingConfig.strict().safeParse(input);
  if (result.success) return result.data;
  const issues = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'configuration'}: ${issue.message}`,
  );
  throw new UserError(
    'BAD_INPUT',
    `training configuration: ${issues.join('; ')}`,
    'Correct these fields; `src-main/align/config.ts` describes each one.',
  );
}

/** A named starting point. `config` holds what differs from the defaults above. */
export type Preset = { id: string; name: string; description: string; config: TrainingConfigInput };

/** Presets of the released scripts (effective batch 32 on one device), and one for the sample model. */
export const PRESETS: readonly Preset[] = [
  {
    id: 'sample',
    name: 'Sample model',
    description:
      'For the few-million-parameter sample model: higher rates, small batches, minutes on a laptop.',
    config: {
      beta: 0.5,
      alpha: 0.02,
      learningRate: 1e-3,
      warmupRatio: 0.05,
      floorRatio: 0.1,
      epochs: 3,
      batchPairs: 1,
      accumulation: 8,
      loraRank: 8,
      loraAlpha: 16,
      frames: 8,
      checkpointEvery: 20,
    },
  },
  {
    id: 'llava-video',
    name: 'LLaVA-Video 7B (released script)',
    description: 'alpha 0.01, beta 0.1, lr 5e-6, LoRA 128/256, one epoch, effective batch 32, 16 frames.',
    config: { klScope: 'official' },
  },
  {
    id: 'longvu',
    name: 'LongVU 7B (released script)',
    description: 'alpha 0.05, beta 0.5, lr 5e-6, LoRA 128/256, one epoch, effective batch 32, 16 frames.',
    config: { beta: 0.5, alpha: 0.05, klScope: 'official', maxLength: 8192 },
  },
  {
    id: 'videochat2',
    name: 'VideoChat2 7B (released script)',
    description:
      'alpha 0.01, beta 0.9, lr 2e-5 with a 1 % floor, weight decay 0.02, no clipping, LoRA 128/256.',
    config: {
      beta: 0.9,
      alpha: 0.01,
      learningRate: 2e-5,
      warmupRatio: 0,
      floorRatio: 0.01,
      batchPairs: 2,
      accumulation: 16,
      maxGradNorm: 0,
      weightDecay: 0.02,
      maxLength: 608,
    },
  },
];

/** The preset's complete configuration; throws a UserError listing the known ids. */
export function presetConfig(id: string): TrainingConfig {
  const preset = PRESETS.find((p) => p.id === id);
  if (!preset)
    throw new UserError(
      'BAD_INPUT',
      `preset: expected one of ${PRESETS.map((p) => p.id).join(', ')}, got "${id}"`,
      'Choose one of these presets.',
    );
  return parseTrainingConfig(preset.config);
}

/** Optimizer steps of a run over `pairs` pairs. The last, short batch of the run is kept, not dropped. */
export function totalSteps(config: TrainingConfig, pairs: number): number {
  const perStep = config.batchPairs * config.accumulation;
  const steps = Math.max(1, Math.ceil((pairs * config.epochs) / perStep));
  return config.maxSteps === null ? steps : Math.min(steps, config.maxSteps);
}
