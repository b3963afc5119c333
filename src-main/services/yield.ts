/** @file What became of the answers that were drawn, by recipe and by family of errors, up to the decisions of Review. */
import { wilson } from '../compare/statistics.ts';
import type { ErrorPattern, Recipe } from '../contract/recipe.ts';
import type { RecipeYield, Verdict, Yield, YieldReport } from '../contract/schemas.ts';
import { recipeWords } from '../negatives/recipes.ts';
import type { Database } from '../project/sqlite.ts';

/** Key of what no recipe made. */
const SWAPS = 'swap';

/** What is counted together; `key` is empty for a whole family. */
type Group = { key: string; family: ErrorPattern | null };
type Counts = Omit<Yield, 'family' | 'share'>;
type Counted = Map<string, [Group, Counts]>;

export function negativesYield(db: Database): YieldReport {
  const byRecipe: Counted = new Map();
  addVerdicts(db, byRecipe);
  addOutcomes(db, byRecipe);
  addSwaps(db, byRecipe);
  const byFamily: Counted = new Map();
  for (const [{ family }, counts] of byRecipe.values()) {
    const sum = countsOf(byFamily, { key: '', family });
    for (const name of Object.keys(counts) as (keyof Counts)[]) sum[name] += counts[name];
  }
  const share = ({ accepted, asked }: Counts): Yield['share'] => wilson(accepted, asked);
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

function addVerdicts(db: Database, all: Counted): void {
  // Grouped as the index `attempts_yield` has them: nothing is sorted.
  for (const row of db
    .prepare<Group & { verdict: Verdict; ruling: Verdict | null; n: number }>(
      `SELECT recipe AS key, family, verdict, ruling, count(*) AS n FROM attempts
         GROUP BY recipe, family, verdict, ruling`,
    )
    .all()) {
    const counts = countsOf(all, row);
    counts[row.ruling ?? row.verdict] += row.n;
    counts.asked += row.n;
  }
}

/** Counts the pairs that the answers made. */
function addOutcomes(db: Database, all: Counted): void {
  // Left to itself SQLite looks pairs up by their id alone, and then reads each whole row for its status.
  for (const row of db
    .prepare<Group & { pairs: number; accepted: number; rejected: number }>(
      `SELECT a.recipe AS key, a.family, count(*) AS pairs, sum(p.status = 'accepted') AS accepted,
           sum(p.status = 'rejected') AS rejected
         FROM attempts a CROSS JOIN pairs p INDEXED BY pairs_outcome ON p.id = a.pair_id WHERE a.made
         GROUP BY a.recipe, a.family`,
    )
    .all())
    addPairs(countsOf(all, row), row);
}

/** Counts swapped concepts: nobody was asked, each is a wrong answer of its own making. */
function addSwaps(db: Database, all: Counted): void {
  const row = db
    .prepare<{ pairs: number; accepted: number; rejected: number }>(
      `SELECT count(*) AS pairs, ifnull(sum(status = 'accepted'), 0) AS accepted,
         ifnull(sum(status = 'rejected'), 0) AS rejected FROM pairs WHERE source = 'swap'`,
    )
    .get()!;
  if (row.pairs === 0) return;
  const counts = countsOf(all, { key: SWAPS, family: 'co-occurrence' });
  counts.asked += row.pairs;
  counts.wrong += row.pairs;
  addPairs(counts, row);
}

function addPairs(
  counts: Counts,
  { pairs, accepted, rejected }: Pick<Counts, 'pairs' | 'accepted' | 'rejected'>,
): void {
  counts.pairs += pairs;
  counts.accepted += accepted;
  counts.rejected += rejected;
  counts.open += pairs - accepted - rejected;
}

/** The name a person knows, or the steps of a recipe without one. */
function nameOf(key: string): { name: string; steps: Recipe | null } {
  if (key === SWAPS) return { name: 'Swapped concept, without the model', steps: null };
  return key === '' ? { name: 'Not kept by an older version', steps: null } : recipeWords(key);
}
