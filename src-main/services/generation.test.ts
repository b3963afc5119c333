/**
 * @file A generated answer can be made again bit for bit from its provenance alone, and one broken clip costs its own questions only. Real
 * worker, real clips, the sample model.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { videoSeed } from '../contract/perturb.ts';
import { Recipe } from '../contract/recipe.ts';
import { wilson } from '../compare/statistics.ts';
import { EndpointSettings } from '../contract/endpoint.ts';
import type { ErrorPattern } from '../contract/recipe.ts';
import type { YieldReport } from '../contract/schemas.ts';
import { startFake } from '../endpoint/testing.ts';
import { VideoLibrary } from '../library/videos.ts';
import { resourcesDir } from '../platform/entries.ts';
import { readSettings } from '../project/settings.ts';
import type { GenerateReport } from './generation.ts';
import { reproduce } from './reproduce.ts';
import { createRouter } from './router.ts';
import { verdictOn } from './testing.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-generation-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));
const CLIPS = ['clip-0001.mp4', 'clip-0003.mp4', 'clip-0005.mp4'];

beforeAll(async () => {
  mkdirSync(path.join(home, 'clips'), { recursive: true });
  for (const clip of CLIPS)
    copyFileSync(path.join(resourcesDir, 'sample', 'clips', clip), path.join(home, 'clips', clip));
  const rows = CLIPS.flatMap((clip) =>
    ['What does the pink star do?', 'Describe the video.'].map((question) => ({
      video: `clips/${clip}`,
      split: 'train',
      question,
      answer: 'A pink star sings.',
    })),
  );
  writeFileSync(path.join(home, 'samples.json'), JSON.stringify(rows));
  await client.project.create({ path: path.join(home, 'project'), name: 'generation' });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  await workbench.jobs.ended((await client.library.runImport({ path: path.join(home, 'samples.json') })).id);
  await workbench.jobs.idle();
});

afterAll(async () => {
  await workbench.dispose();
  rmSync(home, { recursive: true, force: true });
});

test('a clip that was damaged since its import is skipped with the reason; the others are answered, sampled, and made again from their provenance', async () => {
  const videos = new VideoLibrary(workbench.requireProject()).list();
  truncateSync(path.join(home, 'clips', CLIPS[1]), 2000);
  const input = { filter: {}, recipe: 'default', seed: 11, temperature: 1.5, maxNewTokens: 12 };
  const job = await workbench.jobs.ended((await client.negatives.generate(input)).id);
  expect(job.error).toBeNull();
  const report = job.result as GenerateReport;
  expect(report).toMatchObject({ skipped: 2, right: 0, recipe: 'default' });
  expect(report.wrong + report.unparseable).toBe(4);

  const { rows } = await client.pairs.list({ offset: 0, limit: 10, filter: {} });
  expect(rows).toHaveLength(report.pairs);
  expect(rows.length).toBeGreaterThan(0);
  const seeds = new Set<number>();
  for (const row of rows) {
    const { provenance } = await client.pairs.get({ pairId: row.id });
    const sha256 = videos.find((v) => v.id === row.videoId)!.sha256!;
    expect(provenance.seed).toBe(videoSeed(11, sha256));
    seeds.add(provenance.seed!);
    const again = await reproduce(workbench, row.id);
    expect(again).toEqual({
      pairId: row.id,
      equal: true,
      original: provenance.original,
      text: provenance.original,
    });
  }
  // Each clip is broken in its own way.
  expect(seeds.size).toBe(new Set(rows.map((row) => row.videoId)).size);
});

test("the project's synonyms are stored, tidied, and survive", async () => {
  const kept = await client.project.setSynonyms({ synonyms: [['truck', ' lorry ', ''], ['alone']] });
  expect(kept).toEqual([['truck', 'lorry']]);
  expect(readSettings(workbench.requireProject().path).synonyms).toEqual([['truck', 'lorry']]);
  await client.project.setSynonyms({ synonyms: [] });
});

test('a person confirms and overrules verdicts: pairs follow, and the share that stands is counted', async () => {
  const { rows, total } = await client.negatives.answers({ offset: 0, limit: 10, filter: {} });
  expect(total).toBe(4);
  const [wrong] = rows.filter((row) => row.verdict === 'wrong');
  const name = { sampleId: wrong.sampleId, conditions: wrong.conditions };
  const pairOf = () =>
    workbench
      .requireProject()
      .db.prepare<{ status: string }>(
        'SELECT p.status FROM attempts a JOIN pairs p ON p.id = a.pair_id WHERE a.sample_id = ? AND a.conditions = ?',
      )
      .get(name.sampleId, name.conditions)?.status;
  expect(pairOf()).toBe('pending');
  expect(await client.negatives.rule({ ...name, ruling: 'right' })).toMatchObject({
    verdict: 'wrong',
    ruling: 'right',
  });
  expect(pairOf()).toBe('rejected');
  expect((await client.negatives.judges())[0].precision.wrong).toMatchObject({ value: 0, n: 1 });
  await client.negatives.rule({ ...name, ruling: 'wrong' });
  expect((await client.negatives.judges())[0].precision.wrong).toMatchObject({ value: 1, n: 1 });
  await client.negatives.rule({ ...name, ruling: null });
  expect((await client.negatives.judges())[0].precision.wrong.n).toBe(0);
  await expect(client.negatives.rule({ ...name, conditions: 'none', ruling: 'right' })).rejects.toThrow(
    /expected one/,
  );
});

test('kill -9 of the engine in mid-generation keeps what was answered; asking again asks only the rest', async () => {
  const { db } = workbench.requireProject();
  const stored = (): number => db.prepare<{ n: number }>('SELECT count(*) AS n FROM attempts').get()!.n;
  // Hot enough that answers differ much in length: of one batch some are there while others still grow.
  const input = { filter: {}, recipe: 'reverse', seed: 4, temperature: 3, maxNewTokens: 300 };
  let before: number;
  do {
    input.seed++; // on a busy machine all may be there before the kill: then others
    before = stored();
    const job = await client.negatives.generate(input);
    await expect.poll(() => stored() - before, { interval: 1 }).toBeGreaterThanOrEqual(1);
    process.kill(workbench.workers.engine.pid!, 'SIGKILL');
    const ended = await workbench.jobs.ended(job.id);
    if (ended.state === 'failed') expect(ended.error!.code).toBe('WORKER_DIED');
  } while (stored() - before === 4 && input.seed < 15);
  const kept = stored() - before;
  expect(kept).toBeGreaterThanOrEqual(1);
  expect(kept).toBeLessThan(4);
  const again = await workbench.jobs.ended((await client.negatives.generate(input)).id);
  expect(again).toMatchObject({ state: 'done', result: { skipped: 2 } });
  expect(again.detail).toContain('of 6 questions');
  expect(stored() - before).toBe(4);
});

test('each answer is of a family, and the yield says what came of each recipe up to Review', async () => {
  const input = { filter: {}, recipe: 'blank', temperature: 1.5, maxNewTokens: 12, tries: 2 };
  for (const recipe of ['blank', [{ op: 'drop' }]])
    await workbench.jobs.ended((await client.negatives.generate({ ...input, recipe })).id);
  const page = { offset: 0, limit: 100 };
  const ids = async (family: ErrorPattern): Promise<string[]> =>
    (await client.pairs.list({ ...page, filter: { family } })).rows.map(({ id }) => id);
  const blank = await ids('language-prior');
  expect(blank.length).toBeGreaterThan(1);
  await client.pairs.setStatus({ pairIds: [blank[0]], status: 'accepted' });
  await client.pairs.setStatus({ pairIds: [blank[1]], status: 'rejected' });
  const { total, rows: answers } = await client.negatives.answers({ ...page, filter: {} });

  const { recipes, families } = await client.negatives.yield();
  const steps = [{ op: 'drop', ratio: 0.5, replace: 'repeat' }];
  const unnamed = JSON.stringify(steps);
  expect(recipes[0]).toMatchObject({ key: 'blank', family: 'language-prior', accepted: 1, rejected: 1 });
  expect(recipes[0].share).toEqual(wilson(1, recipes[0].asked));
  expect(recipes.map(({ key, family }) => [key, family]).sort()).toEqual([
    [unnamed, 'spatio-temporal'],
    ['blank', 'language-prior'],
    ['default', 'spatio-temporal'],
    ['reverse', 'spatio-temporal'],
  ]);
  expect(recipes.find(({ key }) => key === unnamed)).toMatchObject({ name: 'drop', steps });
  for (const row of [...recipes, ...families]) {
    expect(row.wrong + row.right + row.unparseable).toBe(row.asked);
    expect(row.accepted + row.rejected + row.open).toBe(row.pairs);
  }
  expect(recipes.reduce((sum, { asked }) => sum + asked, 0)).toBe(total);
  // The answer that was accepted may have come under two recipes; a pair counts once in its family.
  expect(families[0]).toMatchObject({ family: 'language-prior', pairs: recipes[0].pairs, accepted: 1 });

  // A person's word goes before the judge's.
  const { sampleId, conditions } = answers.find(({ verdict }) => verdict === 'wrong')!;
  await client.negatives.rule({ sampleId, conditions, ruling: 'right' });
  const ruled = await client.negatives.yield();
  const right = (report: YieldReport): number => report.recipes.reduce((sum, row) => sum + row.right, 0);
  expect(right(ruled)).toBe(right({ recipes, families }) + 1);
});

test('a saved recipe that covers everything is asked with, and every answer says which version it was', async () => {
  const steps = Recipe.parse([{ op: 'mask', ratio: [1, 1] }]);
  const draft = { name: 'Whited out', description: '', family: 'language-prior' as const };
  const { id } = await client.negatives.saveRecipe({ ...draft, recipe: steps });
  const input = { filter: {}, recipe: id, seed: 3, temperature: 1.5, maxNewTokens: 8 };
  const job = await client.negatives.generate(input);
  // Saved anew while it runs: this one goes on with what it began with.
  await client.negatives.saveRecipe({
    ...draft,
    id,
    recipe: [...steps, ...Recipe.parse([{ op: 'reverse' }])],
  });
  const ended = await workbench.jobs.ended(job.id);
  expect(ended.error).toBeNull();
  expect(ended.result).toMatchObject({ recipe: 'Whited out', skipped: 2 });
  const { db } = workbench.requireProject();
  const rows = db
    .prepare<{ provenance: string }>(
      "SELECT provenance FROM attempts WHERE recipe = 'Whited out (version 1)'",
    )
    .all();
  expect(rows).toHaveLength(4);
  for (const { provenance } of rows)
    expect(JSON.parse(provenance)).toMatchObject({
      recipe: steps,
      recipeId: id,
      recipeVersion: 1,
      recipeName: 'Whited out',
      family: 'language-prior',
    });
  const request = db
    .prepare<{ request: string }>('SELECT request FROM generations WHERE id = ?')
    .get(job.id)!;
  expect(JSON.parse(request.request)).toMatchObject({ recipe: `${id}@1` });
  const pairs = (ended.result as GenerateReport).pairs;
  expect(pairs).toBeGreaterThan(0);
  const { total } = await client.pairs.list({
    offset: 0,
    limit: 1,
    filter: { source: 'saved-recipe:Whited out' },
  });
  expect(total).toBe(pairs);
});

test('the endpoint judges the open answers of a generation that asks for it, and no others', async () => {
  const input = { filter: {}, recipe: 'mask', seed: 6, temperature: 1.5, maxNewTokens: 12, judge: true };
  await expect(client.negatives.generate(input)).rejects.toThrow(/expected one that is set up and on/);
  // Four words would do for a short answer; these are meant as descriptions.
  workbench
    .requireProject()
    .db.exec("UPDATE samples SET type = 'open_ended' WHERE question = 'Describe the video.'");
  const server = await startFake((asked) => verdictOn(asked, 'right', 'as it says'));
  try {
    const { url } = server;
    await client.endpoint.save(
      EndpointSettings.parse({ enabled: true, url, model: 'judge-1', requestsPerMinute: 6000 }),
    );
    const job = await workbench.jobs.ended((await client.negatives.generate(input)).id);
    expect(job.error).toBeNull();
    const { judging } = job.result as GenerateReport;
    const ended = await workbench.jobs.ended(judging!);
    expect(ended).toMatchObject({ kind: 'judge', state: 'done', error: null });
    const rows = workbench
      .requireProject()
      .db.prepare<{ recipe: string; judge: string | null; verdict: string }>(
        `SELECT a.recipe, a.judge, a.verdict FROM attempts a JOIN samples s ON s.id = a.sample_id
           WHERE s.type = 'open_ended' AND trim(a.answer) <> '' AND a.ruling IS NULL`,
      )
      .all();
    const own = rows.filter(({ recipe }) => recipe === 'mask');
    expect(own.length).toBeGreaterThan(0);
    for (const row of own)
      expect(row).toMatchObject({ judge: expect.stringMatching(/^judge-1 @/) as string, verdict: 'right' });
    // Those of other recipes were paid for by nobody.
    const others = rows.filter(({ recipe }) => recipe !== 'mask');
    expect(others.length).toBeGreaterThan(2);
    for (const { judge } of others) expect(judge).toBeNull();
    expect(server.asked).toHaveLength(own.length);
    expect(ended.result).toMatchObject({ judged: own.length, failed: 0 });
  } finally {
    await server.close();
  }
});
