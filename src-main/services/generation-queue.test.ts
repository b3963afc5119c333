/**
 * @file Generation as a queue: each clip decoded and encoded once per recipe, several tries at a question, pause, kill -9 of the whole
 * host, and clips and answers that go wrong on the way. Real processes, real clips, the sample model.
 */
import { execFile, spawn } from 'node:child_process';
import {
  cpSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createRouterClient } from '@orpc/server';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { GenerateRequest, type Job } from '../contract/schemas.ts';
import type { Decoding } from '../jobs/apis.ts';
import { appRoot, resourcesDir } from '../platform/entries.ts';
import { featureCacheDir } from './engine-requests.ts';
import { schedule } from './generation.ts';
import type { GenerateReport } from './generation.ts';
import { reproduce } from './reproduce.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const BIN = path.join(appRoot, 'bin', 'rrpo-workbench.mjs');
const CLIPS = 12;
const QUESTIONS = 6 * CLIPS;
const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-queue-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const prepared = path.join(home, 'prepared');
const clipFolder = path.join(home, 'clips');
const request = { filter: {}, recipe: 'default', seed: 2, temperature: 0, maxNewTokens: 24 };

type Open = {
  workbench: Workbench;
  client: ReturnType<typeof clientOf>;
  /** Runs a generation to its end. */
  generate: (changes?: Partial<GenerateRequest>) => Promise<Job>;
};
const clientOf = (workbench: Workbench) => createRouterClient(createRouter(workbench));
const open: Workbench[] = [];

/** A copy of the prepared project, opened. */
async function openCopy(name: string, door: 'cli' | 'serve' = 'cli'): Promise<Open> {
  const folder = path.join(home, name);
  cpSync(prepared, folder, { recursive: true, force: false });
  const workbench = new Workbench(door);
  open.push(workbench);
  const client = clientOf(workbench);
  await client.project.open({ path: folder });
  const generate: Open['generate'] = async (changes = {}) => {
    const job = await client.negatives.generate({ ...request, ...changes });
    return workbench.jobs.ended(job.id);
  };
  return { workbench, client, generate };
}

/** A reader beside the workbench. It waits: a process that goes on after a kill restores the file first. */
const READER = { readOnly: true, timeout: 60_000 };

/** What a generation leaves, without times and random ids. */
function left(name: string): unknown {
  const db = new DatabaseSync(path.join(home, name, 'workbench.sqlite'), READER);
  const attempts = db
    .prepare(
      'SELECT sample_id, conditions, answer, verdict, reason, pair_id IS NULL AS none FROM attempts ORDER BY 1, 2',
    )
    .all();
  const pairs = db
    .prepare(
      "SELECT sample_id, rejected, phrases, status, json_remove(provenance, '$.createdAt') AS provenance FROM pairs ORDER BY 1, 2",
    )
    .all();
  db.close();
  return { attempts, pairs };
}

function attemptsIn(name: string): number {
  const db = new DatabaseSync(path.join(home, name, 'workbench.sqlite'), READER);
  const { n } = db.prepare('SELECT count(*) AS n FROM attempts').get() as { n: number };
  db.close();
  return n;
}

/** Counts what the workers are asked for from now on. */
function counted(workbench: Workbench): { decoded: number; cached: number; questions: number } {
  const counts = { decoded: 0, cached: 0, questions: 0 };
  const { media, engine } = workbench.workers;
  const decode = media.call.bind(media);
  vi.spyOn(media, 'call').mockImplementation(async (method, input, options) => {
    const output = await decode(method, input, options);
    if (method === 'pixels') counts.decoded++;
    return output;
  });
  const ask = engine.call.bind(engine);
  vi.spyOn(engine, 'call').mockImplementation(async (method, input, options) => {
    if (method === 'answer')
      counts.questions += (input as { task: { questions: unknown[] } }).task.questions.length;
    const output = await ask(method, input, options);
    if (method === 'cached' && output === true) counts.cached++;
    return output;
  });
  return counts;
}

