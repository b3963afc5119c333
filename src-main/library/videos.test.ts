/** @file Videos by reference: each content once, moved files found again, splits drawn by seed. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MediaProbe } from '../jobs/apis.ts';
import { PtsTable } from '../media/pts.ts';
import { lookFrom } from '../media/testing.ts';
import type { OpenProject } from '../project/project.ts';
import { temporaryProject } from '../project/testing.ts';
import { SampleLibrary } from './samples.ts';
import { scanForVideos } from './scan.ts';
import { drawSplit } from './split.ts';
import { VideoLibrary } from './videos.ts';

let home: string;
let project: OpenProject;
let dispose: () => void;
let videos: VideoLibrary;
beforeEach(async () => {
  ({ project, folder: home, dispose } = await temporaryProject());
  videos = new VideoLibrary(project);
});
afterEach(() => dispose());

function file(name: string, content: string): string {
  const target = path.join(home, name);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, content);
  return target;
}

/** What the media worker would find; the hash is of the content. */
function probe(content: string, change: Partial<MediaProbe> = {}): MediaProbe {
  const ticks = [0, 40, 80, 130];
  const pts = new PtsTable({ timeBase: { num: 1, den: 1000 }, ticks, keys: [0], end: 170, seekable: true });
  return {
    sha256: createHash('sha256').update(content).digest('hex'),
    bytes: content.length,
    container: 'mp4',
    codec: 'h264',
    width: 64,
    height: 48,
    rotation: 90,
    duration: pts.duration,
    frameCount: 4,
    frameRate: 'variable',
    audioCodec: 'aac',
    playable: { value: true, reason: '' },
    findings: [{ code: 'variable-frame-rate', severity: 'info', message: 'Variable frame rate.' }],
    pts: pts.toBytes(),
    look: lookFrom(content),
    ...change,
  };
}

test('folders are scanned for videos, files are taken as they are', async () => {
  for (const name of [
    'd/b.MP4',
    'd/a.webm',
    'd/sub/c.gif',
    'd/notes.txt',
    'd/.hidden.mp4',
    'd/.git/x.mp4',
    'odd.bin',
  ])
    file(name, name);
  const found = await scanForVideos([
    path.join(home, 'd'),
    path.join(home, 'odd.bin'),
    path.join(home, 'd/a.webm'),
  ]);
  expect(found.map((f) => path.relative(home, f))).toEqual(['d/a.webm', 'd/b.MP4', 'd/sub/c.gif', 'odd.bin']);
  await expect(scanForVideos([path.join(home, 'none')])).rejects.toThrow(path.join(home, 'none'));
});

test('a copy is a duplicate, before and after the probe', async () => {
  const [a, b, c] = [file('a.mp4', 'same'), file('b.mp4', 'same'), file('c.mp4', 'else')];
  const first = await videos.add([a, b, c]);
  expect(first).toMatchObject({ added: 2, duplicates: 1, found: 0 });
  expect(first.toProbe).toHaveLength(2);
  videos.storeProbe(first.toProbe[0], probe('same'));
  expect(await videos.add([file('d.mp4', 'same'), a])).toEqual({
    added: 0,
    duplicates: 2,
    found: 0,
    toProbe: [],
  });
});

test('what a probe finds is stored, the frame table exactly', async () => {
  const { toProbe } = await videos.add([file('a.mp4', 'aaa')]);
  const [id] = toProbe;
  expect(videos.get(id)).toMatchObject({ state: 'queued', playback: 'none', frameCount: null });
  expect(() => videos.pts(id)).toThrow('expected its frame table, got none: it is queued');
  expect(videos.storeProbe(id, probe('aaa'))).toBe(id);
  expect(videos.get(id)).toMatchObject({
    state: 'ready',
    playback: 'direct',
    rotation: 90,
    frameCount: 4,
    hasAudio: true,
    frameRate: 'variable',
    findings: [{ code: 'variable-frame-rate' }],
  });
  expect(videos.pts(id).toPlain()).toEqual({ seconds: Float64Array.of(0, 0.04, 0.08, 0.13), end: 0.17 });
  expect(videos.playFile(id)).toBe(path.join(home, 'a.mp4'));
  expect(videos.unprobed()).toEqual([]);
});

