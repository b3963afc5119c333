/** @file What the player needs about a clip (record, PTS table, the model's frames), read once and kept while it holds. */
import { computed, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import { frameTimes, readPts, type FrameTimes } from '../../src-main/contract/pts-bytes.ts';
import type { Video } from '../../src-main/contract/schemas.ts';
import type { Api } from '../client/client.ts';
import type { Plain } from '../client/errors.ts';
import { useLoad } from './useLoad.ts';
import { useWorkbench } from './useWorkbench.ts';
import { warmVideo } from './warm-videos.ts';

interface Clip {
  readonly video: Video;
  /** Undefined while the clip has not been probed, or could not be. */
  readonly pts: FrameTimes | undefined;
  /** Why the model's frames are unknown; empty when they are known. */
  readonly modelNote: string;
  readonly modelFrames: readonly number[];
}

const cache = new Map<string, Promise<Clip>>();
const MOST = 24;

async function readTimes(videoId: string): Promise<FrameTimes> {
  const response = await fetch(`/media/pts/${encodeURIComponent(videoId)}`);
  if (!response.ok) throw new Error(`The clip's frame table could not be read (${response.status}).`);
  return frameTimes(readPts(new Uint8Array(await response.arrayBuffer())));
}

async function readClip(api: Api, videoId: string): Promise<Clip> {
  const video = await api.library.video({ videoId });
  if (video.state !== 'ready') return { video, pts: undefined, modelFrames: [], modelNote: '' };
  const [pts, eye] = await Promise.all([
    readTimes(videoId),
    api.library.modelFrames({ videoId }).then(
      (modelFrames) => ({ modelFrames, modelNote: '' }),
      // Without a model there is no model's eye; the clip still plays.
      (error: unknown) => ({
        modelFrames: [],
        modelNote: error instanceof Error ? error.message : String(error),
      }),
    ),
  ]);
  return { video, pts, ...eye };
}

/** Reads a clip, or takes it from what was read before. */
function loadClip(api: Api, videoId: string): Promise<Clip> {
  const known = cache.get(videoId);
  if (known) return known;
  if (cache.size >= MOST) cache.delete(cache.keys().next().value!);
  const clip = readClip(api, videoId);
  cache.set(videoId, clip);
  clip.then(
    ({ video }) => {
      // A clip that is still changing is read again next time.
      if (video.state !== 'ready' || video.playback === 'proxy-pending') cache.delete(videoId);
    },
    () => cache.delete(videoId),
  );
  return clip;
}

/** Where the bytes of a clip are served. */
export const mediaUrl = (videoId: string): string => `/media/video/${encodeURIComponent(videoId)}`;

/** Gets the next clip ready: its table, and a player element with its first frame. */
export async function preloadClip(api: Api, videoId: string): Promise<void> {
  const { video } = await loadClip(api, videoId);
  if (video.playback === 'direct' || video.playback === 'proxy') warmVideo(mediaUrl(videoId));
}

export function useClip(videoId: () => string | null): {
  clip: ShallowRef<Clip | undefined>;
  pts: ComputedRef<FrameTimes | undefined>;
  modelFrames: ComputedRef<readonly number[]>;
  loading: Readonly<Ref<boolean>>;
  error: Readonly<ShallowRef<Plain | null>>;
  /** Reads the clip anew, as when its file turns out to be gone. */
  reload: () => Promise<void>;
} {
  const { api, on, lineNumber, project } = useWorkbench();
  const load = useLoad(async () => {
    const id = videoId();
    return id === null ? undefined : await loadClip(api, id);
  }, [videoId, lineNumber, () => project.value?.modelDir]);
  on('video', ({ videoId: changed }) => {
    cache.delete(changed);
    if (changed === videoId()) void load.reload();
  });
  on('project', () => cache.clear());
  async function reload(): Promise<void> {
    const id = videoId();
    if (id !== null) cache.delete(id);
    await load.reload();
  }
  return {
    clip: load.data,
    pts: computed(() => load.data.value?.pts),
    modelFrames: computed(() => load.data.value?.modelFrames ?? []),
    loading: load.loading,
    error: load.error,
    reload,
  };
}
