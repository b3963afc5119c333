/** @file Files of videos that come, are copied in, moved or lost: copying into the project, uploads, and finding what is missing. */
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Job, Video } from '../contract/schemas.ts';
import { receiveFile, tablesDir, videosDir, type ReceiveOptions } from '../library/copies.ts';
import { scanForVideos } from '../library/scan.ts';
import { VideoLibrary, type Outcome } from '../library/videos.ts';
import { probeVideos } from './video-jobs.ts';
import type { Workbench } from './workbench.ts';

/** Copies files and folders of videos into the project and adds the copies. The job's result is `{added, duplicates, found}`. */
export function copyVideos(workbench: Workbench, paths: readonly string[]): Job {
  const project = workbench.requireProject();
  return workbench.jobs.enqueue({
    kind: 'copy',
    title: 'Copying clips into the project',
    lane: 'shell',
    run: async ({ signal, progress }) => {
      const files = await scanForVideos(paths);
      const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
      const total = Math.max(
        1,
        sizes.reduce((sum, size) => sum + size, 0),
      );
      const counts = { added: 0, duplicates: 0, found: 0 };
      const toProbe: string[] = [];
      let done = 0;
      try {
        for (const [k, file] of files.entries()) {
          const name = path.basename(file);
          progress(done / total, name);
          const taken = await takeIn(workbench, name, sizes[k], createReadStream(file, { signal }), true, {
            signal,
            onBytes: (bytes) => progress((done + bytes) / total, name),
          });
          counts[taken.outcome === 'duplicate' ? 'duplicates' : taken.outcome]++;
          if (taken.probe) toProbe.push(taken.videoId);
          done += sizes[k];
        }
      } finally {
        // Also after a cancel: what is copied is in.
        workbench.hub.emit({ type: 'library' });
        if (workbench.project === project) probeVideos(workbench, toProbe);
      }
      return counts;
    },
    result: (counts) => counts,
  }).job;
}

/** One file that comes as a stream of `bytes` bytes: a video is added, a table of answers is kept for the import. */
export async function receiveUpload(
  workbench: Workbench,
  kind: 'video' | 'table',
  name: string,
  bytes: number,
  source: AsyncIterable<Uint8Array>,
): Promise<{ outcome: Outcome; path: string; videoId: string | null }> {
  if (kind === 'table') {
    const { file } = await receiveFile(tablesDir(workbench.requireProject()), name, bytes, source);
    return { outcome: 'added', path: file, videoId: null };
  }
  const taken = await takeIn(workbench, name, bytes, source, false);
  if (taken.probe) probeVideos(workbench, [taken.videoId]);
  workbench.hub.emit({ type: 'library' });
  const { path: file } = new VideoLibrary(workbench.requireProject()).get(taken.videoId);
  return { outcome: taken.outcome, path: file, videoId: taken.videoId };
}

async function takeIn(
  workbench: Workbench,
  name: string,
  bytes: number,
  source: AsyncIterable<Uint8Array>,
  instead: boolean,
  options?: ReceiveOptions,
): Promise<{ outcome: Outcome; videoId: string; probe: boolean }> {
  const project = workbench.requireProject();
  const { file } = await receiveFile(videosDir(project), name, bytes, source, options);
  const taken = await new VideoLibrary(project).takeCopy(file, bytes, instead);
  if (taken.outcome === 'duplicate') await rm(file);
  return taken;
}

/** Looks for the files of missing videos in a folder and below. The job's result is `{found, missing}`, `missing`: still without a file. */
export function searchMissing(workbench: Workbench, folder: string): Job {
  const project = workbench.requireProject();
  return workbench.jobs.enqueue({
    kind: 'search',
    title: 'Searching for missing clips',
    lane: 'shell',
    run: async ({ signal, progress }) => {
      const videos = new VideoLibrary(project);
      const files = await scanForVideos([folder]);
      const { found, toProbe } = await videos.findMissing(files, {
        signal,
        onFile: (done, file) => progress(done / files.length, path.basename(file)),
      });
      workbench.hub.emit({ type: 'library' });
      probeVideos(workbench, toProbe);
      return { found: found.length, missing: videos.missingCount() };
    },
    result: (counts) => counts,
  }).job;
}

/** Gives a video the file that a person says it is; see {@link VideoLibrary.locate}. */
export async function locateVideo(
  workbench: Workbench,
  videoId: string,
  file: string,
  replace: boolean,
): Promise<Video> {
  const videos = new VideoLibrary(workbench.requireProject());
  if (await videos.locate(videoId, path.resolve(file), replace)) probeVideos(workbench, [videoId]);
  workbench.hub.emit({ type: 'library' });
  workbench.hub.emit({ type: 'video', videoId });
  return videos.get(videoId);
}
