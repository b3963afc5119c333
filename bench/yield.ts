/** @file The yield view over many answers and pairs. Run: `node bench/yield.ts [--answers 100000]`; bar 200 ms. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Provenance } from '../src-main/contract/schemas.ts';
import { SampleLibrary } from '../src-main/library/samples.ts';
import { VideoLibrary } from '../src-main/library/videos.ts';
import { addAttempt } from '../src-main/negatives/attempts.ts';
import { recipeKey, RECIPES, resolveRecipe } from '../src-main/negatives/recipes.ts';
import { PairService } from '../src-main/pairs/pairs.ts';
import { createProject } from '../src-main/project/project.ts';
import { negativesYield } from '../src-main/services/yield.ts';

const { values } = parseArgs({ options: { answers: { type: 'string', default: '100000' } } });
const N = Number(values.answers);
const BAR_MS = 200;

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bench-'));
process.env.RRPO_WORKBENCH_HOME = home;
try {
  const project = await createProject(path.join(home, 'project'), 'bench');
  const { db } = project;
  const pairs = new PairService(project);
  const samples = new SampleLibrary(project);
  const recipes = RECIPES.map(({ id }) => resolveRecipe(id));
  db.transaction(() => {
    const videoId = new VideoLibrary(project).addReferenced(path.join(home, 'v.mp4'), true);
    for (let i = 0; i < N; i++) {
      const at = { question: `What does shape ${i} do?`, type: 'open_ended' as const, source: 'rows.json' };
      const sampleId = samples.add({ videoId, ...at, chosen: `Shape ${i} moves left.` }).id;
      const resolved = recipes[i % recipes.length];
      const answer = `Shape ${i} moves right.`;
      const provenance: Provenance = {
        kind: 'generated',
        recipe: resolved.recipe,
        family: resolved.family!,
        frameIndices: Array.from({ length: 32 }, (_, k) => k),
        original: answer,
        createdAt: 0,
      };
      // Four of five answers are wrong, and every third of these pairs is accepted.
      const wrong = i % 5 > 0;
      const pairId = wrong
        ? pairs.addCandidate({ sampleId, rejected: answer, provenance, phrases: [] }).id
        : null;
      if (wrong && i % 3 === 0) db.update('pairs', pairId!, { status: 'accepted' });
      const verdict = wrong ? ('wrong' as const) : ('right' as const);
      const attempt = { sampleId, answer, verdict, reason: 'no match', pairId, made: wrong, provenance };
      addAttempt(db, 'conditions', { ...attempt, recipe: recipeKey(resolved) });
    }
  });
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    negativesYield(db);
    times.push(performance.now() - start);
  }
  const median = times.sort((a, b) => a - b)[2];
  const { recipes: rows } = negativesYield(db);
  console.log(`${N} answers, ${os.cpus()[0].model}, Node ${process.versions.node}`);
  console.table(
    rows.map(({ name, asked, wrong, pairs: made, accepted, share }) => ({
      name,
      asked,
      wrong,
      pairs: made,
      accepted,
      share: share.value.toFixed(3),
    })),
  );
  console.log(
    `yield: ${median.toFixed(1)} ms, median of 5 (bar ${BAR_MS} ms), longest ${times[4].toFixed(1)} ms`,
  );
  if (median > BAR_MS) process.exitCode = 1;
  project.close();
} finally {
  rmSync(home, { recursive: true, force: true });
}
