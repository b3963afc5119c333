/** @file Videos that are copied in, moved, renamed, replaced, cancelled and tried again, with real files and the real media worker. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient, type RouterClient } from '@orpc/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job, Video } from '../contract/schemas.ts';
import { VideoLibrary } from '../library/videos.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../media/fixtures');
const SHARED = path.resolve(import.meta.dirname, '../../../shared/clips');

let home: string;
let workbench: Workbench;
let client: RouterClient<ReturnType<typeof createRouter>>;
beforeEach(async () => {
  // Spaces, quotes and letters of three scripts, in the project and in the paths of the clips.
  home = path.join(mkdtempSync(path.join(os.tmpdir(), 'rrpo-files-')), `it's "here" – ä 日本 עברית`);
  mkdirSync(path.join(home, 'in'), { recursive: true });
  process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
  workbench = new Workbench('cli');
  client = createRouterClient(createRouter(workbench));
  await client.project.create({ path: path.join(home, 'project'), name: 'Files' });
});
afterEach(async () => {
  await workbench.dispose();
  delete process.env.RRPO_WORKBENCH_HOME;
  rmSync(path.dirname(home), { recursive: true, force: true });
});

const place = (fixture: string, name: string): string => {
  const target = path.join(home, 'in', name);
  mkdirSync(path.dirname(target), { recursive: true });
  copyFileSync(path.join(FIXTURES, fixture), target);
  return target;
};
async function settled(job: Job | null): Promise<Job | null> {
  const ended = job && (await workbench.jobs.ended(job.id));
  // A probe may be followed by a proxy.
  await workbench.jobs.idle();
  return ended;
}
/** Adds files and waits; the videos by name. */
async function add(...files: string[]): Promise<Record<string, Video>> {
  await settled((await client.library.addVideos({ paths: files })).job);
  return byName();
}
const byName = async (): Promise<Record<string, Video>> =>
  Object.fromEntries((await client.library.videos()).map((v) => [v.name, v]));
const refresh = (): void => void new VideoLibrary(workbench.requireProject()).refresh();
const ask = async (videoId: string): Promise<void> => {
  const file = path.join(home, 'rows.json');
  const { path: clip } = await client.library.video({ videoId });
  writeFileSync(file, JSON.stringify([{ question: 'What?', answer: 'This.', video: clip }]));
  await settled(await client.library.runImport({ path: file }));
};

test('a path with spaces, quotes and letters of three scripts is probed, played through a proxy, and strips are made', async () => {
  const { 'clip "one" – ü 日本.avi': video } = await add(place('b-frames.avi', 'clip "one" – ü 日本.avi'));
  expect(video).toMatchObject({ state: 'ready', playback: 'proxy', frameCount: 30 });
  const { playableFile, stripFile } = await import('./media-files.ts');
  expect(existsSync(playableFile(workbench, video.id)!)).toBe(true);
  expect(existsSync((await stripFile(workbench, video.id, { stride: 1, strip: 0 }))!)).toBe(true);
});

test('copying into the project: the copies are used, originals stay, what is referenced moves in, copies of copies are not made', async () => {
  const [a, b] = [place('vp8.webm', 'a.webm'), place('hevc.mp4', 'sub/b.mp4')];
  const before = (await add(a))['a.webm'];
  await ask(before.id);
  const job = await settled(await client.library.copyVideos({ paths: [path.join(home, 'in')] }));
  expect(job).toMatchObject({ state: 'done', result: { added: 2, duplicates: 0, found: 0 } });
  const inside = path.join(home, 'project', 'videos');
  expect(readdirSync(inside).sort()).toEqual(['a.webm', 'b.mp4']);
  expect(readFileSync(path.join(inside, 'b.mp4'))).toEqual(readFileSync(b));
  const videos = await byName();
  expect(videos['a.webm']).toMatchObject({
    id: before.id,
    path: path.join(inside, 'a.webm'),
    sampleCount: 1,
    state: 'ready',
  });
  expect(videos['b.mp4']).toMatchObject({ path: path.join(inside, 'b.mp4'), playback: 'proxy' });
  expect(await settled(await client.library.copyVideos({ paths: [a, b] }))).toMatchObject({
    result: { added: 0, duplicates: 2, found: 0 },
  });
  expect(readdirSync(inside)).toHaveLength(2);
  // A project that moves takes its copies along.
  rmSync(path.join(home, 'in'), { recursive: true });
  await client.project.close();
  renameSync(path.join(home, 'project'), path.join(home, 'moved'));
  await client.project.open({ path: path.join(home, 'moved') });
  refresh();
  expect((await client.library.videos()).map((v) => v.state)).toEqual(['ready', 'ready']);
});

