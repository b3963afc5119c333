/**
 * @file `rrpo-workbench demo`: the whole job on the sample project, without a window. Negatives from perturbed clips, judging, differences,
 * DPO and RRPO from the same pairs, evaluation on balanced and biased held-out clips; one table of what was measured, whatever it is.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { clipFile, drawSet, sampleRows, writeClip } from '../../resources/world/sample-set.ts';
import { answersOf } from '../compare/evaluations.ts';
import { comparePaired, meanInterval, wilson } from '../compare/statistics.ts';
import type { Evaluation, ImportReport, PairedComparison, Rate, Run } from '../contract/schemas.ts';
import { formatSeconds } from '../jobs/eta.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { evaluate } from '../services/evaluation.ts';
import type { GenerateReport } from '../services/generation.ts';
import { addSample } from '../services/sample-project.ts';
import { acceptPending } from './accept.ts';
import { differenceText, rateText } from './command-eval.ts';
import { finishRun } from './command-train.ts';
import { trainConfig } from './options.ts';
import { table } from './output.ts';
import type { CommonOptions, Session } from './session.ts';

export type DemoOptions = CommonOptions & { keep?: string; epochs?: number; limit?: number };

/** Recipes that negatives are made with: the method's own, and one for each of its other error patterns. */
const DEMO_RECIPES = ['default', 'reverse', 'freeze'];
/** The biased held-out set: clips drawn like the last part of the model's pretraining, by a seed of its own. */
const BIASED_SET = { clips: 40, seed: 3091, mix: 'biased', questions: 6, heldoutEvery: 1 } as const;

/** One model on one held-out set. */
type Line = {
  model: string;
  set: string;
  accuracy: Rate;
  byType: Record<string, Rate>;
  versusBase: PairedComparison | null;
  /** Mean over questions of the KL from the base on the preferred answer, nats, with its 95 % interval. */
  kl: { value: number; low: number; high: number; n: number } | null;
};

export async function demoCommand(session: Session, _: string[], options: DemoOptions): Promise<void> {
  const started = performance.now();
  const parent = options.keep === undefined ? await mkdtemp(path.join(os.tmpdir(), 'rrpo-demo-')) : null;
  const folder = options.keep === undefined ? path.join(parent!, 'project') : path.resolve(options.keep);
  try {
    const report = await demo(session, folder, options);
    const seconds = (performance.now() - started) / 1000;
    session.output.result(
      { ...report, seconds, project: parent === null ? folder : null },
      text(report, seconds),
    );
  } finally {
    if (parent !== null) {
      await session.workbench.closeProject();
      await rm(parent, { recursive: true, force: true });
    }
  }
}

type DemoReport = {
  generated: GenerateReport[];
  accepted: number;
  runs: Run[];
  lines: Line[];
  timings: Record<string, number>;
};

async function demo(session: Session, folder: string, options: DemoOptions): Promise<DemoReport> {
  const { client, workbench, output, follow } = session;
  const timings: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    session.signal.throwIfAborted();
    const from = performance.now();
    const value = await work();
    timings[name] = (performance.now() - from) / 1000;
    output.note(`${name}: ${formatSeconds(timings[name])}`);
    return value;
  };

  await timed('project and held-out clips', async () => {
    await client.project.create({ path: folder, name: 'Demo' });
    await addSample(workbench);
    await importBiasedSet(session, path.join(folder, 'biased'));
    await workbench.jobs.idle();
  });
  const generated = await timed('negatives', async () => {
    const reports: GenerateReport[] = [];
    for (const recipe of DEMO_RECIPES) {
      const job = await client.negatives.generate({
        filter: {},
        recipe,
        seed: 0,
        temperature: 0,
        maxNewTokens: 64,
      });
      const report = (await follow(job)) as GenerateReport;
      output.note(
        `  ${recipe}: ${report.wrong} wrong, ${report.right} right, ${report.unparseable} unparseable; ${report.pairs} new pairs`,
      );
      reports.push(report);
    }
    return reports;
  });
  const accepted = await acceptPending(session);
  output.note(
    `${accepted} pairs accepted automatically, with their proposed phrases (in the workbench a person reviews them)`,
  );

  const runs: Run[] = [];
  for (const objective of ['dpo', 'rrpo'] as const) {
    const changes = {
      objective,
      ...(options.epochs === undefined ? {} : { epochs: String(options.epochs) }),
    };
    const config = trainConfig('sample', changes);
    await timed(`training ${objective.toUpperCase()}`, async () => {
      const { id } = await client.train.start({
        requestId: randomUUID(),
        name: objective.toUpperCase(),
        config,
      });
      runs.push(await finishRun(session, id));
    });
  }
  const evaluations: Evaluation[] = [];
  await timed('evaluation', async () => {
    for (const runId of [null, ...runs.map((run) => run.id)]) {
      const { done } = await evaluate(workbench, { runId, limit: options.limit });
      evaluations.push(await done);
    }
  });
  return { generated, accepted, runs, lines: linesOf(session, evaluations), timings };
}

