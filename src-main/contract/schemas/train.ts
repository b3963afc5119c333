/** @file The Train room: what is set, what it runs on, and the runs. */
import { z } from 'zod';
import { Id, Timestamp } from './basics.ts';

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
