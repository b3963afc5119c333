/**
 * @file The long jobs through the contract, with real workers, the real sample clips and the real sample model: generate, train, kill, resume,
 * stop, restart, evaluate, ask. What is asserted is on the disk.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppEvent, Estimate, Evaluation, Run, TrainConfig } from '../contract/schemas.ts';
import type { AppEvent as Event } from '../contract/schemas.ts';
import { presetConfig } from '../align/config.ts';
import { resourcesDir } from '../platform/entries.ts';
import { createRouter } from './router.ts';
import { runManager } from './run-manager.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-story-'));
const folder = path.join(home, 'project');
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');

let workbench = new Workbench('cli');
let client = createRouterClient(createRouter(workbench));
const events: Event[] = [];
const listening = new AbortController();

async function listen(to: Workbench): Promise<void> {
  for await (const event of to.hub.subscribe(listening.signal)) events.push(AppEvent.parse(event));
}

const config = (changes: Partial<TrainConfig>): TrainConfig => ({
  ...TrainConfig.parse(presetConfig('sample')),
  frames: 4,
  accumulation: 2,
  checkpointEvery: 1,
  loraRank: 2,
  ...changes,
});

/** Resolves when an event of this kind arrives after now. */
function next<T extends Event['type']>(
  type: T,
  wanted: (event: Extract<Event, { type: T }>) => boolean,
): Promise<void> {
  const controller = new AbortController();
  const stream = workbench.hub.subscribe(controller.signal);
  return (async () => {
    for await (const event of stream)
      if (event.type === type && wanted(event as Extract<Event, { type: T }>)) {
        controller.abort();
        return;
      }
  })();
}

beforeAll(async () => {
  // Four training clips and two held-out ones, two questions each.
  type Row = { video: string; split: string };
  const rows = JSON.parse(readFileSync(path.join(resourcesDir, 'sample', 'samples.json'), 'utf8')) as Row[];
  const videos = (split: string, n: number) =>
    [...new Set(rows.filter((r) => r.split === split).map((r) => r.video))].slice(0, n);
  const chosen = [...videos('train', 4), ...videos('heldout', 2)];
  const media = path.join(home, 'media');
  mkdirSync(path.join(media, 'clips'), { recursive: true });
  for (const video of chosen) copyFileSync(path.join(resourcesDir, 'sample', video), path.join(media, video));
  const kept = chosen.flatMap((video) => rows.filter((r) => r.video === video).slice(0, 2));
  writeFileSync(
    path.join(media, 'samples.json'),
    JSON.stringify(
      kept.map((row) => ({ ...row, pred: undefined, pred_masked: undefined, answer_masked: undefined })),
    ),
  );

  void listen(workbench);
  await client.project.create({ path: folder, name: 'story' });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  const job = await client.library.runImport({ path: path.join(media, 'samples.json') });
  expect((await workbench.jobs.ended(job.id)).error).toBeNull();
  await workbench.jobs.idle();
});

afterAll(async () => {
  listening.abort();
  await workbench.dispose();
  rmSync(home, { recursive: true, force: true });
});

test('generation judges every training question once, also when asked again', async () => {
  const input = { filter: {}, recipe: [{ op: 'blank' }], seed: 3, temperature: 0, maxNewTokens: 24 };
  const first = await workbench.jobs.ended((await client.negatives.generate(input)).id);
  expect(first.error).toBeNull();
  const report = first.result as { right: number; wrong: number; unparseable: number; pairs: number };
  expect(report.right + report.wrong + report.unparseable).toBe(8);
  expect((await client.pairs.counts()).pending).toBe(report.pairs);
  const again = await workbench.jobs.ended((await client.negatives.generate(input)).id);
  expect(again.result).toMatchObject({ ...report, pairs: 0 });
  const { rows } = await client.pairs.list({ offset: 0, limit: 10, filter: {} });
  for (const { id } of rows) {
    const { provenance, split } = await client.pairs.get({ pairId: id });
    expect(split).toBe('train');
    expect(provenance).toMatchObject({ kind: 'generated', decoding: { temperature: 0 } });
    expect(provenance.frameIndices).toHaveLength(8);
    expect(provenance.modelHash).toMatch(/^[0-9a-f]{64}$/);
  }
  await expect(client.negatives.generate({ ...input, filter: { split: 'heldout' } })).rejects.toThrow(
    /training split/,
  );
});

test('six accepted pairs are what a run would take', async () => {
  const { rows } = await client.library.samples({ offset: 0, limit: 50, filter: { split: 'train' } });
  for (const sample of rows)
    await client.pairs.create({ sampleId: sample.id, rejected: 'a purple pentagon' });
  const pending = await client.pairs.list({ offset: 0, limit: 100, filter: { status: 'pending' } });
  const marked = [];
  for (const { id } of pending.rows) {
    const { phrases, lints } = await client.pairs.get({ pairId: id });
    if (
      phrases.some((p) => p.chosen) &&
      phrases.some((p) => p.rejected) &&
      lints.every((l) => l.severity !== 'error')
    )
      marked.push(id);
  }
  await client.pairs.setStatus({ pairIds: marked.slice(0, 6), status: 'accepted' });
  const readiness = await client.train.readiness();
  expect(readiness).toMatchObject({ accepted: 6, usable: 6 });
});

