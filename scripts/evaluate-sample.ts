/**
 * @file Measures the sample model by its own generation on real clip files: `node scripts/evaluate-sample.ts`. Two sets are made by
 * seed into a cache folder: a balanced one, and one with the biases of the pretraining mix; each is asked clean and perturbed.
 * Prints the tables of resources/README.md; `--json FILE` writes them as data.
 */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { clipFile, drawSet, writeClip, type Clip, type MixName } from '../resources/world/sample-set.ts';
import type { Question } from '../resources/world/questions.ts';
import { wilson } from '../src-main/compare/statistics.ts';
import { DEFAULT_RECIPE } from '../src-main/contract/recipe.ts';
import { exists } from '../src-main/models/checkpoint.ts';
import { judge } from '../src-main/negatives/judge.ts';
import { writeFileAtomic } from '../src-main/platform/files.ts';
import { Answerer } from './pretrain-sample/answerer.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: path.join(import.meta.dirname, '../resources/model') },
    clips: { type: 'string', default: '80' },
    questions: { type: 'string', default: '8' },
    seed: { type: 'string', default: '20309' },
    threads: { type: 'string', default: '2' },
    cache: { type: 'string', default: path.join(tmpdir(), 'rrpo-sample-evaluation') },
    json: { type: 'string' },
  },
});

/** One judged answer. */
type Outcome = { question: Question; right: boolean; answer: string };

async function clipsOf(mix: MixName): Promise<{ clip: Clip; file: string }[]> {
  const clips = drawSet({
    clips: Number(values.clips),
    seed: Number(values.seed),
    mix,
    questions: Number(values.questions),
    heldoutEvery: 1,
  });
  const dir = path.join(values.cache, `${values.seed}-${mix}`);
  return Promise.all(
    clips.map(async (clip) => {
      const file = path.join(dir, clipFile(clip));
      if (!(await exists(file))) await writeClip(clip, dir);
      return { clip, file };
    }),
  );
}

/** Groups a question counts in: all, its type, its aspect, and how its answer stands to a bias. */
function groups({ type, aspect, bias }: Question): string[] {
  const names = ['all', `type: ${type.replace('_', ' ')}`, `aspect: ${aspect}`];
  if (bias !== null) {
    const what = bias.kind === 'spurious' ? 'direction of red and blue' : 'yes/no and counts';
    names.push(`${what}: right answer ${bias.side === 'agree' ? 'agrees with' : 'contradicts'} the bias`);
  }
  return names;
}

function table(outcomes: ReadonlyMap<string, Outcome[]>): {
  rows: string[][];
  data: Record<string, unknown>;
} {
  const columns = [...outcomes.keys()];
  const names = new Set<string>();
  for (const list of outcomes.values())
    for (const o of list) for (const g of groups(o.question)) names.add(g);
  const order = ['all', 'type', 'aspect', 'direction', 'yes/no'];
  const rank = (name: string) => order.findIndex((prefix) => name.startsWith(prefix));
  const data: Record<string, unknown> = {};
  const rows = [...names]
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((name) => [
      name,
      ...columns.map((column) => {
        const members = outcomes.get(column)!.filter((o) => groups(o.question).includes(name));
        const rate = wilson(members.filter((o) => o.right).length, members.length);
        (data[column] ??= {}) as Record<string, unknown>;
        (data[column] as Record<string, unknown>)[name] = rate;
        const percent = (x: number) => (100 * x).toFixed(0);
        return rate.n === 0
          ? '-'
          : `${percent(rate.value)} % [${percent(rate.low)}, ${percent(rate.high)}] n=${rate.n}`;
      }),
    ]);
  return { rows: [['questions', ...columns], ['---', ...columns.map(() => '---')], ...rows], data };
}

async function main(): Promise<void> {
  const answerer = await Answerer.open(values.model, Number(values.threads));
  const outcomes = new Map<string, Outcome[]>();
  for (const mix of ['balanced', 'biased'] as const) {
    const clips = await clipsOf(mix);
    for (const state of ['clean', 'perturbed'] as const) {
      const list: Outcome[] = [];
      for (const [k, { clip, file }] of clips.entries()) {
        const { answers } = await answerer.answer(
          file,
          clip.questions.map((q) => q.question),
          state === 'clean' ? null : DEFAULT_RECIPE,
          k + 1,
        );
        clip.questions.forEach((question, i) => {
          const answer = answers[i];
          const { verdict } = judge({
            type: question.type,
            question: question.question,
            reference: question.answer,
            answer,
          });
          list.push({ question, answer, right: verdict === 'right' });
        });
      }
      outcomes.set(`${mix}, ${state}`, list);
    }
  }
  await answerer.release();
  const { rows, data } = table(outcomes);
  const balanced = outcomes.get('balanced, clean')!;
  const share = (answer: string, of: (q: Question) => boolean) => {
    const asked = balanced.filter((o) => of(o.question));
    return wilson(asked.filter((o) => o.answer === answer).length, asked.length);
  };
  console.log(`model ${answerer.modelHash.slice(0, 12)}, ${values.clips} clips a set, seed ${values.seed}\n`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  const yes = share('Yes', (q) => q.type === 'yes_no');
  const two = share('two', (q) => q.aspect === 'count' && q.type === 'short');
  console.log(
    `\nbalanced, clean: says "Yes" to ${(100 * yes.value).toFixed(0)} % of yes/no questions (half are yes), "two" to ${(100 * two.value).toFixed(0)} % of counts`,
  );
  if (values.json !== undefined)
    await writeFileAtomic(
      values.json,
      `${JSON.stringify({ modelHash: answerer.modelHash, ...data }, null, 1)}\n`,
    );
}

await main();
