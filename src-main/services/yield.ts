/** @file What became of the answers that were drawn, by recipe and by family of errors, up to the decisions of Review. */
import { wilson } from '../compare/statistics.ts';
import { Recipe } from '../contract/recipe.ts';
import type { ErrorPattern } from '../contract/recipe.ts';
import type { PairStatus, RecipeYield, Verdict, Yield, YieldReport } from '../contract/schemas.ts';
import { RECIPES } from '../negatives/recipes.ts';
import type { Database } from '../project/sqlite.ts';

/** What is counted together; `key` is empty for a whole family. */
type Group = { key: string; family: ErrorPattern | null };
type Counts = Omit<Yield, 'family' | 'share'>;
type Counted = Map<string, [Group, Counts]>;

export function negativesYield(db: Database): YieldReport {
  const share = ({ accepted, asked }: Counts): Yield['share'] => wilson(accepted, asked);
  const byRecipe = verdicts(db);
  const byFamily: Counted = new Map();
  for (const [group, counts] of byRecipe.values()) {
    const sum = countsOf(byFamily, { key: '', family: group.family });
    for (const name of ['asked', 'wrong', 'right', 'unparseable'] as const) sum[name] += counts[name];
  }
  // A pair that several answers of a group are counts once in it, so a family's pairs are counted anew and not summed up.
  addOutcomes(db, 'recipe', byRecipe);
  addOutcomes(db, "''", byFamily);
  const recipes = [...byRecipe.values()].map(([{ key, family }, counts]): RecipeYield => ({
    key,
    ...nameOf(key),
    family,
    ...counts,
    share: share(counts),
  }));
  const families = [...byFamily.values()].map(([{ family }, counts]): Yield => ({
    family,
    ...counts,
    share: share(counts),
  }));
  return { recipes: recipes.sort(best), families: families.sort(best) };
}

const best = (a: Yield, b: Yield): number => b.share.value - a.share.value || b.asked - a.asked;

/** The counts of a group; new ones where it has none yet. */
function countsOf(all: Counted, { key, family }: Group): Counts {
  const id = JSON.stringify([key, family]);
  const none = { asked: 0, wrong: 0, right: 0, unparseable: 0, pairs: 0, accepted: 0, rejected: 0, open: 0 };
  if (!all.has(id)) all.set(id, [{ key, family }, none]);
  return all.get(id)![1];
}

function verdicts(db: Database): Counted {
  const all: Counted = new Map();
  for (const row of db
    .prepare<Group & { verdict: Verdict; n: number }>(
      `SELECT recipe AS key, family, coalesce(ruling, verdict) AS verdict, count(*) AS n FROM attempts GROUP BY 1, 2, 3`,
    )
    .all()) {
    const counts = countsOf(all, row);
    counts[row.verdict] = row.n;
    counts.asked += row.n;
  }
  return all;
}

/** Counts the pairs by `key`, a column of `attempts` or a constant, and family. */
function addOutcomes(db: Database, key: string, all: Counted): void {
  // Left to itself SQLite looks pairs up by their id alone, and then reads each whole row for its status.
  for (const row of db
    .prepare<Group & { status: PairStatus; n: number }>(
      `SELECT ${key} AS key, a.family, p.status, count(DISTINCT a.pair_id) AS n
         FROM attempts a JOIN pairs p INDEXED BY pairs_outcome ON p.id = a.pair_id GROUP BY 1, 2, 3`,
    )
    .all()) {
    const counts = countsOf(all, row);
    counts.pairs += row.n;
    counts[row.status === 'accepted' || row.status === 'rejected' ? row.status : 'open'] += row.n;
  }
}

/** The name a person knows, or the steps of a recipe without one. */
function nameOf(key: string): { name: string; steps: Recipe | null } {
  const named = RECIPES.find(({ id }) => id === key);
  if (named !== undefined) return { name: named.name, steps: null };
  if (!key.startsWith('[')) return { name: key === '' ? 'Not kept by an older version' : key, steps: null };
  const steps = Recipe.parse(JSON.parse(key));
  return { name: steps.length === 0 ? 'Clean clip' : steps.map(({ op }) => op).join(' + '), steps };
}
