/** @file The curves of a run: which metric, what its sign and unit mean, in words a newcomer can read. */
import type { MetricRow } from '../../../src-main/contract/schemas.ts';

export interface ChartSeries {
  /** Key of the metric, TRL's name. */
  readonly key: string;
  readonly label: string;
  /** Palette colour of the line. */
  readonly colour: 'accent' | 'good' | 'bad' | 'warn';
}
export interface ChartDefinition {
  readonly id: string;
  readonly title: string;
  /** Unit and what the sign means. */
  readonly caption: string;
  readonly series: readonly ChartSeries[];
  /** Positive on a wide range: a logarithmic axis can be chosen. */
  readonly canLog?: boolean;
  /** Set by the schedule, not measured: smoothing would only falsify it. */
  readonly exact?: boolean;
}

export const CHARTS: readonly ChartDefinition[] = [
  {
    id: 'loss',
    title: 'Loss',
    caption: 'Mean over pairs. Down is good.',
    series: [{ key: 'loss', label: 'loss', colour: 'accent' }],
    canLog: true,
  },
  {
    id: 'rewards',
    title: 'Rewards',
    caption: 'Nats × β. Preferred should stay on top.',
    series: [
      { key: 'rewards/chosen', label: 'pref.', colour: 'good' },
      { key: 'rewards/rejected', label: 'non-pref.', colour: 'bad' },
    ],
  },
  {
    id: 'margins',
    title: 'Reward margin',
    caption: 'Preferred minus non-preferred. Up is good.',
    series: [{ key: 'rewards/margins', label: 'margin', colour: 'accent' }],
  },
  {
    id: 'accuracies',
    title: 'Reward accuracy',
    caption: 'Share of pairs with a positive margin.',
    series: [{ key: 'rewards/accuracies', label: 'accuracy', colour: 'good' }],
  },
  {
    id: 'kl',
    title: 'KL on preferred answers',
    caption: 'Nats per answer from the base. Small is safe.',
    series: [{ key: 'kl/chosen', label: 'KL', colour: 'warn' }],
  },
  {
    id: 'logps',
    title: 'Log-probability of preferred',
    caption: 'Nats per answer. Falling fast is a warning.',
    series: [{ key: 'logps/chosen', label: 'log-probability', colour: 'good' }],
  },
  {
    id: 'lr',
    title: 'Learning rate',
    caption: 'Rises in the warm-up, then falls.',
    series: [{ key: 'learning_rate', label: 'rate', colour: 'accent' }],
    exact: true,
  },
  {
    id: 'grad',
    title: 'Gradient norm',
    caption: 'Before clipping. Steady growth: rate too high.',
    series: [{ key: 'grad_norm', label: 'norm', colour: 'accent' }],
    canLog: true,
  },
];

/** Rows of a run, in step order, each step once; a later report of a step replaces the earlier one. */
export function mergeMetrics(known: readonly MetricRow[], more: readonly MetricRow[]): MetricRow[] {
  if (more.length === 0) return [...known];
  const last = known.at(-1)?.step ?? -Infinity;
  if (more.every((row, i) => row.step > (i === 0 ? last : more[i - 1].step))) return [...known, ...more];
  const bySteps = new Map(known.map((row) => [row.step, row]));
  for (const row of more) bySteps.set(row.step, row);
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}

/** One metric of every row; null where a row does not have it or it is not a number. */
export function column(rows: readonly MetricRow[], key: string): (number | null)[] {
  return rows.map((row) => {
    const value = row.values[key];
    return value !== undefined && Number.isFinite(value) ? value : null;
  });
}
