/**
 * @file Gives the sample project its non-preferred answers: asks the sample model about perturbed training clips and keeps, for each
 * question, the first answer that is wrong, with everything needed to get it again.
 * `node scripts/make-sample-negatives.ts [--sample resources/sample] [--model resources/model] [--check]`
 * `--check` asks again by the recorded provenance and fails when an answer differs.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { SampleRow } from '../resources/world/sample-set.ts';
import { judge } from '../src-main/negatives/judge.ts';
import { RECIPES, resolveRecipe } from '../src-main/negatives/recipes.ts';
import type { Recipe } from '../src-main/contract/recipe.ts';
import { writeFileAtomic } from '../src-main/platform/files.ts';
import { Answerer, DECODING } from './pretrain-sample/answerer.ts';

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: path.join(import.meta.dirname, '../resources/sample') },
    model: { type: 'string', default: path.join(import.meta.dirname, '../resources/model') },
    threads: { type: 'string', default: '2' },
    check: { type: 'boolean', default: false },
  },
});

/** Where a non-preferred answer comes from. The frames and the recipe with its seed give the pixels; decoding is greedy. */
export type Provenance = {
  /** SHA-256 over the model's configuration and weights. */
  model: string;
  /** Name of the recipe in src-main/negatives/recipes.ts, and its steps. */
  recipe: string;
  steps: Recipe;
  seed: number;
  /** Frames of the clip that the model was given, before the recipe. */
  frame_indices: number[];
  decoding: typeof DECODING;
};

type Row = SampleRow & { pred?: string; provenance?: Provenance };

/** Tried in this order until an answer is wrong: the method's own perturbation first, the probes of priors last. */
const ATTEMPTS: readonly { recipe: string; seed: number }[] = [
  { recipe: 'default', seed: 1 },
  { recipe: 'default', seed: 2 },
  { recipe: 'shuffle', seed: 3 },
  { recipe: 'mask', seed: 4 },
  { recipe: 'freeze', seed: 5 },
  { recipe: 'blank', seed: 6 },
];

const questionOf = (row: Row): string => row.question.replace(/^<image>\n/, '');

function byVideo(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.video, [...(groups.get(row.video) ?? []), row]);
  return groups;
}

/** Asks about all training rows; sets pred and provenance where some perturbation makes the model answer wrongly. */
async function make(rows: Row[], answerer: Answerer): Promise<void> {
  const clips = byVideo(rows.filter((row) => row.split === 'train'));
  for (const row of rows) {
    delete row.pred;
    delete row.provenance;
  }
  let done = 0;
  for (const [video, questions] of clips) {
    const file = path.join(values.sample, video);
    for (const { recipe, seed } of ATTEMPTS) {
      const open = questions.filter((row) => row.pred === undefined);
      if (open.length === 0) break;
      const { recipe: steps } = resolveRecipe(recipe);
      const { frameIndices, answers } = await answerer.answer(file, open.map(questionOf), steps, seed);
      open.forEach((row, i) => {
        const answer = answers[i];
        const item = { type: row.type, question: questionOf(row), reference: row.answer, answer };
        if (judge(item).verdict !== 'wrong') return;
        row.pred = answer;
        row.provenance = {
          model: answerer.modelHash,
          recipe,
          steps,
          seed,
          frame_indices: frameIndices,
          decoding: DECODING,
        };
      });
    }
    done++;
    if (done % 10 === 0) console.log(`${done} of ${clips.size} clips`);
  }
}

/** Asks again by each provenance; returns the rows whose answer is another one now. */
async function check(rows: readonly Row[], answerer: Answerer): Promise<string[]> {
  const differing: string[] = [];
  for (const row of rows) {
    if (row.pred === undefined || row.provenance === undefined) continue;
    const { steps, seed, model } = row.provenance;
    const { answers } = await answerer.answer(
      path.join(values.sample, row.video),
      [questionOf(row)],
      steps,
      seed,
    );
    if (answers[0] !== row.pred || model !== answerer.modelHash) differing.push(row.sample_id);
  }
  return differing;
}

async function main(): Promise<void> {
  const file = path.join(values.sample, 'samples.json');
  const rows = JSON.parse(await readFile(file, 'utf8')) as Row[];
  const answerer = await Answerer.open(values.model, Number(values.threads));
  if (values.check) {
    const differing = await check(rows, answerer);
    console.log(differing.length === 0 ? 'all answers are the same' : `differing: ${differing.join(', ')}`);
    process.exitCode = differing.length === 0 ? 0 : 1;
  } else {
    await make(rows, answerer);
    await writeFileAtomic(file, `${JSON.stringify(rows, null, 1)}\n`);
    const made = rows.filter((row) => row.pred !== undefined);
    console.log(
      `${made.length} of ${rows.filter((row) => row.split === 'train').length} training questions have a wrong answer`,
    );
    for (const { id, name } of RECIPES) {
      const n = made.filter((row) => row.provenance?.recipe === id).length;
      if (n > 0) console.log(`  ${n} by "${name}"`);
    }
  }
  await answerer.release();
}

await main();
