/**
 * @file Spurious co-occurrence: swapped concepts as pairs of their own, and as suggestions in questions to the model; and the table of what
 * appears together.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { ConceptTable, Job, SwapReport, SwapRequest } from '../contract/schemas.ts';
import type { JobHandle } from '../jobs/queue.ts';
import { SampleLibrary } from '../library/samples.ts';
import { lemmaOf } from '../negatives/concept-statistics.ts';
import { loadReader } from '../negatives/concepts.ts';
import {
  conceptStatistics,
  conceptsOfVideo,
  readSamples,
  unreadSamples,
} from '../negatives/sample-concepts.ts';
import { proposeSwaps, type Swap } from '../negatives/swaps.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import type { OpenProject } from '../project/project.ts';
import type { AskedSample } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** So many unread samples are read at once when the table is asked for: less than a second. */
const READ_AT_ONCE = 2000;
/** Rows of the table. */
const ROWS = 40;
/** Swaps looked for on one sample, so that one is found that a question can suggest. */
const SUGGESTIONS = 4;

/** The strongest co-occurrences of what has been read. */
export async function conceptTable({ db }: OpenProject): Promise<ConceptTable> {
  if (unreadSamples(db) <= READ_AT_ONCE) await readSamples(db);
  const statistics = await conceptStatistics(db);
  return {
    samples: statistics.samples,
    unread: unreadSamples(db),
    rows: statistics.strongest(ROWS).map((row) => ({ ...row, a: lemmaOf(row.a), b: lemmaOf(row.b) })),
  };
}

/** Reads the answers that have not been read, as a job. */
export function readConcepts(workbench: Workbench): Job {
  const { db } = workbench.requireProject();
  return workbench.jobs.enqueue({
    kind: 'swap',
    title: 'Reading the concepts of the answers',
    lane: 'shell',
    run: async ({ signal, progress }) => {
      await readSamples(db, {
        signal,
        onStep: (done, total) => progress(done / total, `${done} of ${total} answers`),
      });
      workbench.hub.emit({ type: 'library' });
    },
  }).job;
}

/** Makes pending pairs of swapped concepts, as a job. @throws UserError BAD_INPUT for held-out samples */
export function swapConcepts(
  workbench: Workbench,
  { filter, perSample }: SwapRequest,
): JobHandle<SwapReport> {
  const project = workbench.requireProject();
  if (filter.split === 'heldout')
    throw new UserError(
      'BAD_INPUT',
      'swaps: expected samples of the training split, got the held-out ones',
      'Negatives of held-out clips would leak into training; choose the training split.',
    );
  return workbench.jobs.enqueue({
    kind: 'swap',
    title: 'Swapping concepts',
    lane: 'shell',
    run: async ({ signal, progress }) => {
      const samples = new SampleLibrary(project).all({ ...filter, split: 'train' });
      const pairs = new PairService(project);
      const report: SwapReport = { pairs: 0, known: 0, samples: samples.length, without: 0 };
      try {
        for await (const { sample, swaps } of swapsOf(project, samples, perSample, { signal, progress })) {
          if (swaps.length === 0) report.without++;
          for (const swap of swaps) report[addSwap(pairs, sample, swap) ? 'pairs' : 'known']++;
        }
      } finally {
        workbench.hub.emit({ type: 'pairs' });
        workbench.hub.emit({ type: 'library' });
      }
      return report;
    },
    result: (report) => report,
  });
}

function addSwap(
  pairs: PairService,
  { id: sampleId }: AskedSample,
  { rejected, phrases, why }: Swap,
): boolean {
  return pairs.addCandidate({
    sampleId,
    rejected,
    phrases,
    provenance: {
      kind: 'swapped',
      family: 'co-occurrence',
      swap: why,
      original: rejected,
      createdAt: Date.now(),
    },
  }).isNew;
}

/** Clips whose concepts are kept, since their samples mostly follow each other. */
const CLIPS = 1000;

type Swapping = { signal: AbortSignal; progress: (fraction: number, detail: string) => void };

/** Share of the time that reading unread answers takes, about; swapping itself takes as long. */
const READING = 0.5;

/** The swaps of each sample, a few samples between two breaths. @throws UserError CANCELLED */
async function* swapsOf<S extends AskedSample>(
  project: OpenProject,
  samples: readonly S[],
  limit: number,
  { signal, progress }: Swapping,
): AsyncGenerator<{ sample: S; swaps: Swap[] }> {
  const { db, synonyms } = project;
  const reading = unreadSamples(db) > 0 ? READING : 0;
  await readSamples(db, {
    signal,
    onStep: (done, total) => progress((done / total) * reading, `Read ${done} of ${total} answers`),
  });
  await loadReader();
  const statistics = await conceptStatistics(db, signal);
  const clips = new Map<string, ReadonlySet<string>>();
  for (const [i, sample] of samples.entries()) {
    if (signal.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    if (clips.size > CLIPS) clips.clear();
    const inClip = clips.get(sample.videoId) ?? conceptsOfVideo(db, sample.videoId);
    clips.set(sample.videoId, inClip);
    yield { sample, swaps: proposeSwaps(sample, statistics, { inClip, limit, synonyms }) };
    if (i % 10 !== 9) continue;
    progress(reading + ((i + 1) / samples.length) * (1 - reading), `${i + 1} of ${samples.length} answers`);
    await breathe();
  }
}

/** A question that suggests a concept, and why this one. */
export type Suggestion = { question: string; why: Swap['why'] };

/** What to ask about each sample for which something fits, by its id. @throws UserError CANCELLED */
export async function suggestions(
  project: OpenProject,
  samples: readonly AskedSample[],
  prompt: string,
  swapping: Swapping,
): Promise<Map<string, Suggestion>> {
  const all = new Map<string, Suggestion>();
  for await (const { sample, swaps } of swapsOf(project, samples, SUGGESTIONS, swapping)) {
    const swap = swaps.find(({ hint }) => hint !== null);
    if (swap === undefined) continue;
    // The function keeps "$&" in a question as it is.
    const question = prompt.replace(/\{(question|concept)\}/g, (_, name: string) =>
      name === 'question' ? sample.question : swap.hint!,
    );
    all.set(sample.id, { question, why: swap.why });
  }
  return all;
}
