/**
 * @file The way from an adapter to a candidate and back: an answer of an evaluation becomes a pair with everything it came from, and the
 * provenance of a pair is told step by step, as far as its run, adapter and evaluation are still there.
 */
import path from 'node:path';
import { z } from 'zod';
import { adapterHash } from '../align/adapter.ts';
import { evaluatedAnswer, getEvaluation } from '../compare/evaluations.ts';
import type { Evaluation, Lineage, Provenance, Split } from '../contract/schemas.ts';
import { SampleLibrary } from '../library/samples.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import type { OpenProject } from '../project/project.ts';
import { runManager } from './run-manager.ts';
import type { Workbench } from './workbench.ts';

/**
 * Makes one answer of an evaluation a candidate. A held-out clip's candidate is kept like any other, and never trained on
 * (`pairs/lints.ts`, heldout-leak).
 * @throws UserError NOT_FOUND; BAD_INPUT for an answer that is empty or the preferred one
 */
export function makeCandidate(
  workbench: Workbench,
  { evaluationId, sampleId }: { evaluationId: string; sampleId: string },
): { pairId: string; isNew: boolean; split: Split } {
  const project = workbench.requireProject();
  const { evaluation, settings, answer, frames } = evaluatedAnswer(project.db, { evaluationId, sampleId });
  const { question, chosen, split } = new SampleLibrary(project).get(sampleId);
  const rejected = answer.trim();
  if (rejected === '' || rejected === chosen.trim())
    throw new UserError(
      'BAD_INPUT',
      `candidate: expected an answer that differs from the preferred one, got ${rejected === '' ? 'an empty one' : 'the same text'}`,
      'Choose another answer.',
    );
  const { model, modelHash, adapterDir, adapterHash: hash, decoding } = settings;
  const provenance: Provenance = {
    kind: 'model-answer',
    ...(model === undefined ? {} : { model }),
    modelHash,
    ...(adapterDir === null ? {} : { adapter: adapterDir }),
    ...(hash ? { adapterHash: hash } : {}),
    ...(evaluation.runId === null ? {} : { runId: evaluation.runId }),
    evaluationId,
    frames: settings.frames,
    ...(frames === null ? {} : { frameIndices: frames }),
    decoding,
    question,
    original: answer,
    createdAt: evaluation.createdAt,
  };
  const pairs = new PairService(project, (pairId, version) =>
    workbench.hub.emit({ type: 'pair', pairId, version }),
  );
  const { id: pairId, isNew } = pairs.addCandidate({ sampleId, rejected, provenance });
  return { pairId, isNew, split };
}

/** What is read of a provenance; a pair of another program may carry anything. */
const Told = z.object({
  model: z.string().nullable().catch(null),
  modelHash: z.string().nullable().catch(null),
  adapter: z.string().nullable().catch(null),
  adapterHash: z.string().nullable().catch(null),
  runId: z.string().nullable().catch(null),
  evaluationId: z.string().nullable().catch(null),
  question: z.string().nullable().catch(null),
  recipe: z
    .array(z.object({ op: z.string() }))
    .nullable()
    .catch(null),
  seed: z.number().int().nullable().catch(null),
  frameIndices: z.array(z.number().int()).nullable().catch(null),
  decoding: z.record(z.string(), z.unknown()).nullable().catch(null),
});

/** Where the non-preferred answer of a pair came from; null when no model gave it. @throws UserError NOT_FOUND */
export async function lineage(workbench: Workbench, pairId: string): Promise<Lineage | null> {
  const project = workbench.requireProject();
  const { provenance } = new PairService(project).get(pairId);
  if (provenance.kind !== 'generated' && provenance.kind !== 'model-answer') return null;
  const told = Told.parse(provenance);
  const { modelHash, adapter, runId, evaluationId } = told;
  const model = told.model === null ? null : project.resolvePath(told.model);
  return {
    model: model === null ? null : { name: path.basename(model), path: model, hash: modelHash },
    run: runId === null ? null : await runStep(workbench, runId),
    adapter: adapter === null ? null : await adapterStep(project, adapter, told.adapterHash),
    evaluation: evaluationId === null ? null : evaluationStep(project, evaluationId),
    answer: {
      text: provenance.original,
      question: told.question,
      recipe: told.recipe?.map(({ op }) => op) ?? null,
      seed: told.seed,
      frames: told.frameIndices,
      decoding: told.decoding,
      at: provenance.createdAt,
    },
  };
}

const isGone = (error: unknown): boolean => error instanceof UserError && error.code === 'NOT_FOUND';

async function runStep(workbench: Workbench, id: string): Promise<Lineage['run']> {
  try {
    const { name, config, pairCount } = await runManager(workbench).get(id);
    return { id, name, objective: config.objective, pairs: pairCount };
  } catch (error) {
    if (!isGone(error)) throw error;
    return { id, name: null, objective: null, pairs: null };
  }
}

async function adapterStep(
  project: OpenProject,
  stored: string,
  hash: string | null,
): Promise<Lineage['adapter']> {
  const folder = project.resolvePath(stored);
  try {
    const now = await adapterHash(folder);
    return { path: folder, hash, state: hash === null ? 'unknown' : now === hash ? 'there' : 'changed' };
  } catch (error) {
    if (!isGone(error)) throw error;
    return { path: folder, hash, state: 'gone' };
  }
}

function evaluationStep(project: OpenProject, id: string): Lineage['evaluation'] {
  let evaluation: Evaluation;
  try {
    evaluation = getEvaluation(project.db, id);
  } catch (error) {
    if (!isGone(error)) throw error;
    return null;
  }
  const { runId, name, split, createdAt } = evaluation;
  return { id, runId, name, split, createdAt };
}
