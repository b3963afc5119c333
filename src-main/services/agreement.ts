/** @file Agreement of reviewers, in the tokens of the project's model where it has one. */
import path from 'node:path';
import type { Agreement, PairReviews } from '../contract/schemas.ts';
import { openTokenizer } from '../models/tokenizer.ts';
import { agreementOfPair, agreementRows, AgreementSummary, cutWords, type Cut } from '../pairs/agreement.ts';
import type { BulkContext } from '../pairs/bulk.ts';
import type { PairService } from '../pairs/pairs.ts';
import { toPlainError } from '../platform/errors.ts';
import type { OpenProject } from '../project/project.ts';

/** How answers are cut, and what to call the pieces. */
export type Cutter = { cut: Cut; unit: string };

/** The last model asked about: opening a tokenizer takes a while, and every opened pair asks. */
let last: { modelDir: string; cutter: Promise<Cutter> } | null = null;

/** Tokens of the project's model; words where it has none or its tokenizer cannot be read, and then `unit` says why. */
export async function projectCutter(project: OpenProject): Promise<Cutter> {
  const { modelDir } = project;
  if (modelDir === null) return { cut: cutWords, unit: 'words (the project has no model)' };
  if (last?.modelDir !== modelDir) last = { modelDir, cutter: openCutter(modelDir) };
  try {
    return await last.cutter;
  } catch (error) {
    last = null;
    return { cut: cutWords, unit: `words (the model's tokenizer: ${toPlainError(error).message})` };
  }
}

async function openCutter(modelDir: string): Promise<Cutter> {
  const tokenizer = await openTokenizer(modelDir);
  return {
    cut: (text) =>
      tokenizer.encode(text, { addSpecialTokens: false }).offsets.map(([start, end]) => ({ start, end })),
    unit: `tokens of the project's model (${path.basename(modelDir)})`,
  };
}

/** What each reviewer made of a pair, and how far their marks agree. */
export async function pairReviews(
  project: OpenProject,
  pairs: PairService,
  pairId: string,
): Promise<PairReviews> {
  const { hidden, reviews } = pairs.reviews(pairId);
  const { cut, unit } = await projectCutter(project);
  const agreement = agreementOfPair(reviews, cut).flatMap(({ a, b, marks }) =>
    marks ? [{ a: a.reviewer, b: b.reviewer, marks }] : [],
  );
  return { hidden, reviews, unit, agreement };
}

/** Agreement over the project. @throws UserError CANCELLED */
export async function projectAgreement(project: OpenProject, context: BulkContext = {}): Promise<Agreement> {
  const { cut, unit } = await projectCutter(project);
  const summary = new AgreementSummary();
  for await (const row of agreementRows(project, cut, context)) summary.add(row);
  return summary.result(unit);
}