test('a whole folder that was moved and renamed is found by content; strangers in it are not added', async () => {
  const files = ['a.webm', 'b.mp4', 'c.gif'].map((name, i) =>
    place(['vp8.webm', 'hevc.mp4', 'animation.gif'][i], name),
  );
  const before = await add(...files);
  await ask(before['a.webm'].id);
  const elsewhere = path.join(home, 'else', 'where');
  mkdirSync(elsewhere, { recursive: true });
  for (const [i, file] of files.entries()) renameSync(file, path.join(elsewhere, `renamed ${i}.bin.mp4`));
  copyFileSync(path.join(FIXTURES, 'mirrored.mp4'), path.join(elsewhere, 'stranger.mp4'));
  refresh();
  const missing = await client.library.videos();
  expect(missing.map((v) => [v.state, v.sampleCount])).toEqual([
    ['missing', 1],
    ['missing', 0],
    ['missing', 0],
  ]);
  const job = await settled(await client.library.searchMissing({ folder: path.join(home, 'else') }));
  expect(job).toMatchObject({ state: 'done', result: { found: 3, missing: 0 } });
  const after = await client.library.videos();
  expect(after.map((v) => [v.id, v.state, v.name])).toEqual(
    missing.map((v, i) => [v.id, 'ready', `renamed ${i}.bin.mp4`]),
  );
  await expect(
    client.library.searchMissing({ folder: path.join(home, 'none') }).then(settled),
  ).resolves.toMatchObject({
    state: 'failed',
    error: { code: 'NOT_FOUND' },
  });
});

test('locating one: only its own content, unless another is said to take its place; its questions stay', async () => {
  const file = place('hevc.mp4', 'a.mp4');
  const { id } = (await add(file, place('vp8.webm', 'other.webm')))['a.mp4'];
  await ask(id);
  const moved = path.join(home, 'moved.mp4');
  renameSync(file, moved);
  refresh();
  const locate = (to: string, replace = false): Promise<Video> =>
    client.library.locateVideo({ videoId: id, path: to, replace });
  const refused = (code: string, message: string): unknown =>
    expect.objectContaining({
      data: expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as unknown,
    });
  const longer = path.join(home, 'longer.mp4');
  copyFileSync(path.join(SHARED, 'edts.mp4'), longer);
  await expect(locate(longer)).rejects.toEqual(refused('CONFLICT', 'expected the content of a.mp4'));
  await expect(locate(path.join(home, 'none'))).rejects.toEqual(refused('NOT_FOUND', 'got none'));
  await expect(locate(path.join(home, 'in', 'other.webm'), true)).rejects.toEqual(
    refused('CONFLICT', 'that of another clip of this project, other.webm'),
  );
  expect(await locate(moved)).toMatchObject({ state: 'ready', name: 'moved.mp4', sampleCount: 1 });
  expect(await locate(longer, true)).toMatchObject({ id, state: 'queued', sampleCount: 1 });
  await settled(null);
  const replaced = await client.library.video({ videoId: id });
  expect(replaced).toMatchObject({ state: 'ready', frameCount: 225, sampleCount: 1 });
  expect(replaced.findings.map((f) => f.code)).toContain('content-changed');
});

test('a file that was replaced in its place is noticed and looked into again', async () => {
  const file = place('hevc.mp4', 'a.mp4');
  const { id } = (await add(file))['a.mp4'];
  copyFileSync(path.join(SHARED, 'edts.mp4'), file);
  const { changed, toProbe } = new VideoLibrary(workbench.requireProject()).refresh();
  expect([changed, toProbe]).toEqual([[id], [id]]);
  await settled(await client.library.retryVideos({ videoIds: [id] }));
  expect(await client.library.video({ videoId: id })).toMatchObject({ state: 'ready', frameCount: 225 });
});

test('whoever opens a clip whose file has gone is told so, and sees it again once it is back', async () => {
  const file = place('vp8.webm', 'a.webm');
  const { id } = (await add(file))['a.webm'];
  const stop = new AbortController();
  const told: string[] = [];
  const listening = (async () => {
    for await (const event of workbench.hub.subscribe(stop.signal))
      if (event.type === 'video') told.push(event.videoId);
  })();
  const state = async (): Promise<string> => (await client.library.video({ videoId: id })).state;
  renameSync(file, `${file}.away`);
  expect([await state(), await state()]).toEqual(['missing', 'missing']);
  await expect.poll(() => told).toEqual([id]);
  renameSync(`${file}.away`, file);
  expect(await state()).toBe('ready');
  await expect.poll(() => told).toEqual([id, id]);
  stop.abort();
  await listening;
});

test('a cancelled probe leaves its clips waiting, a retry reads them; a mended file is no longer broken', async () => {
  const broken = path.join(home, 'in', 'broken.mp4');
  writeFileSync(broken, 'no video');
  const files = [broken, place('vp8.webm', 'b.webm'), place('hevc.mp4', 'c.mp4')];
  const { job } = await client.library.addVideos({ paths: files });
  await client.jobs.cancel({ jobId: job!.id });
  expect(await settled(job)).toMatchObject({ state: 'cancelled' });
  const states = async (): Promise<string[]> => (await client.library.videos()).map((v) => v.state);
  expect((await states()).filter((s) => s === 'probing')).toEqual([]);
  const ids = (await client.library.videos()).filter((v) => v.state === 'queued').map((v) => v.id);
  expect(ids.length).toBeGreaterThan(0);
  const again = await client.library.retryVideos({ videoIds: ids });
  expect(again).not.toBeNull();
  // In line already: no second job.
  expect(await client.library.retryVideos({ videoIds: ids })).toBeNull();
  expect(await settled(again)).toMatchObject({ state: 'done' });
  expect(await states()).toEqual(['broken', 'ready', 'ready']);
  copyFileSync(path.join(FIXTURES, 'mirrored.mp4'), broken);
  const [{ id }] = await client.library.videos();
  await settled(await client.library.retryVideos({ videoIds: [id] }));
  expect(await states()).toEqual(['ready', 'ready', 'ready']);
});
