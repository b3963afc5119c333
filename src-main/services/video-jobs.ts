/** @file Background work on videos: looking into new ones, and proxies for those that the window cannot play. One bad file costs itself. */
import path from 'node:path';
import type { Job } from '../contract/schemas.ts';
import type { JobContext } from '../jobs/queue.ts';
import { removeUnfinished } from '../library/copies.ts';
import { VideoLibrary } from '../library/videos.ts';
import { toPlainError } from '../platform/errors.ts';
import { log } from '../platform/log.ts';
import type { OpenProject } from '../project/project.ts';
import type { Workbench } from './workbench.ts';

type Kind = 'probe' | 'proxy';

/** Videos that a queued or running job will deal with, per project and kind of job: no video is in two jobs of one kind. */
const taken: Record<Kind, WeakMap<OpenProject, Set<string>>> = { probe: new WeakMap(), proxy: new WeakMap() };

/** Looks into these videos one after the other; null when there is nothing to do. The job's result is `{ready, broken}`. */
export function probeVideos(workbench: Workbench, videoIds: readonly string[]): Job | null {
  const project = workbench.requireProject();
  const ids = take('probe', project, videoIds);
  if (ids.length === 0) return null;
  const { job, done } = workbench.jobs.enqueue({
    kind: 'probe',
    title: ids.length === 1 ? 'Reading a clip' : `Reading ${ids.length} clips`,
    lane: 'media',
    run: (context) => probeAll(workbench, project, ids, context),
    result: (counts) => counts,
  });
  releaseAfter(done, 'probe', project, ids);
  return job;
}

/** Looks whether the file of one video is still what it was, and sets to work on it when it is not. */
export function lookAgain(workbench: Workbench, videoId: string): void {
  const videos = new VideoLibrary(workbench.requireProject());
  const { changed, toProbe } = videos.refresh(videoId);
  if (changed.length === 0) return;
  probeVideos(workbench, toProbe);
  makeProxies(workbench, videos.withoutProxy());
  workbench.hub.emit({ type: 'video', videoId });
}

/** Looks into videos once more: broken ones, and those whose job was cancelled. */
export function retryVideos(workbench: Workbench, videoIds: readonly string[]): Job | null {
  new VideoLibrary(workbench.requireProject()).requeue(videoIds);
  workbench.hub.emit({ type: 'library' });
  return probeVideos(workbench, videoIds);
}

async function probeAll(
  workbench: Workbench,
  project: OpenProject,
  ids: readonly string[],
  { signal, progress }: JobContext,
): Promise<{ ready: number; broken: number }> {
  const videos = new VideoLibrary(project);
  const counts = { ready: 0, broken: 0 };
  // By bytes, so that one long video among short ones does not upset the time left; a little for each file in itself.
  const weights = ids.map((id) => 2e5 + (videos.get(id).bytes ?? 1e6));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let done = 0;
  for (const [k, id] of ids.entries()) {
    const video = videos.get(id);
    videos.markProbing(id);
    workbench.hub.emit({ type: 'video', videoId: id });
    progress(done / total, video.name);
    let stored = id;
    try {
      const probe = await workbench.workers.media.call(
        'probe',
        { path: video.path },
        { signal, onEvent: (part) => progress((done + part * weights[k]) / total, video.name) },
      );
      stored = videos.storeProbe(id, probe);
      counts.ready++;
    } catch (error) {
      const plain = toPlainError(error);
      if (signal.aborted || plain.code === 'DISK_FULL') {
        // Not the video's fault. It waits for a retry, or for the next opening of the project.
        videos.markWaiting(id);
        workbench.hub.emit({ type: 'video', videoId: id });
        throw error;
      }
      videos.storeBroken(id, plain);
      counts.broken++;
    }
    workbench.hub.emit({ type: 'video', videoId: stored });
    // Joined to an older video of the same content, or to a group of near-duplicates: other rows changed too.
    if (stored !== id || videos.get(stored).alike.length > 0) workbench.hub.emit({ type: 'library' });
    done += weights[k];
    progress(done / total, video.name);
  }
  progress(1, `${counts.ready} read${counts.broken ? `, ${counts.broken} could not be read` : ''}`);
  if (!signal.aborted) makeProxies(workbench, videos.withoutProxy());
  return counts;
}