test('one measured step gives a verdict', async () => {
  const estimate = Estimate.parse(await client.train.estimate({ config: config({}) }));
  expect(estimate.verdict).toBe('fits');
  expect(estimate.secondsPerPair).toBeGreaterThan(0);
  expect(estimate.peakBytes).toBeGreaterThan(50e6);
});

test('devices are told with the reason', async () => {
  const devices = await client.train.devices();
  expect(devices.map((d) => d.device)).toEqual(['cpu', 'webgpu']);
  expect(devices[0]).toMatchObject({ available: true, software: false });
  expect(devices[1].reason).not.toBe('');
});

let runId = '';

test('kill -9 of the trainer fails the run in words; resume finishes it without a gap', async () => {
  const request = { requestId: 'click-1', name: 'killed', config: config({ epochs: 3 }) };
  const stepped = next('metrics', (event) => event.rows[0].step >= 3);
  const [run, twice] = await Promise.all([client.train.start(request), client.train.start(request)]);
  expect(twice.id).toBe(run.id);
  runId = run.id;
  await stepped;
  process.kill(workbench.workers.engine.pid!, 'SIGKILL');
  const dead = await runManager(workbench).ended(run.id);
  expect(dead).toMatchObject({ state: 'failed', resumable: true, error: { code: 'WORKER_DIED' } });
  expect(dead.error!.message).toContain('SIGKILL');
  expect((await client.train.start(request)).id).toBe(run.id);
  expect(await client.train.runs()).toHaveLength(1);

  const before = events.length;
  await client.train.resume({ runId: run.id });
  const done = Run.parse(await runManager(workbench).ended(run.id));
  const resumed = events.slice(before);
  const left = resumed
    .slice(
      0,
      resumed.findIndex((event) => event.type === 'metrics'),
    )
    .flatMap((event) =>
      event.type === 'job' ? event.job.secondsLeft : event.type === 'run' ? event.run.secondsLeft : [],
    );
  expect(left.length).toBeGreaterThan(1);
  expect(new Set(left), 'steps done before the kill are no measure of speed').toEqual(new Set([null]));
  expect(done).toMatchObject({ state: 'done', step: 9, totalSteps: 9, error: null, resumable: false });
  const metrics = await client.train.metrics({ runId: run.id });
  expect(metrics.map((row) => row.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(metrics[0].values.loss).toBeCloseTo(Math.LN2, 3);
  expect(metrics.at(-1)!.values.loss).toBeLessThan(metrics[0].values.loss);
  expect(readdirSync(done.adapterDir!).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  expect(await client.train.log({ runId: run.id })).toMatch(
    /failed: The engine worker was ended by signal SIGKILL[\s\S]*resumed after step[\s\S]*done after step 9 of 9/,
  );
});

test('stop and save leaves a resumable run with an adapter; a later process sees it; a dead process is not "running"', async () => {
  const stepped = next('metrics', (event) => event.rows[0].step >= 2);
  const run = await client.train.start({
    requestId: 'click-2',
    name: 'stopped',
    config: config({ epochs: 30, checkpointEvery: 50, objective: 'dpo' }),
  });
  await stepped;
  const stopped = await client.train.stop({ runId: run.id, save: true });
  expect(stopped).toMatchObject({ state: 'stopped', resumable: true, error: null });
  expect(stopped.step).toBeGreaterThanOrEqual(2);
  expect(existsSync(path.join(stopped.adapterDir!, 'adapter_model.safetensors'))).toBe(true);

  await workbench.dispose();
  const file = path.join(folder, 'runs', run.id, 'workbench.json');
  writeFileSync(
    file,
    JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as Run), state: 'running' }),
  );
  workbench = new Workbench('cli');
  client = createRouterClient(createRouter(workbench));
  void listen(workbench);
  await client.project.open({ path: folder });
  expect(await client.train.run({ runId: run.id })).toMatchObject({
    state: 'stopped',
    resumable: true,
    step: stopped.step,
  });
  expect((await client.train.runs()).map((r) => r.name)).toEqual(['stopped', 'killed']);
  await expect(client.train.run({ runId: '../x' })).rejects.toThrow(/expected the id of a run/);
});

