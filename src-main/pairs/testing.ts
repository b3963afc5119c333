/** @file Pairs to test with, in a small project. */
import path from 'node:path';
import type { Provenance } from '../contract/schemas.ts';
import type { MediaProbe } from '../jobs/apis.ts';
import { SampleLibrary } from '../library/samples.ts';
import { VideoLibrary } from '../library/videos.ts';
import { PtsTable } from '../media/pts.ts';
import { lookFrom } from '../media/testing.ts';
import type { OpenProject } from '../project/project.ts';
import { PairService } from './pairs.ts';

/** A probe result as the media worker gives it, of a clip with `frames` frames at 10 a second. */
export function fakeProbe(sha256: string, frames = 20): MediaProbe {
  const ticks = Array.from({ length: frames }, (_, i) => i);
  const pts = new PtsTable({ timeBase: { num: 1, den: 10 }, ticks, keys: [0], end: frames, seekable: true });
  return {
    sha256,
    bytes: 1000,
    container: 'mp4',
    codec: 'h264',
    width: 64,
    height: 48,
    rotation: 0,
    duration: pts.duration,
    frameCount: frames,
    frameRate: 'constant',
    audioCodec: null,
    playable: { value: true, reason: 'browsers play h264 in MP4' },
    findings: [],
    pts: pts.toBytes(),
    look: lookFrom(sha256),
  };
}

/** One probed training video, one sample about it, one pending pair. */
export function seedPair(
  project: OpenProject,
  texts: {
    question?: string;
    chosen?: string;
    rejected?: string;
    video?: string;
    split?: 'train' | 'heldout';
  } = {},
): { videoId: string; sampleId: string; pairId: string; pairs: PairService } {
  const videos = new VideoLibrary(project);
  const name = texts.video ?? 'clip.mp4';
  const videoId = videos.addReferenced(path.join(project.path, name), true);
  if (videos.get(videoId).state === 'queued') {
    videos.storeProbe(videoId, fakeProbe(name.padEnd(64, '0')));
    videos.stateSplit(videoId, texts.split ?? 'train');
  }
  const { id: sampleId } = new SampleLibrary(project).add({
    videoId,
    question: texts.question ?? 'What does the circle do?',
    type: 'open_ended',
    chosen: texts.chosen ?? 'The red circle moves to the left.',
    source: 'test',
  });
  const pairs = new PairService(project);
  const rejected = texts.rejected ?? 'The red circle moves to the right.';
  const provenance: Provenance = { kind: 'imported', original: rejected, createdAt: 0 };
  return { videoId, sampleId, pairId: pairs.addCandidate({ sampleId, rejected, provenance }).id, pairs };
}