/** Draws the biased held-out clips into `folder` and imports them with their questions. */
async function importBiasedSet({ client, follow }: Session, folder: string): Promise<void> {
  const clips = drawSet(BIASED_SET);
  for (const clip of clips) await writeClip(clip, path.join(folder, 'clips'));
  const rows = sampleRows(clips, 'sample-world/biased');
  const file = path.join(folder, 'samples.json');
  await writeFileAtomic(file, JSON.stringify(rows));
  const report = (await follow(await client.library.runImport({ path: file }))) as ImportReport;
  if (report.failed > 0 || report.missingVideos > 0)
    throw new Error(
      `internal: demo: expected all of ${rows.length} rows of ${clips.map(clipFile).length} clips, got ${JSON.stringify(report)}`,
    );
}

function linesOf({ workbench }: Session, evaluations: readonly Evaluation[]): Line[] {
  const { db } = workbench.requireProject();
  const answers = evaluations.map(({ id }) => answersOf(db, id));
  const setOf = (source: string): string => (source.includes('biased') ? 'biased' : 'balanced');
  const rate = (list: (typeof answers)[number]) =>
    wilson(list.filter((a) => a.verdict === 'right').length, list.length);
  return ['balanced', 'biased'].flatMap((set) =>
    evaluations.map((evaluation, k): Line => {
      const own = answers[k].filter((a) => setOf(a.source) === set);
      const types = [...new Set(own.map((a) => a.type))].sort();
      const base = new Map(answers[0].map((a) => [a.sample_id, a.verdict === 'right']));
      const shared = own.filter((a) => base.has(a.sample_id));
      const kls = own.flatMap((a) => (a.kl === null ? [] : [a.kl]));
      return {
        model: evaluation.name,
        set,
        accuracy: rate(own),
        byType: Object.fromEntries(types.map((type) => [type, rate(own.filter((a) => a.type === type))])),
        versusBase:
          k === 0
            ? null
            : comparePaired(
                shared.map((a) => base.get(a.sample_id)!),
                shared.map((a) => a.verdict === 'right'),
              ),
        kl: kls.length === 0 ? null : meanInterval(kls),
      };
    }),
  );
}

function text({ lines, accepted, runs }: DemoReport, seconds: number): string {
  const types = [...new Set(lines.flatMap((line) => Object.keys(line.byType)))].sort();
  const rows = lines.map(({ set, model, accuracy, byType, versusBase, kl }) => [
    `${set}: ${model}`,
    String(accuracy.n),
    rateText(accuracy),
    ...types.map((type) => (byType[type] === undefined ? '' : (100 * byType[type].value).toFixed(1))),
    versusBase === null ? '' : differenceText(versusBase),
    versusBase === null ? '' : `${versusBase.fixed}/${versusBase.broken}`,
    versusBase === null ? '' : versusBase.pValue < 0.001 ? '<0.001' : versusBase.pValue.toFixed(3),
    kl === null ? '' : `${kl.value.toFixed(3)} [${kl.low.toFixed(3)}, ${kl.high.toFixed(3)}]`,
  ]);
  const header = [
    'held-out set: model',
    'questions',
    'accuracy %',
    ...types.map((t) => t.replace('_', ' ')),
    'vs base, points',
    'fixed/broken',
    'p',
    'KL from base',
  ];
  return [
    table(header, rows),
    'Brackets: 95 % intervals (Wilson; paired bootstrap; normal for the KL, in nats a preferred answer). p: exact McNemar.',
    `${accepted} pairs accepted automatically; both runs trained on the same ${runs[0]?.pairCount ?? 0}. ${formatSeconds(seconds)} in all.`,
  ].join('\n');
}