test('evaluation of base and tuned on the held-out questions, rows side by side, one question now', async () => {
  const base = await workbench.jobs.ended((await client.compare.evaluate({ runId: null })).id);
  const tuned = await workbench.jobs.ended((await client.compare.evaluate({ runId })).id);
  const [a, b] = [Evaluation.parse(base.result), Evaluation.parse(tuned.result)];
  expect(a).toMatchObject({ runId: null, name: 'base', kl: null, accuracy: { n: 4 } });
  expect(b).toMatchObject({ runId, name: 'killed', accuracy: { n: 4 } });
  expect(b.kl).toBeGreaterThan(0);
  expect(await client.compare.rows({ baseId: a.id, tunedId: b.id, only: 'all' })).toHaveLength(4);
  expect(await client.compare.difference({ baseId: a.id, tunedId: b.id })).toMatchObject({ n: 4 });
  expect((await client.compare.evaluations()).map((e) => e.id)).toEqual([b.id, a.id]);

  const rows = await client.compare.rows({ baseId: a.id, tunedId: b.id, only: 'all' });
  const { videoId, question, base: answered } = rows[0];
  const asked = await client.compare.ask({ videoId, question, runId: null });
  expect(asked.text).toBe(answered.text); // greedy: the same question gets the same answer
  expect(asked.seconds).toBeGreaterThan(0);
  expect((await client.compare.ask({ videoId, question, runId })).text).toBe(rows[0].tuned.text);
});

test('a bad answer of the tuned model becomes a candidate with its lineage; a held-out one never trains, one of a training clip does', async () => {
  const [heldout] = await client.compare.evaluations();
  const job = await workbench.jobs.ended((await client.compare.evaluate({ runId, split: 'train' })).id);
  const train = Evaluation.parse(job.result);
  expect(train).toMatchObject({ runId, split: 'train', accuracy: { n: 8 } });
  expect(heldout.split).toBe('heldout');
  const run = await client.train.run({ runId });
  const weights = readFileSync(path.join(run.adapterDir!, 'adapter_model.safetensors'));
  const adapterHash = createHash('sha256').update(weights).digest('hex');

  for (const evaluation of [heldout, train]) {
    const rows = await client.compare.rows({ baseId: evaluation.id, tunedId: evaluation.id, only: 'all' });
    const row = rows.find((r) => r.tuned.verdict !== 'right' && r.pairId === null)!;
    const { sampleId } = row;
    const made = await client.compare.makeCandidate({ evaluationId: evaluation.id, sampleId });
    expect(made).toMatchObject({ isNew: true, split: evaluation.split });
    const { pairId } = made;
    const pair = await client.pairs.get({ pairId });
    expect(pair).toMatchObject({ status: 'pending', rejected: row.tuned.text, source: 'compare' });
    expect(pair.provenance).toEqual({
      kind: 'model-answer',
      model: expect.stringMatching(/model$/) as string,
      modelHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      adapter: `project:runs/${runId}/adapter`,
      adapterHash,
      runId,
      evaluationId: evaluation.id,
      frames: 4,
      frameIndices: expect.toSatisfy((f: number[]) => f.length === 4) as number[],
      decoding: { temperature: 0, seed: 0, maxNewTokens: 64 },
      question: row.question,
      original: row.tuned.text,
      createdAt: evaluation.createdAt,
    });
    expect(await client.pairs.lineage({ pairId })).toMatchObject({
      model: { name: 'model', hash: pair.provenance.modelHash },
      run: { id: runId, name: 'killed', objective: 'rrpo', pairs: 6 },
      adapter: { path: run.adapterDir, hash: adapterHash, state: 'there' },
      evaluation: { id: evaluation.id, split: evaluation.split },
      answer: { text: row.tuned.text, recipe: null },
    });
    // The same once more is the same pair, and the row knows it.
    expect(await client.compare.makeCandidate({ evaluationId: evaluation.id, sampleId })).toEqual({
      ...made,
      isNew: false,
    });
    const again = await client.compare.rows({ baseId: heldout.id, tunedId: evaluation.id, only: 'all' });
    if (evaluation === heldout) expect(again.find((r) => r.sampleId === sampleId)!.pairId).toBe(pairId);
    // Taken back, it is gone; made again and decided about, it stays.
    await client.pairs.withdraw({ pairId });
    await expect(client.pairs.get({ pairId })).rejects.toThrow(/unknown id/);
    const second = await client.compare.makeCandidate({ evaluationId: evaluation.id, sampleId });
    const phrases = (await client.pairs.get({ pairId: second.pairId })).phrases;
    expect(phrases.length).toBeGreaterThan(0);
    await client.pairs.setStatus({ pairIds: [second.pairId], status: 'accepted' });
    await expect(client.pairs.withdraw({ pairId: second.pairId })).rejects.toThrow(/worked on since/);
    const { excluded } = await client.train.readiness();
    const reason = excluded.find((e) => e.pairId === second.pairId)?.reason;
    if (evaluation === heldout) expect(reason).toMatch(/held out/);
    else expect(reason).toBeUndefined();
  }
  const right = (await client.compare.rows({ baseId: train.id, tunedId: train.id, only: 'all' })).find(
    (r) => r.tuned.text === r.reference,
  );
  if (right)
    await expect(
      client.compare.makeCandidate({ evaluationId: train.id, sampleId: right.sampleId }),
    ).rejects.toThrow(/the same text/);
});

test("every change was told, in the contract's form", () => {
  const types = new Set(events.map((event) => event.type));
  for (const type of ['job', 'pair', 'run', 'metrics', 'evaluation']) expect(types).toContain(type);
});