/** Finds the near-duplicates among videos that were probed before looks were kept. A file that cannot be read now stays as it is. */
function compareVideos(workbench: Workbench, videoIds: readonly string[]): Job | null {
  const project = workbench.requireProject();
  if (videoIds.length === 0) return null;
  return workbench.jobs.enqueue({
    kind: 'probe',
    title: 'Looking for near-duplicates',
    lane: 'media',
    run: async ({ signal, progress }) => {
      const videos = new VideoLibrary(project);
      for (const [done, id] of videoIds.entries()) {
        const { path: file, name } = videos.get(id);
        try {
          const input = { path: file, pts: videos.ptsBytes(id) };
          videos.setLook(id, await workbench.workers.media.call('look', input, { signal }));
        } catch (error) {
          if (signal.aborted) throw error;
          log.warn(`no look of ${file}`, error);
        }
        progress((done + 1) / videoIds.length, name);
      }
      workbench.hub.emit({ type: 'library' });
    },
  }).job;
}

/** Makes proxies of these videos one after the other. */
export function makeProxies(workbench: Workbench, videoIds: readonly string[]): Job | null {
  const project = workbench.requireProject();
  const ids = take('proxy', project, videoIds);
  if (ids.length === 0) return null;
  const { job, done } = workbench.jobs.enqueue({
    kind: 'proxy',
    title: ids.length === 1 ? 'Making a clip playable' : `Making ${ids.length} clips playable`,
    lane: 'media',
    run: async ({ signal, progress }) => {
      const videos = new VideoLibrary(project);
      for (const [count, id] of ids.entries()) {
        const video = videos.get(id);
        const output = path.join(project.cacheDir, 'proxies', `${video.sha256}.mp4`);
        progress(count / ids.length, video.name);
        try {
          const made = await workbench.workers.media.call(
            'proxy',
            { path: video.path, pts: videos.ptsBytes(id), output },
            { signal, onEvent: (part) => progress((count + part) / ids.length, video.name) },
          );
          videos.setProxy(id, made.path);
        } catch (error) {
          if (signal.aborted) throw error;
          videos.setProxyFailed(id, toPlainError(error).message);
        }
        workbench.hub.emit({ type: 'video', videoId: id });
      }
    },
  });
  releaseAfter(done, 'proxy', project, ids);
  return job;
}

/**
 * What a project that was just opened still needs: files that moved or came back, videos that were never looked into (the
 * workbench was closed meanwhile), proxies whose cache was deleted, looks of videos that an earlier version probed.
 */
export function resumeVideoWork(workbench: Workbench): void {
  const project = workbench.requireProject();
  const videos = new VideoLibrary(project);
  void removeUnfinished(project);
  videos.refresh();
  probeVideos(workbench, videos.unprobed());
  makeProxies(workbench, videos.withoutProxy());
  compareVideos(workbench, videos.withoutLook());
}

function take(kind: Kind, project: OpenProject, ids: readonly string[]): string[] {
  const set = taken[kind].get(project) ?? new Set<string>();
  taken[kind].set(project, set);
  const free = [...new Set(ids)].filter((id) => !set.has(id));
  for (const id of free) set.add(id);
  return free;
}

/** Also when the job was cancelled before it ran. */
function releaseAfter(
  done: Promise<unknown>,
  kind: Kind,
  project: OpenProject,
  ids: readonly string[],
): void {
  const release = (): void => ids.forEach((id) => taken[kind].get(project)?.delete(id));
  done.then(release, release);
}
