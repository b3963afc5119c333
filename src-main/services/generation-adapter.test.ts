/**
 * @file Negatives of a tuned model: drawn with an adapter, counted apart from the base's, made again from their provenance, and refused in
 * words when the adapter is gone or another one. Real workers, real clips, the sample model, adapters of random weights.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adapterHash } from '../align/adapter.ts';
import { presetConfig } from '../align/config.ts';
import { writeRandomAdapter } from '../align/testing.ts';
import { writeRunRecord } from '../align/run-record.ts';
import type { Job } from '../contract/schemas.ts';
import { resourcesDir } from '../platform/entries.ts';
import { copyModel } from '../tensor/testing.ts';
import { temporaryName } from '../tensor/weight-files.ts';
import { engineModel, engineVideo } from './engine-requests.ts';
import type { GenerateReport } from './generation.ts';
import { reproduce } from './reproduce.ts';
import { createRouter } from './router.ts';
import { seedTunedRun } from './testing.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-tuned-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const CLIPS = ['clip-0001.mp4', 'clip-0003.mp4', 'clip-0005.mp4'];
const modelDir = path.join(home, 'model');
const request = { filter: {}, recipe: 'default', seed: 4, temperature: 0, maxNewTokens: 16, tries: 1 };
const RUN = 'r-tuned';

let workbench = new Workbench('serve');
let client = createRouterClient(createRouter(workbench));
const project = path.join(home, 'project');
const adapterDir = path.join(project, 'runs', RUN, 'adapter');

async function generate(changes: object = {}): Promise<Job> {
  return workbench.jobs.ended((await client.negatives.generate({ ...request, ...changes })).id);
}

/** Another process on the same project. */
async function reopen(): Promise<void> {
  await workbench.dispose();
  workbench = new Workbench('serve');
  client = createRouterClient(createRouter(workbench));
  await client.project.open({ path: project });
}

beforeAll(async () => {
  mkdirSync(path.join(home, 'clips'), { recursive: true });
  for (const clip of CLIPS)
    copyFileSync(path.join(resourcesDir, 'sample', 'clips', clip), path.join(home, 'clips', clip));
  await copyModel(path.join(resourcesDir, 'model'), modelDir);
  const rows = CLIPS.flatMap((clip) =>
    ['What does the pink star do?', 'Describe the video.'].map((question) => ({
      video: `clips/${clip}`,
      split: 'train',
      question,
      answer: 'A pink star sings.',
    })),
  );
  writeFileSync(path.join(home, 'samples.json'), JSON.stringify(rows));
  await client.project.create({ path: project, name: 'tuned' });
  await client.project.setModel({ modelDir });
  await workbench.jobs.ended((await client.library.runImport({ path: path.join(home, 'samples.json') })).id);
  await workbench.jobs.idle();
  expect(await seedTunedRun(path.join(project, 'runs'), { id: RUN, name: 'Tuned', modelDir })).toBe(
    adapterDir,
  );
});

afterAll(async () => {
  await workbench.dispose();
  rmSync(home, { recursive: true, force: true });
});

test('a tuned model is asked under conditions of its own, and its pairs carry run, adapter and hash', async () => {
  const base = (await generate()).result as GenerateReport;
  expect(base.wrong + base.unparseable).toBe(6);
  const job = await generate({ adapter: RUN });
  expect(job).toMatchObject({
    error: null,
    title: 'Generating negatives (Spatio-temporal: mask and local shuffle, Tuned)',
  });
  const tuned = job.result as GenerateReport;
  expect(tuned.wrong + tuned.unparseable + tuned.right).toBe(6);
  // Asked again, nothing is: the answers of both stand beside each other.
  expect((await generate({ adapter: RUN })).result).toMatchObject({ ...tuned, pairs: 0 });
  expect((await generate()).result).toMatchObject({ ...base, pairs: 0 });
  const { rows } = await client.pairs.list({ offset: 0, limit: 50, filter: {} });
  const pairs = await Promise.all(rows.map(({ id }) => client.pairs.get({ pairId: id })));
  const own = pairs.filter(({ provenance }) => provenance.runId === RUN);
  expect(own).toHaveLength(tuned.pairs);
  expect(own.length).toBeGreaterThan(2);
  const hash = await adapterHash(adapterDir);
  for (const { id, provenance } of own) {
    expect(provenance).toMatchObject({
      kind: 'generated',
      adapter: `project:runs/${RUN}/adapter`,
      adapterHash: hash,
      frames: 4,
    });
    expect(provenance.frameIndices).toHaveLength(4);
    expect(await client.pairs.lineage({ pairId: id })).toMatchObject({
      run: { name: 'Tuned' },
      adapter: { state: 'there', hash },
      answer: { recipe: ['mask', 'shuffle'] },
    });
    expect(await reproduce(workbench, id)).toMatchObject({ equal: true });
  }
  const plain = pairs.find(({ provenance }) => provenance.runId === undefined)!;
  expect(plain.provenance).not.toHaveProperty('adapter');
  expect(await reproduce(workbench, plain.id)).toMatchObject({ equal: true });
});

