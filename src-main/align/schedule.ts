/** @file Learning-rate schedules: the ones that the released training scripts use, as pure functions of the step. */

/** How the learning rate moves over a run. `cosine` and `constant` both start with a linear warm-up. */
export type Schedule = {
  readonly kind: 'cosine' | 'constant';
  /** Learning rate at the end of the warm-up. */
  readonly peak: number;
  /** Lowest learning rate, as a fraction of `peak`; the cosine ends there (VideoChat2's script: 0.01; the others: 0). */
  readonly floorRatio: number;
  /** Optimizer steps of linear warm-up from 0 to `peak`; 0 means none. */
  readonly warmupSteps: number;
  /** Optimizer steps of the whole run; only the cosine needs it. */
  readonly totalSteps: number;
};

/**
 * Learning rate of optimizer step `step` (0 is the first).
 *
 * Warm-up: `peak * step / warmupSteps`, so the very first step of a warm-up has rate 0, as in Hugging Face's
 * `get_cosine_schedule_with_warmup`. After it: `floor + (peak - floor) * (1 + cos(pi * progress)) / 2`.
 */
export function learningRate(schedule: Schedule, step: number): number {
  const { kind, peak, floorRatio, warmupSteps, totalSteps } = schedule;
  if (step < warmupSteps) return (peak * step) / warmupSteps;
  if (kind === 'constant') return peak;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  const floor = peak * floorRatio;
  return floor + ((peak - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
}

/** Warm-up steps from a ratio of the run, rounded up as Hugging Face's `TrainingArguments.get_warmup_steps` does. */
export function warmupStepsFor(ratio: number, totalSteps: number): number {
  return Math.ceil(ratio * totalSteps);
}
