/** @file The settings of a run as a form: label, plain help, bounds; grouped as a person thinks of them. */
import type { TrainConfig } from '../../../src-main/contract/schemas.ts';
import { OBJECTIVE_WORDS, options } from '../../composables/words.ts';

type NumberKey = {
  [K in keyof TrainConfig]: TrainConfig[K] extends number ? K : never;
}[keyof TrainConfig];
type ChoiceKey = 'objective' | 'schedule' | 'klScope';

export type Field =
  | {
      readonly kind: 'number';
      readonly key: NumberKey;
      readonly label: string;
      readonly help: string;
      readonly min: number;
      readonly max?: number;
      readonly step: number;
      readonly whole?: boolean;
      /** Smallest value is not allowed itself. */
      readonly above?: boolean;
    }
  | {
      readonly kind: 'choice';
      readonly key: ChoiceKey;
      readonly label: string;
      readonly help: string;
      readonly options: readonly { value: string; label: string }[];
    };

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly Field[];
  /** Shown only on request. */
  readonly more?: boolean;
}

export const GROUPS: readonly FieldGroup[] = [
  {
    title: 'Objective',
    fields: [
      {
        kind: 'choice',
        key: 'objective',
        label: 'Method',
        help: 'RRPO rewards the marked phrases and keeps the rest of the answer near the base model. DPO compares whole answers.',
        options: options(OBJECTIVE_WORDS),
      },
      {
        kind: 'number',
        key: 'beta',
        label: 'Beta',
        help: 'How sharply a difference in probability counts as reward. 0.1 to 0.9.',
        min: 0,
        above: true,
        step: 0.1,
      },
      {
        kind: 'number',
        key: 'alpha',
        label: 'Alpha',
        help: 'Weight of the KL that holds the model near its base. 0.01 to 0.1; more is safer and slower.',
        min: 0,
        step: 0.01,
      },
    ],
  },
  {
    title: 'Learning',
    fields: [
      {
        kind: 'number',
        key: 'learningRate',
        label: 'Learning rate',
        help: 'Size of each step at its peak. 5e-6 for 7B models; small models need far more.',
        min: 0,
        above: true,
        step: 0.0001,
      },
      {
        kind: 'number',
        key: 'epochs',
        label: 'Epochs',
        help: 'How often each pair is seen. A fraction is allowed.',
        min: 0,
        above: true,
        step: 1,
      },
      {
        kind: 'number',
        key: 'batchPairs',
        label: 'Pairs at once',
        help: 'Pairs computed together. More needs more memory.',
        min: 1,
        step: 1,
        whole: true,
      },
      {
        kind: 'number',
        key: 'accumulation',
        label: 'Accumulation',
        help: 'Batches gathered before the model changes. Steps get steadier, and fewer.',
        min: 1,
        step: 1,
        whole: true,
      },
    ],
  },
  {
    title: 'Adapter and frames',
    fields: [
      {
        kind: 'number',
        key: 'loraRank',
        label: 'LoRA rank',
        help: 'Size of the adapter. 8 for the sample, 128 in the released runs.',
        min: 1,
        step: 8,
        whole: true,
      },
      {
        kind: 'number',
        key: 'loraAlpha',
        label: 'LoRA alpha',
        help: 'Strength of the adapter; usually twice the rank.',
        min: 0,
        above: true,
        step: 8,
      },
      {
        kind: 'number',
        key: 'frames',
        label: 'Frames',
        help: 'Frames of each clip that the model sees. More costs time and memory.',
        min: 1,
        step: 1,
        whole: true,
      },
    ],
  },
  {
    title: 'Fine points',
    more: true,
    fields: [
      {
        kind: 'choice',
        key: 'schedule',
        label: 'Schedule',
        help: 'Cosine lowers the rate towards the end; constant keeps it.',
        options: [
          { value: 'cosine', label: 'Cosine' },
          { value: 'constant', label: 'Constant' },
        ],
      },
      {
        kind: 'number',
        key: 'warmupRatio',
        label: 'Warm-up',
        help: 'Part of all steps in which the rate rises from zero.',
        min: 0,
        max: 1,
        step: 0.01,
      },
      {
        kind: 'number',
        key: 'maxGradNorm',
        label: 'Gradient clip',
        help: 'Larger gradients are scaled down to this norm. 0 switches it off.',
        min: 0,
        step: 0.5,
      },
      {
        kind: 'number',
        key: 'weightDecay',
        label: 'Weight decay',
        help: 'Pulls weights towards zero. 0 in most released runs.',
        min: 0,
        step: 0.01,
      },
      {
        kind: 'choice',
        key: 'klScope',
        label: 'KL over',
        help: 'The answer alone, or the wider mask of the official LLaVA-Video code.',
        options: [
          { value: 'response', label: 'The answer' },
          { value: 'official', label: 'Official mask' },
        ],
      },
      {
        kind: 'number',
        key: 'checkpointEvery',
        label: 'Checkpoint every',
        help: 'Steps between saved states. After a crash at most so many steps are done again.',
        min: 1,
        step: 5,
        whole: true,
      },
      {
        kind: 'number',
        key: 'seed',
        label: 'Seed',
        help: 'Order of the pairs and first values of the adapter.',
        min: 0,
        step: 1,
        whole: true,
      },
    ],
  },
];

/** Why a value cannot be used; empty when it can. */
function fieldProblem(field: Field, value: unknown): string {
  if (field.kind === 'choice') return '';
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'A number is needed.';
  if (field.above === true ? value <= field.min : value < field.min)
    return field.above === true ? `Must be above ${field.min}.` : `Must be at least ${field.min}.`;
  if (field.max !== undefined && value > field.max) return `Must be at most ${field.max}.`;
  if (field.whole === true && !Number.isInteger(value)) return 'A whole number is needed.';
  return '';
}

/** All problems of a configuration, by key. */
export function configProblems(config: TrainConfig): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const group of GROUPS)
    for (const field of group.fields) {
      const problem = fieldProblem(field, config[field.key]);
      if (problem) problems.set(field.key, problem);
    }
  return problems;
}

/** Steps the model will take: pairs times epochs over pairs per step, rounded up. */
export function plannedSteps(config: TrainConfig, pairs: number): number {
  const perStep = config.batchPairs * config.accumulation;
  return pairs === 0 || !(perStep > 0) ? 0 : Math.max(1, Math.ceil((pairs * config.epochs) / perStep));
}
