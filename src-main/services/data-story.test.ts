/**
 * @file Videos, samples and pairs through the contract, with the real media worker, real clips and the real sample model: add, break,
 * import, edit, undo, accept, export, restart. What is asserted is what a window would see, and what is on the disk.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPts } from '../contract/pts-bytes.ts';
import { ImportReport, type Job, type Video } from '../contract/schemas.ts';
import { appRoot, resourcesDir } from '../platform/entries.ts';
import { mediaResponse } from './media-route.ts';
import { createRouter } from './router.ts';
import { sampleProjectDir } from './sample-project.ts';
import { Workbench } from './workbench.ts';

const clips = path.join(appRoot, '..', 'shared', 'clips');
const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-data-'));
const folder = path.join(home, 'project');
const inbox = path.join(home, 'inbox');
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
let workbench = new Workbench('cli');
let client = createRouterClient(createRouter(workbench));

beforeAll(async () => {
  if (!existsSync(clips))
    throw new Error(`test clips: expected ${clips}, got no such folder — see CONTRIBUTING`);
  mkdirSync(inbox);
  for (const name of ['edts.mp4', 'cursed-vfr.mp4', 'lf-2.avi'])
    copyFileSync(path.join(clips, name), path.join(inbox, name));
  copyFileSync(path.join(clips, 'edts.mp4'), path.join(inbox, 'copy-of-edts.mp4'));
  writeFileSync(
    path.join(inbox, 'truncated.mp4'),
    readFileSync(path.join(clips, 'lf-1.mp4')).subarray(0, 20_000),
  );
  writeFileSync(path.join(inbox, 'not-a-video.mkv'), 'plain text');
  await client.project.create({ path: folder, name: 'Data' });
});
afterAll(async () => {
  await workbench.dispose();
  delete process.env.RRPO_WORKBENCH_HOME;
  rmSync(home, { recursive: true, force: true });
});

const byName = async (): Promise<Record<string, Video>> =>
  Object.fromEntries((await client.library.videos()).map((v) => [v.name, v]));
const userError = (code: string): unknown =>
  expect.objectContaining({ code: 'USER_ERROR', data: expect.objectContaining({ code }) as unknown });
const finished = async (job: Job): Promise<Job> => workbench.jobs.ended(job.id);

test('a folder of videos: broken ones cost themselves, copies are not taken twice, AVI gets a proxy', async () => {
  const { job, ...counts } = await client.library.addVideos({ paths: [inbox] });
  expect(counts).toEqual({ added: 5, duplicates: 1, found: 0 });
  expect(await finished(job!)).toMatchObject({ state: 'done', result: { ready: 3, broken: 2 } });
  await workbench.jobs.idle();
  const videos = await byName();
  expect(
    Object.fromEntries(Object.entries(videos).map(([name, v]) => [name, [v.state, v.playback]])),
  ).toEqual({
    'copy-of-edts.mp4': ['ready', 'direct'],
    'cursed-vfr.mp4': ['ready', 'direct'],
    'lf-2.avi': ['ready', 'proxy'],
    'not-a-video.mkv': ['broken', 'none'],
    'truncated.mp4': ['broken', 'none'],
  });
  expect(videos['cursed-vfr.mp4']).toMatchObject({ frameCount: 63, frameRate: 'variable' });
  expect(videos['truncated.mp4'].findings[0]).toMatchObject({
    severity: 'error',
    message: expect.stringMatching(/^Expected .*\. [A-Z]/) as string,
  });
  const table = await mediaResponse(workbench, `/media/pts/${videos['cursed-vfr.mp4'].id}`, null);
  expect(readPts(new Uint8Array(await table!.arrayBuffer())).ticks).toHaveLength(63);
  const none = await mediaResponse(workbench, `/media/pts/${videos['truncated.mp4'].id}`, null);
  expect(none?.status).toBe(404);
  expect(await client.library.addVideos({ paths: [inbox] })).toMatchObject({ added: 0, duplicates: 6 });
});

test('an import in the background, with its preview, its report and its file of bad rows', async () => {
  const file = path.join(home, 'data.json');
  const rows = ['edts', 'cursed-vfr'].map((name) => ({
    question: '<image>\nWhat is seen?',
    answer: 'A red car turns left.',
    pred: 'A red car turns right.',
    video: `inbox/${name}.mp4`,
  }));
  writeFileSync(file, `[\n${rows.map((r) => JSON.stringify(r)).join(',\n')},\n{"question": 1}\n]`);
  const preview = await client.library.previewImport({ path: file });
  expect(preview.rows.map((r) => [r.line, r.videoFound, r.error === null])).toEqual([
    [2, true, true],
    [3, true, true],
    [4, false, false],
  ]);
  const job = await finished(await client.library.runImport({ path: file }));
  const report = ImportReport.parse(job.result);
  expect(report).toMatchObject({ imported: 2, failed: 1, missingVideos: 0 });
  expect(readFileSync(report.errorsFile!, 'utf8')).toContain('missing key');
  await workbench.jobs.idle();
  // edts.mp4 is a copy of a video that is here already: its row hangs on that one.
  const videos = await byName();
  expect(videos['copy-of-edts.mp4'].sampleCount).toBe(1);
  expect(Object.keys(videos)).toHaveLength(5);
  expect(await client.library.samples({ filter: { text: 'seen' }, offset: 0, limit: 10 })).toMatchObject({
    total: 2,
  });
  await expect(client.library.previewImport({ path: path.join(home, 'none') })).rejects.toEqual(
    userError('NOT_FOUND'),
  );
});

test('edit, undo, accept; another process and a restart see it; the export says the same', async () => {
  const { rows } = await client.pairs.list({ filter: { status: 'pending' }, offset: 0, limit: 10 });
  const pair = await client.pairs.get({ pairId: rows[0].id });
  expect(pair.phrases.map((p) => [p.chosen?.quote, p.rejected?.quote, p.origin])).toEqual([
    ['left', 'right', 'proposed'],
  ]);
  const edit = {
    pairId: pair.id,
    baseVersion: pair.version,
    chosen: pair.chosen,
    rejected: 'A red car turns back.',
    phrases: pair.phrases,
  };
  const saved = await client.pairs.save(edit);
  expect(saved.lints.map((l) => l.code)).toContain('lost-mark');
  await expect(client.pairs.save(edit)).rejects.toEqual(userError('CONFLICT'));
  expect((await client.pairs.undo({ pairId: pair.id })).rejected).toBe(pair.rejected);
  const phrases = await client.pairs.propose({ chosen: pair.chosen, rejected: 'A red car turns back.' });
  await client.pairs.save({ ...edit, baseVersion: 3, phrases });
  await client.pairs.setStatus({ pairIds: [pair.id], status: 'accepted' });
  expect(await client.pairs.counts()).toEqual({ pending: 1, accepted: 1, rejected: 0, second_look: 0 });

  await expect(new Workbench('cli').openProject(folder)).rejects.toMatchObject({ code: 'LOCKED' });
  await workbench.dispose();
  workbench = new Workbench('cli');
  client = createRouterClient(createRouter(workbench));
  await client.project.open({ path: folder });
  const after = await client.pairs.get({ pairId: pair.id });
  expect(after).toMatchObject({
    status: 'accepted',
    rejected: 'A red car turns back.',
    version: 5,
    canUndo: true,
  });
  expect((await client.pairs.history({ pairId: pair.id })).map((h) => h.action)).toEqual([
    'created',
    'text',
    'undo',
    'text',
    'status',
  ]);

  const file = path.join(home, 'out', 'pairs.json');
  const done = await client.exchange.exportPairs({ path: file, format: 'rrpo-json', status: 'accepted' });
  expect(done).toEqual({ path: file, count: 1 });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject([
    { pred: 'A red car turns back.', pred_masked: 'A red car turns <MASK> back </MASK>.' },
  ]);
});

test('tokens need a model, and are cut and marked as training does', async () => {
  const texts = { chosen: 'The red circle moves left.', rejected: 'The red circle moves right.' };
  const phrases = await client.pairs.propose(texts);
  await expect(client.pairs.tokens({ ...texts, phrases })).rejects.toEqual(userError('BAD_INPUT'));
  await expect(client.project.setModel({ modelDir: home })).rejects.toEqual(userError('NOT_FOUND'));
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  const truth = await client.pairs.tokens({ ...texts, phrases });
  for (const side of ['chosen', 'rejected'] as const) {
    expect(truth[side].map((t) => t.text).join('')).toBe(texts[side]);
    const marked = truth[side].filter((t) => t.phrase > 0);
    expect(
      marked
        .map((t) => t.text)
        .join('')
        .trim(),
    ).toBe(side === 'chosen' ? 'left' : 'right');
  }
  expect(truth.warnings).toEqual([]);
  expect(truth.end.text).toBe('<|im_end|>');
  expect([...truth.chosen, ...truth.rejected].map((t) => t.id)).not.toContain(truth.end.id);
  // A changed mark on the same text is not answered from memory.
  const wider = [{ ...phrases[0], chosen: { start: 15, end: 25, quote: 'moves left' } }];
  const again = await client.pairs.tokens({ ...texts, phrases: wider });
  expect(
    again.chosen
      .filter((t) => t.phrase > 0)
      .map((t) => t.text)
      .join('')
      .trim(),
  ).toBe('moves left');
  const blank = [{ ...phrases[0], chosen: { start: 3, end: 4, quote: ' ' } }];
  expect((await client.pairs.tokens({ ...texts, phrases: blank })).warnings).toEqual([
    'Phrase 1 covers no token of the preferred answer.',
  ]);
  const long = await client.pairs.tokens({ ...texts, chosen: 'x'.repeat(100_001), phrases: [] });
  expect(long.chosen).toEqual([]);
  expect(long.warnings[0]).toContain('has 100001 characters');
  const lost = [{ ...phrases[0], chosen: { start: 90, end: 95, quote: 'x' } }];
  expect((await client.pairs.tokens({ ...texts, phrases: lost })).warnings).toEqual([
    'Phrase 1 lost its mark in the preferred answer: it rewards no token.',
  ]);
});

test('the sample project opens with its clips, questions and model, and opens again', async () => {
  const info = await client.project.openSample();
  expect(info).toMatchObject({ path: sampleProjectDir(), modelDir: path.join(resourcesDir, 'model') });
  const samples = JSON.parse(readFileSync(path.join(resourcesDir, 'sample', 'samples.json'), 'utf8')) as {
    video: string;
    pred?: string;
    split: string;
  }[];
  expect(info.counts).toMatchObject({
    samples: samples.length,
    videos: new Set(samples.map((s) => s.video)).size,
  });
  const { pending, accepted, ...none } = await client.pairs.counts();
  expect(pending + accepted).toBe(samples.filter((s) => s.pred).length);
  expect(pending).toBeGreaterThanOrEqual(12);
  expect(none).toEqual({ rejected: 0, second_look: 0 });
  await workbench.jobs.idle();
  const videos = await client.library.videos();
  expect(videos.filter((v) => v.state !== 'ready')).toEqual([]);
  expect(videos.filter((v) => v.alike.length > 0)).toEqual([]);
  const heldout = new Set(samples.filter((s) => s.split === 'heldout').map((s) => path.basename(s.video)));
  expect(new Set(videos.filter((v) => v.split === 'heldout').map((v) => v.name))).toEqual(heldout);
  const frames = await client.library.modelFrames({ videoId: videos[0].id });
  expect(frames).toHaveLength(8);
  expect(await client.project.openSample()).toEqual(info);
  expect((await client.project.recent()).map((r) => r.name)).toEqual(['Sample project', 'Data']);
});
