/**
 * @file Training metrics under TRL's names: averaged over every pair of an optimizer step (the official trainer keeps only
 * the last micro-batch), written as JSON lines, and cut back to a checkpoint when a run resumes.
 */
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { appendDurably, writeFileAtomic } from '../platform/files.ts';

/** What the loss graph reports about one pair. Rewards and log-probabilities in nats; KL is a sum over positions. */
export type PairMetrics = {
  loss: number;
  /** beta * summed log-ratio over rewarded tokens of the preferred / non-preferred answer. */
  rewardChosen: number;
  rewardRejected: number;
  /** Policy log-probability of the whole labelled answer. */
  logpChosen: number;
  logpRejected: number;
  /** Sum over labelled positions of KL(reference || policy). The rejected side is for watching only. */
  klChosen: number;
  klRejected: number;
  /** Rewarded tokens, and labelled tokens, on each side. */
  markedChosen: number;
  markedRejected: number;
  labelledChosen: number;
  labelledRejected: number;
};

/** One line of `metrics.jsonl`; keys are TRL's where TRL has the quantity. */
export type MetricLine = { step: number; epoch: number } & Record<string, number>;

/** Keys whose values depend on the clock or the machine; all others are the same bit for bit after a resume. */
export const TIMING_KEYS: readonly string[] = [
  'samples_per_second',
  'step_seconds',
  'seconds_left',
  'memory_rss_mb',
];

/** Averages pair metrics over one optimizer step, each pair with the same weight whatever its micro-batch. */
export class StepMetrics {
  #pairs: PairMetrics[] = [];

  add(pairs: readonly PairMetrics[]): void {
    this.#pairs.push(...pairs);
  }

  /** Pairs collected so far. */
  get count(): number {
    return this.#pairs.length;
  }

  /** Means over the pairs collected, and a clean slate. */
  take(): Record<string, number> {
    const pairs = this.#pairs;
    this.#pairs = [];
    const mean = (value: (pair: PairMetrics) => number) =>
      pairs.reduce((sum, p) => sum + value(p), 0) / pairs.length;
    return {
      loss: mean((p) => p.loss),
      'rewards/chosen': mean((p) => p.rewardChosen),
      'rewards/rejected': mean((p) => p.rewardRejected),
      'rewards/margins': mean((p) => p.rewardChosen - p.rewardRejected),
      // Strict, as in the official code: a tie counts as wrong.
      'rewards/accuracies': mean((p) => (p.rewardChosen > p.rewardRejected ? 1 : 0)),
      'logps/chosen': mean((p) => p.logpChosen),
      'logps/rejected': mean((p) => p.logpRejected),
      'kl/chosen': mean((p) => p.klChosen),
      'kl/rejected': mean((p) => p.klRejected),
      'kl/margins': mean((p) => p.klChosen - p.klRejected),
      'tokens/marked_chosen': mean((p) => p.markedChosen),
      'tokens/marked_rejected': mean((p) => p.markedRejected),
      'tokens/marked_fraction_chosen': mean((p) => p.markedChosen / Math.max(1, p.labelledChosen)),
      'tokens/marked_fraction_rejected': mean((p) => p.markedRejected / Math.max(1, p.labelledRejected)),
      pairs: pairs.length,
    };
  }
}

/** The metrics of a run, one JSON object a line. */
export const metricsFile = (runDir: string): string => path.join(runDir, 'metrics.jsonl');

/** Appends one line and makes it durable before returning. */
export async function appendMetrics(file: string, line: MetricLine): Promise<void> {
  await appendDurably(file, `${JSON.stringify(line)}\n`);
}

/** Lines of a metrics file in order; a torn last line (the process died while writing) is left out. Empty if absent. */
export async function readMetrics(file: string): Promise<MetricLine[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MetricLine);
}

/** Cuts the file back to steps <= `step` (the checkpoint that a run resumes from), byte for byte as they were. */
export async function truncateMetrics(file: string, step: number): Promise<void> {
  const lines = (await readMetrics(file)).filter((line) => line.step <= step);
  await writeFileAtomic(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Resident memory of this process in MiB, and its peak so far where the system tells (Linux); for the metric line. */
export async function memoryUse(): Promise<{ rssMb: number; peakMb: number | null }> {
  const rssMb = process.memoryUsage.rss() / 2 ** 20;
  if (process.platform !== 'linux') return { rssMb, peakMb: null };
  const handle = await open('/proc/self/status', 'r');
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(await handle.readFile('utf8'));
    return { rssMb, peakMb: peak ? Number(peak[1]) / 1024 : null };
  } finally {
    await handle.close();
  }
}
