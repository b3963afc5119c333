/** @file Near-duplicates never straddle the split: real files re-encoded to other codecs, sizes and containers, in every order of coming. */
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lookOf } from '../media/look.ts';
import { probeVideo } from '../media/probe.ts';
import { makeProxy } from '../media/proxy.ts';
import type { OpenProject } from '../project/project.ts';
import { temporaryProject } from '../project/testing.ts';
import { VideoLibrary } from './videos.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../media/fixtures');
const SAMPLE = path.resolve(import.meta.dirname, '../../resources/sample/clips/clip-0001.mp4');

let home: string;
let project: OpenProject;
let dispose: () => void;
let videos: VideoLibrary;
beforeEach(async () => {
  ({ project, folder: home, dispose } = await temporaryProject());
  videos = new VideoLibrary(project);
});
afterEach(() => dispose());

/** Stores what the media worker would find; the video's id. */
async function probe(id: string): Promise<string> {
  const found = await probeVideo(videos.get(id).path);
  const look = await lookOf(found.file, found.pts);
  const { length: frameCount, duration } = found.pts;
  return videos.storeProbe(id, { ...found, pts: found.pts.toBytes(), frameCount, duration, look });
}
const add = (name: string): string => videos.addReferenced(path.join(FIXTURES, name), true);
const splits = (): Record<string, string> => Object.fromEntries(videos.list().map((v) => [v.name, v.split]));
const codes = (id: string): string[] => videos.get(id).findings.map(({ code }) => code);
const said = (id: string, code: string): string | undefined =>
  videos.get(id).findings.find((finding) => finding.code === code)?.message;

/** One numbered clip as HEVC in MP4, MPEG-4 in AVI and GIF; a VP8 clip that is something else. */
const TWINS = ['numbered-hevc.mp4', 'numbered-mpeg4.avi', 'numbered.gif'];
const OTHER = 'vp8.webm';

test('three encodings of one clip come into the split of the first, whatever order they are looked into', async () => {
  const ids = [...TWINS, OTHER].map(add);
  videos
    .list()
    .forEach((v, i) => project.db.update('videos', v.id, { split: i === 1 ? 'heldout' : 'train' }));
  for (const id of [ids[3], ids[2], ids[1], ids[0]]) await probe(id);
  expect(splits()).toEqual({
    'numbered-hevc.mp4': 'train',
    'numbered-mpeg4.avi': 'train',
    'numbered.gif': 'train',
    'vp8.webm': 'train',
  });
  expect(videos.get(ids[0]).alike.map((v) => v.name)).toEqual(TWINS.slice(1));
  expect(videos.get(ids[3]).alike).toEqual([]);
  expect(said(ids[0], 'near-duplicate')).toBe(
    'Near-duplicate of numbered-mpeg4.avi, numbered.gif: it looks the same, so they are in one split.',
  );
  expect(said(ids[1], 'split-moved')).toContain('Moved: it looks the same as numbered-hevc.mp4');
  expect(codes(ids[0])).not.toContain('split-moved');
});

test('a smaller re-encode of a sample clip follows it to either side', async () => {
  const again = path.join(home, 'again.mp4');
  const { pts } = await probeVideo(SAMPLE);
  await makeProxy(SAMPLE, pts, again, { maxEdge: 64 });
  const [a, b] = [videos.addReferenced(SAMPLE, true), videos.addReferenced(again, true)];
  for (const first of ['train', 'heldout'] as const) {
    project.db.update('videos', a, { split: first });
    project.db.update('videos', b, { split: first === 'train' ? 'heldout' : 'train' });
    await probe(a);
    await probe(b);
    expect([videos.get(a).split, videos.get(b).split]).toEqual([first, first]);
  }
});

test('what a file says of one is so for all; held out wins, and the other says why', async () => {
  const [hevc, avi, gif] = TWINS.map(add);
  await probe(hevc);
  await probe(avi);
  expect(videos.stateSplit(avi, 'heldout')).toBeNull();
  expect(splits()).toMatchObject({ 'numbered-hevc.mp4': 'heldout', 'numbered-mpeg4.avi': 'heldout' });
  expect(said(hevc, 'split-moved')).toBe(
    'Moved: it looks the same as numbered-mpeg4.avi, and what looks the same stays held out together.',
  );
  // Said to be in training before it was looked into.
  expect(videos.stateSplit(gif, 'train')).toBeNull();
  await probe(gif);
  expect(videos.get(gif).split).toBe('heldout');
  expect(said(gif, 'split-conflict')).toBe(
    'It is said to be in training, but looks the same as numbered-mpeg4.avi, which is held out: so it is held out too.',
  );
  // Its other rows say the same again: they are taken. A row that contradicts the video's own earlier one is not.
  expect(videos.stateSplit(gif, 'train')).toBeNull();
  expect(videos.stateSplit(avi, 'train')).toContain('expected "heldout" for video numbered-mpeg4.avi');
});

test('a statement about training is kept where nobody says held out', async () => {
  const [hevc, avi] = TWINS.map(add);
  project.db.update('videos', hevc, { split: 'heldout' });
  videos.stateSplit(avi, 'train');
  await probe(hevc);
  await probe(avi);
  expect(splits()).toMatchObject({ 'numbered-hevc.mp4': 'train', 'numbered-mpeg4.avi': 'train' });
  expect(said(hevc, 'split-moved')).toContain('stays in training together');
});

test('a file that is replaced by another leaves its group, and the one left alone says nothing more', async () => {
  const [hevc, avi] = TWINS.map(add);
  await probe(hevc);
  await probe(avi);
  expect(videos.get(avi).alike).toHaveLength(1);
  project.db.update('videos', avi, { path: path.join(FIXTURES, OTHER) });
  await probe(avi);
  expect(videos.get(avi).alike).toEqual([]);
  expect(videos.get(hevc).alike).toEqual([]);
  expect(codes(hevc)).not.toContain('near-duplicate');
});

test('videos of a project of an earlier version are compared when it is opened', async () => {
  const ids = TWINS.map(add);
  for (const id of ids) await probe(id);
  project.db.exec('DELETE FROM video_looks; UPDATE videos SET alike = NULL');
  expect(videos.withoutLook()).toEqual(ids);
  for (const id of ids) videos.setLook(id, await lookOf(videos.get(id).path, videos.pts(id)));
  expect(videos.withoutLook()).toEqual([]);
  expect(videos.get(ids[2]).alike).toHaveLength(2);
});