test('a video that the browser cannot play waits for a proxy; a deleted cache makes it wait again', async () => {
  const [id] = (await videos.add([file('a.avi', 'aaa')])).toProbe;
  videos.storeProbe(
    id,
    probe('aaa', { playable: { value: false, reason: 'browsers do not open AVI files' } }),
  );
  expect(videos.get(id)).toMatchObject({ playback: 'proxy-pending' });
  expect(videos.get(id).findings.at(-1)?.message).toBe(
    'Shown through a proxy: browsers do not open AVI files.',
  );
  expect([videos.withoutProxy(), videos.playFile(id)]).toEqual([[id], null]);
  const proxy = file('project/cache/proxies/x.mp4', 'p');
  videos.setProxy(id, proxy);
  expect(videos.playFile(id)).toBe(proxy);
  rmSync(proxy);
  expect(videos.refresh().changed).toEqual([id]);
  expect(videos.withoutProxy()).toEqual([id]);
});

test('a moved file is missing, and found again by its content', async () => {
  const a = file('a.mp4', 'aaa');
  const [id] = (await videos.add([a])).toProbe;
  videos.storeProbe(id, probe('aaa'));
  const moved = path.join(home, 'elsewhere.mp4');
  renameSync(a, moved);
  expect(videos.refresh()).toEqual({ changed: [id], toProbe: [] });
  expect(videos.get(id).state).toBe('missing');
  expect(await videos.add([moved])).toEqual({ added: 0, duplicates: 0, found: 1, toProbe: [] });
  expect(videos.get(id)).toMatchObject({ state: 'ready', path: moved, name: 'elsewhere.mp4' });
  // A file that comes back to its place needs nobody.
  renameSync(moved, a);
  videos.refresh();
  renameSync(a, moved);
  videos.refresh();
  expect(videos.get(id).state).toBe('ready');
});

test('a file whose content was replaced is looked into again', async () => {
  const a = file('a.mp4', 'aaa');
  const [id] = (await videos.add([a])).toProbe;
  videos.storeProbe(id, probe('aaa'));
  writeFileSync(a, 'longer');
  expect(await videos.add([a])).toEqual({ added: 0, duplicates: 1, found: 0, toProbe: [id] });
  videos.storeProbe(id, probe('longer', { frameCount: 9 }));
  expect(videos.get(id)).toMatchObject({ state: 'ready', bytes: 6, frameCount: 9 });
});

test('a video that only an import named is found by its name', async () => {
  const id = videos.addReferenced('/cluster/clip.mp4', false);
  expect(videos.get(id).state).toBe('missing');
  expect(await videos.add([file('clip.mp4', 'x')])).toEqual({
    added: 0,
    duplicates: 0,
    found: 1,
    toProbe: [id],
  });
});

test('two rows that turn out to be one video are joined, with their samples and pairs', () => {
  const samples = new SampleLibrary(project);
  const [a, b] = ['a.mp4', 'b.mp4'].map((name) => videos.addReferenced(file(name, 'same'), true));
  const add = (videoId: string, question: string): string =>
    samples.add({ videoId, question, type: 'short', chosen: 'x', source: 's' }).id;
  const kept = add(a, 'one?');
  add(b, 'one?');
  const own = add(b, 'two?');
  expect(videos.storeProbe(a, probe('same'))).toBe(a);
  expect(videos.storeProbe(b, probe('same'))).toBe(a);
  expect(videos.list().map((v) => [v.id, v.sampleCount])).toEqual([[a, 2]]);
  expect(samples.all().map((s) => [s.id, s.videoId])).toEqual([
    [kept, a],
    [own, a],
  ]);
});

