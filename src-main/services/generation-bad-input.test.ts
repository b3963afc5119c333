/**
 * @file What goes wrong on the way of a generation costs its own rows: recipes that leave nothing to see, clips of one and two frames, models
 * that say nothing or never stop, clips that break while it runs. Real workers, real clips, the sample model with other stop tokens.
 */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { JudgedAnswer } from '../contract/schemas.ts';
import { encodeVideo } from '../media/encode.ts';
import { resourcesDir } from '../platform/entries.ts';
import { copyModel } from '../tensor/testing.ts';
import type { GenerateReport } from './generation.ts';
import { reproduce } from './reproduce.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bad-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const SAMPLE = path.join(resourcesDir, 'sample', 'clips');
const CLIPS = readdirSync(SAMPLE)
  .filter((name) => name.endsWith('.mp4'))
  .sort()
  .slice(0, 10);
const request = { filter: {}, recipe: 'default', seed: 1, temperature: 0, maxNewTokens: 12 };
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));

/** An MP4 of `count` grey frames, each brighter than the one before. */
async function writeShort(file: string, count: number): Promise<void> {
  const size = 64;
  function* frames() {
    for (let i = 0; i < count; i++)
      yield { rgb: new Uint8Array(size * size * 3).fill(60 + 60 * i), pts: i, duration: 1 };
  }
  await encodeVideo(file, frames(), {
    codec: 'h264',
    width: size,
    height: size,
    preset: 'ultrafast',
    quality: 24,
    timeBase: { num: 1, den: 10 },
  });
}

/** A project of its own with these clips, two questions each; the one before is closed. */
async function withClips(name: string, clips: readonly string[]): Promise<void> {
  const rows = clips.flatMap((video) =>
    ['What does the pink star do?', 'Describe the video.'].map((question) => ({
      video,
      split: 'train',
      question,
      answer: 'A pink star sings.',
    })),
  );
  const file = path.join(home, `${name}.json`);
  writeFileSync(file, JSON.stringify(rows));
  await client.project.create({ path: path.join(home, name), name });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  await workbench.jobs.ended((await client.library.runImport({ path: file })).id);
  await workbench.jobs.idle();
}

async function generate(changes: object = {}): Promise<{ id: string; report: GenerateReport }> {
  const job = await workbench.jobs.ended((await client.negatives.generate({ ...request, ...changes })).id);
  expect(job.error).toBeNull();
  return { id: job.id, report: job.result as GenerateReport };
}

const answers = async (): Promise<JudgedAnswer[]> =>
  (await client.negatives.answers({ offset: 0, limit: 200, filter: {} })).rows;

/** The sample model with other tokens that end an answer. */
async function modelThatStopsAt(name: string, ids: number[]): Promise<string> {
  const dir = path.join(home, name);
  await copyModel(path.join(resourcesDir, 'model'), dir);
  const file = path.join(dir, 'generation_config.json');
  const settings = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...settings, eos_token_id: ids }));
  return dir;
}

beforeAll(() => {
  mkdirSync(path.join(home, 'clips'), { recursive: true });
  for (const clip of CLIPS) copyFileSync(path.join(SAMPLE, clip), path.join(home, 'clips', clip));
});
afterAll(async () => {
  await workbench.dispose();
  rmSync(home, { recursive: true, force: true });
});

test('a recipe that hides everything is asked and judged like any other, as evidence of the language prior', async () => {
  await withClips('hidden', [`clips/${CLIPS[0]}`]);
  const whole = [{ op: 'mask', ratio: [1, 1] }];
  const { report } = await generate({ recipe: whole });
  expect(report).toMatchObject({ skipped: 0 });
  expect(report.wrong + report.unparseable).toBe(2);
  const masked = (await answers()).map(({ answer }) => answer).sort();
  const { rows } = await client.pairs.list({ offset: 0, limit: 10, filter: {} });
  expect(rows.map(({ family }) => family)).toEqual(rows.map(() => 'language-prior'));
  // Nothing is left to see: it is the blank clip by another name, pixel for pixel, and gives its answers.
  await generate({ recipe: 'blank' });
  const all = (await answers()).map(({ answer }) => answer).sort();
  expect(all).toEqual([...masked, ...masked].sort());
  await generate({ recipe: [{ op: 'blank' }, ...whole, { op: 'shuffle' }] });
  expect(await answers()).toHaveLength(6);
});

