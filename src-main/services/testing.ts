/**
 * @file For tests and benchmarks: answers as a generation leaves them, what a server on loopback says as their judge, and a training run
 * that has ended.
 */
import path from 'node:path';
import { presetConfig } from '../align/config.ts';
import { writeRandomAdapter } from '../align/testing.ts';
import { TrainConfig, type Verdict } from '../contract/schemas.ts';
import type { Asked } from '../endpoint/testing.ts';
import { SampleLibrary } from '../library/samples.ts';
import { addAttempt } from '../negatives/attempts.ts';
import { PairService } from '../pairs/pairs.ts';
import { seedPair } from '../pairs/testing.ts';
import type { OpenProject } from '../project/project.ts';
import { createRunFiles } from './run-files.ts';

/** An open answer to a question of its own, with the verdict that the rules gave. */
export type SeededAnswer = { answer: string; verdict: Verdict; chosen?: string };

/** Stores answers about one clip; those that the rules call wrong have their pair. `about` sets the questions of two calls apart. */
export function seedAnswers(project: OpenProject, answers: readonly SeededAnswer[], about = 'circle'): void {
  const { videoId } = seedPair(project);
  const pairs = new PairService(project);
  const samples = new SampleLibrary(project);
  project.db.transaction(() =>
    answers.forEach(({ answer, verdict, chosen = 'It moves to the left.' }, k) => {
      const question = `What does ${about} ${k} do?`;
      const { id: sampleId } = samples.add({ videoId, question, type: 'open_ended', chosen, source: 'test' });
      const provenance = { kind: 'generated', original: answer, createdAt: 0 } as const;
      const pair =
        verdict === 'wrong' ? pairs.addCandidate({ sampleId, rejected: answer, provenance }) : null;
      addAttempt(project.db, `c${k}`, {
        sampleId,
        answer,
        verdict,
        reason: 'by rule',
        provenance,
        recipe: 'default',
        pairId: pair?.id ?? null,
        made: pair?.isNew ?? false,
      });
    }),
  );
}

/** The texts of the answer that a judge is asked about. */
export const judgedTexts = ({ body }: Asked): { question: string; reference: string; answer: string } =>
  JSON.parse(body.messages[1].content) as ReturnType<typeof judgedTexts>;

/** A well-formed verdict on what a judge is asked about. */
export function verdictOn({ body }: Asked, verdict: Verdict, reason = 'because'): string {
  const [, check] = /"check": "([0-9a-f]{8})"/.exec(body.messages[0].content)!;
  return JSON.stringify({ check, verdict, reason });
}

/** Writes a run that has ended, with an adapter of random weights (seed 1) over `modelDir`. @returns the folder of its adapter */
export async function seedTunedRun(
  runsDir: string,
  { id, name, modelDir }: { id: string; name: string; modelDir: string },
): Promise<string> {
  const adapterDir = path.join(runsDir, id, 'adapter');
  await writeRandomAdapter(modelDir, adapterDir, 1);
  await createRunFiles(
    runsDir,
    {
      id,
      name,
      state: 'done',
      config: { ...TrainConfig.parse(presetConfig('sample')), frames: 4 },
      createdAt: 1,
      endedAt: 2,
      step: 3,
      totalSteps: 3,
      pairCount: 6,
      secondsLeft: null,
      adapterDir,
      resumable: false,
      error: null,
      requestId: 'test',
      modelDir,
    },
    [],
  );
  return adapterDir;
}