const features = (workbench: Workbench): string[] => readdirSync(featureCacheDir(workbench.requireProject()));

beforeAll(async () => {
  mkdirSync(clipFolder, { recursive: true });
  const sample = path.join(resourcesDir, 'sample');
  type Row = { video: string; split: string; pred?: string };
  const rows = (JSON.parse(readFileSync(path.join(sample, 'samples.json'), 'utf8')) as Row[]).filter(
    ({ split }) => split === 'train',
  );
  const clips = [...new Set(rows.map(({ video }) => video))].slice(0, CLIPS);
  for (const clip of clips) copyFileSync(path.join(sample, clip), path.join(home, clip));
  const asked = rows.filter(({ video }) => clips.includes(video)).map(({ pred: _, ...row }) => row);
  expect(asked).toHaveLength(QUESTIONS);
  writeFileSync(path.join(home, 'samples.json'), JSON.stringify(asked));
  const workbench = new Workbench('cli');
  const client = clientOf(workbench);
  await client.project.create({ path: prepared, name: 'queue' });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  const job = await client.library.runImport({ path: path.join(home, 'samples.json') });
  expect((await workbench.jobs.ended(job.id)).error).toBeNull();
  await workbench.jobs.idle();
  await workbench.dispose();
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const workbench of open.splice(0)) await workbench.dispose();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('a clip is decoded once and its features are computed once per recipe, for all its questions and tries', async () => {
  const { workbench, generate } = await openCopy('counts');
  const counts = counted(workbench);
  const first = await generate();
  expect(first.error).toBeNull();
  const report = first.result as GenerateReport;
  expect(report.right + report.wrong + report.unparseable).toBe(QUESTIONS);
  expect(report).toMatchObject({ skipped: 0, skippedWhy: [] });
  expect(counts).toEqual({ decoded: CLIPS, cached: 0, questions: QUESTIONS });
  // One file of features a clip, and nothing of what was decoded ahead is left.
  expect(features(workbench).filter((f) => f.endsWith('.safetensors'))).toHaveLength(CLIPS);
  expect(features(workbench)).toHaveLength(CLIPS);
  expect(first.detail).toMatch(/^72 of 72 questions, \d+ new pairs · [\d.]+ questions\/s · \d+ tokens\/s$/);

  // Other answers about the same broken clips: nothing is decoded again, and no media worker is there for it.
  await workbench.workers.media.restart();
  await generate({ temperature: 1 });
  expect(counts).toEqual({ decoded: CLIPS, cached: CLIPS, questions: 2 * QUESTIONS });
  expect(workbench.workers.media.pid).toBeUndefined();
  await generate({ recipe: 'reverse' });
  expect(counts).toMatchObject({ decoded: 2 * CLIPS, cached: CLIPS });
  expect(features(workbench)).toHaveLength(2 * CLIPS);
});

test('a question is asked until an answer is wrong or its tries end, each try with a seed of its own', async () => {
  const tries = 4;
  const { workbench, client, generate } = await openCopy('tries');
  const counts = counted(workbench);
  const once = (await generate()).result as GenerateReport;
  expect(once.right).toBeGreaterThan(0);
  const asked = counts.questions;
  const report = (await generate({ tries })).result as GenerateReport;
  // The first try is the one there was: only what was not wrong then is asked again, and every clip's frames are there.
  expect(counts.questions - asked).toBeGreaterThanOrEqual(QUESTIONS - once.wrong);
  expect(counts.decoded).toBe(CLIPS);
  expect(report.wrong).toBeGreaterThan(once.wrong);
  expect(report.right + report.wrong + report.unparseable).toBe(QUESTIONS);

  const { db } = workbench.requireProject();
  const perSample = db
    .prepare<{ n: number; wrong: number }>(
      "SELECT count(*) AS n, sum(verdict = 'wrong') AS wrong FROM attempts GROUP BY sample_id",
    )
    .all();
  expect(perSample).toHaveLength(QUESTIONS);
  for (const { n, wrong } of perSample) {
    expect(wrong).toBeLessThanOrEqual(1);
    expect(wrong === 1 ? n <= tries : n === tries).toBe(true);
  }
  const decodings = schedule(GenerateRequest.parse({ ...request, tries }));
  expect(decodings.map(({ temperature, seed }) => [temperature, seed])).toEqual([
    [0, 2],
    [0.8, 3],
    [0.8, 4],
    [0.8, 5],
  ]);
  const { rows } = await client.pairs.list({ offset: 0, limit: 100, filter: {} });
  const seeds = new Set<number>();
  for (const { id } of rows) {
    const decoding = (await client.pairs.get({ pairId: id })).provenance.decoding as Decoding;
    expect(decodings).toContainEqual(decoding);
    seeds.add(decoding.seed);
  }
  expect(seeds.size).toBeGreaterThan(1);
  // Asked again, there is nothing left to ask.
  const before = counts.questions;
  expect((await generate({ tries })).result).toMatchObject({ wrong: report.wrong, pairs: 0 });
  expect(counts.questions).toBe(before);
});

test('kill -9 of the host, several times at any moment: opened in a window it goes on by itself and leaves what an uninterrupted run leaves', async () => {
  const whole = await openCopy('whole');
  expect((await whole.generate({ tries: 2 })).error).toBeNull();
  await whole.workbench.closeProject();
  const want = left('whole') as { attempts: unknown[]; pairs: unknown[] };
  expect(want.attempts.length).toBeGreaterThan(QUESTIONS);

  cpSync(prepared, path.join(home, 'killed'), { recursive: true });
  const options = ['--seed', '2', '--max-new-tokens', '24', '--tries', '2'];
  let kept = 0;
  for (let kill = 1; kill <= 3; kill++) {
    // A process group of its own, so that the host dies however the launcher starts it.
    const child = spawn(process.execPath, [BIN, 'generate', path.join(home, 'killed'), ...options], {
      stdio: 'ignore',
      detached: true,
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    // A few answers further than the last one, and no moment in particular.
    const until = kept + 1 + Math.floor(Math.random() * 10);
    while (attemptsIn('killed') < until && child.exitCode === null)
      await new Promise((r) => setTimeout(r, 1));
    expect(child.exitCode).toBeNull();
    process.kill(-child.pid!, 'SIGKILL');
    await ended;
    const now = attemptsIn('killed');
    expect(now).toBeGreaterThanOrEqual(until);
    kept = now;
  }
  expect(kept).toBeLessThan(want.attempts.length);

  const workbench = new Workbench('serve');
  open.push(workbench);
  const counts = counted(workbench);
  await clientOf(workbench).project.open({ path: path.join(home, 'killed') });
  const [job] = workbench.jobs.list().filter(({ kind }) => kind === 'generate');
  expect(job).toMatchObject({ pausable: true, endedAt: null });
  expect(await workbench.jobs.ended(job.id)).toMatchObject({ state: 'done', result: { skipped: 0 } });
  expect(counts.questions).toBe(want.attempts.length - kept); // nothing finished was asked again
  await workbench.closeProject();
  expect(left('killed')).toEqual(want);
  // It is over: opened once more, nothing runs.
  await clientOf(workbench).project.open({ path: path.join(home, 'killed') });
  expect(workbench.jobs.list().filter(({ endedAt }) => endedAt === null)).toEqual([]);
});

test('a paused generation lets a question be answered, stays paused over a restart, and ends where the others end', async () => {
  const { workbench, client } = await openCopy('paused', 'serve');
  const job = await client.negatives.generate(request);
  while (attemptsIn('paused') < 8) await new Promise((resolve) => setTimeout(resolve, 1));
  await client.jobs.pause({ jobId: job.id });
  await workbench.jobs.idle();
  expect(workbench.jobs.get(job.id)).toMatchObject({ state: 'paused', endedAt: null });
  const kept = attemptsIn('paused');
  expect(kept).toBeLessThan(QUESTIONS);
  const [video] = await client.library.videos();
  expect(
    (await client.compare.ask({ videoId: video.id, question: 'Describe the video.', runId: null })).text,
  ).not.toBe('');
  expect(attemptsIn('paused')).toBe(kept);

  await workbench.closeProject();
  await client.project.open({ path: path.join(home, 'paused') });
  expect(workbench.jobs.get(job.id)).toMatchObject({ state: 'paused' });
  const counts = counted(workbench);
  await client.jobs.resume({ jobId: job.id });
  expect(await workbench.jobs.ended(job.id)).toMatchObject({ state: 'done' });
  expect(counts.questions).toBe(QUESTIONS - kept);
  expect(attemptsIn('paused')).toBe(QUESTIONS);
  // One that is cancelled does not come back.
  const other = await client.negatives.generate({ ...request, recipe: 'reverse' });
  await client.jobs.cancel({ jobId: other.id });
  await workbench.jobs.idle();
  await workbench.closeProject();
  await client.project.open({ path: path.join(home, 'paused') });
  expect(workbench.jobs.list().filter(({ endedAt }) => endedAt === null)).toEqual([]);
});

test('one command makes an answer again from its provenance, sampled and in other company, and says so when it differs', async () => {
  const { workbench, client, generate } = await openCopy('again');
  await generate({ temperature: 1.2 });
  const { rows } = await client.pairs.list({ offset: 0, limit: 100, filter: {} });
  expect(rows.length).toBeGreaterThan(10);
  for (const { id } of rows.slice(0, 8))
    expect(await reproduce(workbench, id)).toMatchObject({ equal: true });
  await workbench.closeProject();
  const command = (id: string): Promise<{ code: number; report: unknown }> =>
    new Promise((resolve) =>
      execFile(
        process.execPath,
        [BIN, 'reproduce', path.join(home, 'again'), '--pair', id, '--json'],
        (error, stdout) => resolve({ code: Number(error?.code ?? 0), report: stdout && JSON.parse(stdout) }),
      ),
    );
  const last = rows.at(-1)!;
  expect(await command(last.id)).toMatchObject({ code: 0, report: { pairId: last.id, equal: true } });
  const db = new DatabaseSync(path.join(home, 'again', 'workbench.sqlite'));
  db.prepare(
    "UPDATE pairs SET provenance = json_set(provenance, '$.original', 'Never said.') WHERE id = ?",
  ).run(last.id);
  db.close();
  expect(await command(last.id)).toMatchObject({
    code: 1,
    report: { equal: false, original: 'Never said.', text: last.rejected },
  });
});

test('a clip that goes missing, and answers that never stop, cost their own rows: the queue goes on and the rows say why', async () => {
  const { workbench, generate } = await openCopy('bad');
  const [gone] = readdirSync(clipFolder).sort().slice(5);
  const file = path.join(clipFolder, gone);
  const bytes = readFileSync(file);
  unlinkSync(file);
  try {
    const job = await generate({ maxNewTokens: 2 });
    expect(job.error).toBeNull();
    const report = job.result as GenerateReport;
    expect(report).toMatchObject({ skipped: 6, skippedWhy: [{ samples: 6 }] });
    expect(report.skippedWhy[0].reason).toContain(gone);
    expect(report.right + report.wrong + report.unparseable).toBe(QUESTIONS - 6);
  } finally {
    writeFileSync(file, bytes);
  }
  const { db } = workbench.requireProject();
  const cut = db
    .prepare<{ n: number }>("SELECT count(*) AS n FROM attempts WHERE reason LIKE '%cut off after 2 tokens'")
    .get()!;
  expect(cut.n).toBeGreaterThan(QUESTIONS / 3);
  // Found again, its questions are asked, and only they.
  const counts = counted(workbench);
  expect((await generate({ maxNewTokens: 2 })).result).toMatchObject({ skipped: 0, skippedWhy: [] });
  expect(counts.questions).toBe(6);
});
