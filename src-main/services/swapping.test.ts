/**
 * @file Swapped concepts as pairs, and suggested to the sample model: what is made, what it remembers, that it is made again from that, and
 * that nothing is asked or made twice. Real clips of the sample project.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SwapReport, type Job } from '../contract/schemas.ts';
import { sliceCodePoints } from '../contract/text.ts';
import { SampleLibrary } from '../library/samples.ts';
import { judge } from '../negatives/judge.ts';
import { resourcesDir } from '../platform/entries.ts';
import type { GenerateReport } from './generation.ts';
import { reproduce } from './reproduce.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-swaps-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));
const CLIPS = ['clip-0001.mp4', 'clip-0003.mp4', 'clip-0005.mp4', 'clip-0007.mp4'];
const PAGE = { offset: 0, limit: 200 };

beforeAll(async () => {
  mkdirSync(path.join(home, 'clips'), { recursive: true });
  for (const clip of CLIPS)
    copyFileSync(path.join(resourcesDir, 'sample', 'clips', clip), path.join(home, 'clips', clip));
  const rows = CLIPS.flatMap((clip, k) => {
    const row = { video: `clips/${clip}`, split: k < 3 ? 'train' : 'heldout' };
    const thing = ['dog', 'cat', 'dog', 'dog'][k];
    return [
      { ...row, question: `What does the ${thing} do?`, answer: `A ${thing} jumps over a fence.` },
      {
        ...row,
        question: 'What is next to it?',
        answer: `The ${thing} sits near a ${k === 1 ? 'sofa' : 'ball'}.`,
      },
      { ...row, question: `Is there a ${thing}?`, answer: 'Yes' },
      // What makes the words appear together: as often as it takes to count.
      ...Array.from({ length: 3 }, (_, n) => ({
        ...row,
        question: `What is seen at second ${n}?`,
        answer: `A ${thing} and a ${k === 1 ? 'sofa' : 'ball'}.`,
      })),
    ];
  });
  writeFileSync(path.join(home, 'samples.json'), JSON.stringify(rows));
  await client.project.create({ path: path.join(home, 'project'), name: 'swaps' });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  await workbench.jobs.ended((await client.library.runImport({ path: path.join(home, 'samples.json') })).id);
  await workbench.jobs.idle();
});

afterAll(async () => {
  await workbench.dispose();
  rmSync(home, { recursive: true, force: true });
});

test('the table counts training samples only', async () => {
  const { samples, unread, rows } = await client.negatives.concepts();
  expect({ samples, unread }).toEqual({ samples: 18, unread: 0 });
  // Four of six samples of two clips each name dog and ball.
  expect(rows).toContainEqual({
    a: 'dog',
    b: 'ball',
    together: 8,
    countA: 10,
    countB: 8,
    lift: (8 * 18) / 80,
  });
  expect(rows.map(({ a, b }) => [a, b].sort().join())).toContain('cat,sofa');
});

test('swaps become pending pairs with their marks and reason, never of held-out clips, and once', async () => {
  await expect(client.negatives.swap({ filter: { split: 'heldout' }, perSample: 1 })).rejects.toMatchObject({
    data: { code: 'BAD_INPUT' },
  });
  const run = async (): Promise<SwapReport> => {
    const job = await workbench.jobs.ended((await client.negatives.swap({ filter: {}, perSample: 1 })).id);
    expect(job.error).toBeNull();
    return SwapReport.parse(job.result);
  };
  const report = await run();
  expect(report.samples).toBe(18);
  expect(report.pairs).toBeGreaterThan(3);
  expect(report.without).toBeGreaterThanOrEqual(3); // yes or no has no concept
  const { rows, total } = await client.pairs.list({ ...PAGE, filter: { source: 'swap' } });
  expect(total).toBe(report.pairs);
  const samples = new SampleLibrary(workbench.requireProject());
  for (const row of rows) {
    expect(row).toMatchObject({ family: 'co-occurrence', status: 'pending', split: 'train' });
    const pair = await client.pairs.get({ pairId: row.id });
    expect(pair.provenance).toMatchObject({ kind: 'swapped', original: pair.rejected });
    expect(pair.provenance.swap!.lift).toBeGreaterThan(1);
    for (const { chosen, rejected } of pair.phrases) {
      expect(sliceCodePoints(pair.chosen, chosen!.start, chosen!.end)).toBe(chosen!.quote);
      expect(sliceCodePoints(pair.rejected, rejected!.start, rejected!.end)).toBe(rejected!.quote);
    }
    const { type, question, chosen: reference } = samples.get(pair.sampleId);
    expect(judge({ type, question, reference, answer: pair.rejected }).verdict).toBe('wrong');
  }
  expect(await run()).toEqual({ ...report, pairs: 0, known: report.pairs });

  await client.pairs.setStatus({ pairIds: [rows[0].id], status: 'accepted' });
  const { recipes } = await client.negatives.yield();
  expect(recipes).toHaveLength(1);
  expect(recipes[0]).toMatchObject({ key: 'swap', asked: total, pairs: total, accepted: 1, open: total - 1 });
});

test('the model is asked with the suggestion; prompt and concept are remembered, made again, and not asked twice', async () => {
  const request = { filter: {}, recipe: 'suggest', maxNewTokens: 12 };
  const generate = async (): Promise<GenerateReport> => {
    const job = await workbench.jobs.ended((await client.negatives.generate(request)).id);
    expect(job.error).toBeNull();
    return job.result as GenerateReport;
  };
  const listening = new AbortController();
  const jobs: Job[] = [];
  const heard = (async () => {
    for await (const event of workbench.hub.subscribe(listening.signal))
      if (event.type === 'job') jobs.push(event.job);
  })();
  const report = await generate();
  listening.abort();
  await heard;
  // Looking for concepts is a twentieth of the way, and counts while it goes on.
  const looking = jobs.filter(({ detail }) => detail === 'looking for concepts to suggest: 10 of 18 answers');
  expect(looking[0].progress).toBeCloseTo((0.05 * 10) / 18, 6);
  const asking = jobs.flatMap(({ detail, progress }) => (/new pairs/.test(detail) ? [progress!] : []));
  expect(asking[0]).toBeGreaterThan(0.05);
  const answered = report.wrong + report.right + report.unparseable;
  expect(answered).toBeGreaterThan(3);
  expect(answered + report.skipped).toBe(18);
  expect(report.skippedWhy).toEqual([
    { reason: 'no concept often appears with what its answer names', samples: report.skipped },
  ]);
  const { rows } = await client.pairs.list({
    ...PAGE,
    filter: { family: 'co-occurrence', source: 'recipe:' },
  });
  expect(rows).toHaveLength(report.pairs);
  expect(rows.length).toBeGreaterThan(0);
  const { question, provenance } = await client.pairs.get({ pairId: rows[0].id });
  const { suggested } = provenance.swap!;
  expect(provenance).toMatchObject({ recipeId: 'suggest', family: 'co-occurrence', recipe: [] });
  expect(provenance.question).toMatch(
    new RegExp(`^${question.replace('?', '\\?')} \\(Hint: there is .*${suggested.slice(0, 3)}.*\\.\\)$`),
  );
  expect(await reproduce(workbench, rows[0].id)).toMatchObject({ equal: true });

  const { total } = await client.negatives.answers({ ...PAGE, filter: {} });
  expect(await generate()).toEqual({ ...report, pairs: 0 });
  expect((await client.negatives.answers({ ...PAGE, filter: {} })).total).toBe(total);
  const { recipes } = await client.negatives.yield();
  expect(recipes.find(({ key }) => key === 'suggest')).toMatchObject({
    name: 'Spurious co-occurrence: suggested concept',
    family: 'co-occurrence',
    asked: answered,
    pairs: report.pairs,
  });
  // Another way to suggest is another question, over a broken clip as well.
  const other = await workbench.jobs.ended(
    (
      await client.negatives.generate({
        ...request,
        recipe: [{ op: 'mask' }],
        prompt: 'I see {concept}. {question}',
      })
    ).id,
  );
  expect(other.error).toBeNull();
  expect((await client.negatives.answers({ ...PAGE, filter: {} })).total).toBe(total + answered);
  await expect(client.negatives.generate({ ...request, prompt: 'no place' })).rejects.toThrow();
});