test("an evaluation's candidate is made again from its provenance, base and tuned", async () => {
  for (const runId of [null, RUN]) {
    const job = await workbench.jobs.ended((await client.compare.evaluate({ runId, split: 'train' })).id);
    const { id: evaluationId } = job.result as { id: string };
    const [row] = await client.compare.rows({ baseId: evaluationId, tunedId: evaluationId, only: 'all' });
    const { pairId } = await client.compare.makeCandidate({ evaluationId, sampleId: row.sampleId });
    expect((await client.pairs.get({ pairId })).provenance.runId).toBe(runId ?? undefined);
    expect(await reproduce(workbench, pairId)).toMatchObject({ equal: true, text: row.tuned.text });
  }
});

test('an adapter that is gone or another one is told; nothing is asked with it', async () => {
  const { rows } = await client.pairs.list({ offset: 0, limit: 50, filter: {} });
  const pairs = await Promise.all(rows.map(({ id }) => client.pairs.get({ pairId: id })));
  const { id } = pairs.find(({ provenance }) => provenance.runId === RUN)!;
  const aside = path.join(home, 'aside');
  renameSync(adapterDir, aside);
  try {
    await expect(reproduce(workbench, id)).rejects.toThrow(/adapter: expected its weights in .*no such file/);
    expect((await client.pairs.lineage({ pairId: id }))!.adapter).toMatchObject({ state: 'gone' });
    await expect(client.negatives.generate({ ...request, adapter: RUN })).rejects.toThrow(
      /adapter of Tuned: expected adapter_model\.safetensors/,
    );
    await expect(client.negatives.generate({ ...request, adapter: '/no/such/run' })).rejects.toThrow(
      /expected a run of this project or a folder/,
    );
    // A folder does as well as a run.
    expect((await generate({ adapter: aside, seed: 9 })).error).toBeNull();
    await writeRandomAdapter(modelDir, adapterDir, 2);
    await expect(reproduce(workbench, id)).rejects.toThrow(/expected the adapter [0-9a-f]{12} that gave/);
    expect((await client.pairs.lineage({ pairId: id }))!.adapter).toMatchObject({ state: 'changed' });
  } finally {
    rmSync(adapterDir, { recursive: true, force: true });
    renameSync(aside, adapterDir);
  }
  expect(await reproduce(workbench, id)).toMatchObject({ equal: true });
});

test('the model with the adapter merged in answers as base and adapter do, and is written whole or not at all', async () => {
  const target = path.join(home, 'merged');
  mkdirSync(target);
  writeFileSync(path.join(target, 'mine.txt'), 'kept');
  await expect(client.exchange.exportMerged({ runId: RUN, path: target })).rejects.toThrow(
    /expected a new or empty folder/,
  );
  rmSync(path.join(target, 'mine.txt'));
  const cancelled = await client.exchange.exportMerged({ runId: RUN, path: target });
  await client.jobs.cancel({ jobId: cancelled.id });
  expect((await workbench.jobs.ended(cancelled.id)).state).toBe('cancelled');
  expect(readdirSync(home).filter((name) => name.startsWith('merged'))).toEqual(['merged']);
  expect(readdirSync(target)).toEqual([]);
  // Another process loads the model meanwhile: what lies beside the weights for that does not go along.
  const passing = path.join(modelDir, temporaryName('.onnx'));
  writeFileSync(passing, '');
  const job = await workbench.jobs.ended(
    (await client.exchange.exportMerged({ runId: RUN, path: target })).id,
  );
  rmSync(passing);
  expect(job).toMatchObject({ state: 'done', kind: 'export', result: { path: target } });
  expect(readdirSync(target).sort()).toEqual(readdirSync(modelDir).sort());

  const { rows } = await client.library.samples({ offset: 0, limit: 6, filter: {} });
  const frames = 4;
  const answers = async (model: { modelDir: string; adapterDir: string | null }): Promise<string[]> => {
    const texts: string[] = [];
    for (const { videoId, question, id } of rows) {
      const { video } = engineVideo(workbench.requireProject(), videoId);
      await workbench.workers.engine.call(
        'answer',
        {
          model: { ...model, device: 'cpu', cacheDir: path.join(home, 'cache') },
          task: {
            video: video!,
            seed: 0,
            pixels: null,
            questions: [{ id, text: question, decoding: { temperature: 0, seed: 0, maxNewTokens: 32 } }],
          },
          frames,
          recipe: null,
        },
        { onEvent: (event) => texts.push(event.type === 'answer' ? event.text : event.reason) },
      );
    }
    return texts;
  };
  const tuned = await answers({ modelDir, adapterDir });
  expect(await answers({ modelDir: target, adapterDir: null })).toEqual(tuned);
  expect(await answers({ modelDir, adapterDir: null })).not.toEqual(tuned);
});