test('clips of one and two frames go through every step of a recipe, and their answers can be made again', async () => {
  for (const count of [1, 2]) await writeShort(path.join(home, 'clips', `short-${count}.mp4`), count);
  await withClips('short', ['clips/short-1.mp4', 'clips/short-2.mp4']);
  const steps = [
    { op: 'shuffle', scope: 'global' },
    { op: 'drop', ratio: 1, replace: 'remove' },
    { op: 'reverse' },
    { op: 'freeze', at: 'random' },
    { op: 'mask', shape: 'patches', span: 'frame' },
  ];
  for (const recipe of [...steps.map((step) => [step]), steps]) {
    const { report } = await generate({ recipe });
    expect(report, JSON.stringify(recipe)).toMatchObject({ skipped: 0 });
    expect(report.right + report.wrong + report.unparseable).toBe(4);
  }
  const { rows } = await client.pairs.list({ offset: 0, limit: 50, filter: {} });
  expect(rows.length).toBeGreaterThan(0);
  const frames = new Set<number>();
  for (const { id } of rows) {
    const { provenance } = await client.pairs.get({ pairId: id });
    for (const frame of provenance.frameIndices!) frames.add(frame);
  }
  // However many it is given, they are frames that there are.
  expect([...frames].sort()).toEqual([0, 1]);
  expect(await reproduce(workbench, rows[0].id)).toMatchObject({ equal: true });
});

test('a model that says nothing, and one that never stops: the rows say so', async () => {
  const every = Array.from({ length: 600 }, (_, id) => id);
  await withClips('silent', [`clips/${CLIPS[0]}`, `clips/${CLIPS[1]}`]);
  await client.project.setModel({ modelDir: await modelThatStopsAt('silent-model', every) });
  expect((await generate()).report).toMatchObject({ unparseable: 4, wrong: 0, pairs: 0, skipped: 0 });
  for (const row of await answers())
    expect(row).toMatchObject({ answer: '', verdict: 'unparseable', reason: 'the answer is empty' });

  await withClips('endless', [`clips/${CLIPS[0]}`, `clips/${CLIPS[1]}`]);
  // 1 is a byte that no answer of this model holds.
  await client.project.setModel({ modelDir: await modelThatStopsAt('endless-model', [1]) });
  const { report } = await generate({ maxNewTokens: 80 });
  expect(report.wrong + report.right + report.unparseable).toBe(4);
  for (const row of await answers()) expect(row.reason).toMatch(/; the answer was cut off after 80 tokens$/);
});

test('clips that vanish or break while a generation runs cost their own questions; the rows say why, and the rest goes on', async () => {
  const clips = CLIPS.map((clip) => `clips/${clip}`);
  await withClips('midway', clips);
  const { media } = workbench.workers;
  const call = media.call.bind(media);
  let decoded = 0;
  vi.spyOn(media, 'call').mockImplementation(async (method, input, options) => {
    const output = await call(method, input, options);
    if (method === 'pixels' && ++decoded === 2) {
      truncateSync(path.join(home, clips[8]), 2000);
      unlinkSync(path.join(home, clips[9]));
    }
    return output;
  });
  const { id } = await client.negatives.generate(request);
  const job = await workbench.jobs.ended(id);
  expect(job).toMatchObject({ state: 'done', error: null });
  const report = job.result as GenerateReport;
  expect(report.skipped).toBe(4);
  expect(report.wrong + report.right + report.unparseable).toBe(16);
  const { total, rows } = await client.negatives.skipped({ jobId: id, offset: 0, limit: 10 });
  expect(total).toBe(4);
  expect(rows.map(({ videoName }) => `clips/${videoName}`)).toEqual([clips[8], clips[8], clips[9], clips[9]]);
  for (const { reason, videoName } of rows) expect(reason).toContain(videoName);
});