test('one video in two splits is held out, and says so', () => {
  const [a, b] = ['a.mp4', 'b.mp4'].map((name) => videos.addReferenced(file(name, 'same'), true));
  videos.storeProbe(a, probe('same'));
  expect(videos.stateSplit(a, 'train')).toBeNull();
  expect(videos.stateSplit(a, 'heldout')).toContain('expected "train" for video a.mp4');
  videos.stateSplit(b, 'heldout');
  videos.storeProbe(b, probe('same'));
  expect(videos.get(a)).toMatchObject({ split: 'heldout' });
  expect(videos.get(a).findings.at(-1)?.message).toBe(
    'The same video came as a.mp4 and b.mp4 in different splits; it is held out.',
  );
});

test('a copy that is probed takes the place of a lost original', () => {
  const [a, b] = ['a.mp4', 'b.mp4'].map((name) => videos.addReferenced(file(name, 'same'), true));
  videos.storeProbe(a, probe('same'));
  rmSync(path.join(home, 'a.mp4'));
  expect(videos.storeProbe(b, probe('same'))).toBe(a);
  expect(videos.list()).toMatchObject([{ id: a, state: 'ready', path: path.join(home, 'b.mp4') }]);
});

test('a broken file keeps its row and says why', async () => {
  const [id] = (await videos.add([file('a.mp4', 'x')])).toProbe;
  videos.storeBroken(id, {
    code: 'CORRUPT',
    message: `${path.join(home, 'a.mp4')}: expected frames, got none`,
    hint: 'Copy it again.',
  });
  expect(videos.get(id)).toMatchObject({
    state: 'broken',
    findings: [{ severity: 'error', message: 'Expected frames, got none. Copy it again.' }],
  });
});

test('a clip without questions can be taken off the list, and added again; others cannot', async () => {
  const [broken, asked, reading] = (
    await videos.add([file('a.mp4', 'x'), file('b.mp4', 'yy'), file('c.mp4', 'zzz')])
  ).toProbe;
  videos.storeBroken(broken, { code: 'CORRUPT', message: 'expected frames, got none', hint: '' });
  videos.storeProbe(asked, probe('yy'));
  new SampleLibrary(project).add({
    videoId: asked,
    question: 'What?',
    type: 'open_ended',
    chosen: 'A swan.',
    source: 'test',
  });
  expect(() => videos.remove(asked)).toThrow('got one with 1');
  expect(() => videos.remove(reading)).toThrow('being read');
  videos.remove(broken);
  expect(videos.list().map(({ id }) => id)).toEqual([asked, reading]);
  expect(readFileSync(path.join(home, 'a.mp4'), 'utf8')).toBe('x');
  expect(await videos.add([path.join(home, 'a.mp4')])).toMatchObject({ added: 1, duplicates: 0 });
});

test('the split is drawn by seed, one of five, and does not move when videos are added', async () => {
  const draw = (seed: number, heldout = 0.2): string =>
    Array.from({ length: 40 }, (_, n) => drawSplit(n, { seed, heldout })[0]).join('');
  expect(draw(0)).toBe(draw(0));
  expect(draw(0)).not.toBe(draw(1));
  for (let block = 0; block < 8; block++)
    expect(
      draw(0)
        .slice(block * 5, block * 5 + 5)
        .match(/h/g),
    ).toHaveLength(1);
  expect(draw(0, 0)).toBe('t'.repeat(40));
  await videos.add(Array.from({ length: 5 }, (_, i) => file(`v${i}.mp4`, `content ${i} ${'x'.repeat(i)}`)));
  const before = videos.list().map((v) => v.split);
  expect(before.filter((s) => s === 'heldout')).toHaveLength(1);
  await videos.add(Array.from({ length: 5 }, (_, i) => file(`w${i}.mp4`, `more ${i} ${'y'.repeat(i + 50)}`)));
  expect(
    videos
      .list()
      .slice(0, 5)
      .map((v) => v.split),
  ).toEqual(before);
  expect(videos.list().filter((v) => v.split === 'heldout')).toHaveLength(2);
});