test("a run's adapter is not used over another model than it was trained on", async () => {
  const other = path.join(home, 'other-model');
  await copyModel(modelDir, other);
  const weights = path.join(other, 'model.safetensors');
  const bytes = readFileSync(weights);
  bytes[bytes.length - 1] ^= 1; // the same shapes, one value differs
  writeFileSync(weights, bytes);
  const { hash } = await workbench.workers.engine.call(
    'describe',
    engineModel(workbench.requireProject(), null),
  );
  const model = { dir: modelDir, family: 'llava-onevision', hash };
  await writeRunRecord(path.dirname(adapterDir), {
    format: 1,
    createdAt: '',
    model,
    config: presetConfig('sample'),
    pairs: [],
    excluded: [],
    versions: {},
    fingerprint: '',
  });
  const evaluated = async (runId: string | null): Promise<Job> =>
    workbench.jobs.ended((await client.compare.evaluate({ runId, split: 'train' })).id);
  const tuned = await evaluated(RUN);
  expect(tuned.error).toBeNull();

  await client.project.setModel({ modelDir: other });
  try {
    const refusal = {
      code: 'CONFLICT',
      message: expect.stringMatching(
        /^adapter of Tuned: expected the model it was trained on, [0-9a-f]{12} in .*, got [0-9a-f]{12} in .*other-model$/,
      ) as string,
      hint: 'Choose the model of the run in Settings, or train a new run on this one.',
    };
    expect(await evaluated(RUN)).toMatchObject({ state: 'failed', error: refusal });
    expect(await generate({ adapter: RUN, seed: 30 })).toMatchObject({ state: 'failed', error: refusal });
    const { rows } = await client.library.samples({ offset: 0, limit: 1, filter: {} });
    await expect(
      client.compare.ask({ videoId: rows[0].videoId, question: 'What?', runId: RUN }),
    ).rejects.toMatchObject({ message: refusal.message });
    // Its earlier evaluation is not set against another model's.
    const base = await evaluated(null);
    await expect(
      client.compare.difference({
        baseId: (base.result as { id: string }).id,
        tunedId: (tuned.result as { id: string }).id,
      }),
    ).rejects.toThrow(/expected base and Tuned to be of one model/);
  } finally {
    await client.project.setModel({ modelDir });
  }
  expect((await evaluated(RUN)).error).toBeNull();
});

test('a generation that goes on after a restart says when its adapter or its model is gone or another one', async () => {
  /** The job of the one generation that a killed process would have left. */
  async function afterKill(prepare: () => Promise<void> | void): Promise<Job> {
    const { id } = await generate({ adapter: RUN, seed: 20 });
    workbench.requireProject().db.prepare("UPDATE generations SET state = 'running' WHERE id = ?").run(id);
    await workbench.closeProject();
    await prepare();
    await reopen();
    return workbench.jobs.ended(id);
  }
  const aside = path.join(home, 'aside');
  const gone = await afterKill(() => renameSync(adapterDir, aside));
  expect(gone).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND' } });
  expect(gone.error!.message).toContain('adapter of Tuned');
  renameSync(aside, adapterDir);

  cpSync(adapterDir, aside, { recursive: true });
  const changed = await afterKill(() => writeRandomAdapter(modelDir, adapterDir, 3));
  expect(changed).toMatchObject({ state: 'failed', error: { code: 'CONFLICT' } });
  expect(changed.error!.message).toMatch(/expected the adapter it began with/);
  rmSync(adapterDir, { recursive: true });
  renameSync(aside, adapterDir);

  const elsewhere = path.join(home, 'elsewhere');
  const without = await afterKill(() => renameSync(modelDir, elsewhere));
  expect(without).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND' } });
  expect(without.error!.message).toContain(modelDir);
  renameSync(elsewhere, modelDir);
  // What was unfinished has failed in words and does not come back.
  await reopen();
  expect(workbench.jobs.list().filter(({ endedAt }) => endedAt === null)).toEqual([]);
});
