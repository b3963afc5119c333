/** @file What the model is given of a clip under a recipe: the plan, and a picture for each of its frames, all read ahead so that showing one is instant. */
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import type { PerturbedClip } from '../../src-main/contract/schemas.ts';
import type { Plain } from '../client/errors.ts';
import { useLoad } from './useLoad.ts';
import { useWorkbench } from './useWorkbench.ts';

/** Which perturbation. `frames`: the video's frames before it, when they are not those of the project's model. */
export interface Perturbation {
  readonly recipe: unknown;
  readonly seed: number;
  readonly frames?: readonly number[];
}

/** One frame as the model is given it. */
export type Given = PerturbedClip['frames'][number] & {
  /** Undefined until it is read. */
  readonly picture?: ImageBitmap;
  /** The same, small. */
  readonly thumbnail?: ImageBitmap;
};

const THUMBNAIL_HEIGHT = 56;
/** Pixels; a model may be given 64 frames, and each is held unpacked. */
const MOST_WIDTH = 960;

async function readBitmap(file: Blob): Promise<ImageBitmap> {
  const full = await createImageBitmap(file);
  if (full.width <= MOST_WIDTH) return full;
  const smaller = await createImageBitmap(full, { resizeWidth: MOST_WIDTH, resizeQuality: 'medium' });
  full.close();
  return smaller;
}

export function usePerturbed(
  videoId: () => string | null,
  perturbation: () => Perturbation | null,
): {
  /** In the order in which the model is given them; empty while nothing is asked for. */
  given: ShallowRef<readonly Given[]>;
  error: Readonly<ShallowRef<Plain | null>>;
} {
  const { api } = useWorkbench();
  const plan = useLoad(
    async (signal) => {
      const [id, wanted] = [videoId(), perturbation()];
      if (id === null || !wanted) return undefined;
      const { recipe, seed, frames } = wanted;
      const input = { videoId: id, recipe, seed, ...(frames ? { frames: [...frames] } : {}) };
      return api.negatives.perturbed(input, { signal });
    },
    [videoId, perturbation],
  );
  const given = shallowRef<readonly Given[]>([]);
  let abort = new AbortController();

  const forget = (): void => {
    abort.abort();
    for (const { picture, thumbnail } of given.value) {
      picture?.close();
      thumbnail?.close();
    }
    given.value = [];
  };
  // The pictures of one clip must not stand beside another, not even until those are read.
  watch([videoId, perturbation], forget, { flush: 'sync' });
  watch(
    plan.data,
    (clip) => {
      forget();
      if (!clip) return;
      abort = new AbortController();
      given.value = clip.frames;
      const { signal } = abort;
      clip.frames.forEach((_, k) => void readPicture(clip.key, k, signal));
    },
    { immediate: true },
  );
  onScopeDispose(forget);

  async function readPicture(key: string, k: number, signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(`/media/perturbed/${key}/${k}.jpg`, { signal });
      if (!response.ok) return;
      const picture = await readBitmap(await response.blob());
      const thumbnail = await createImageBitmap(picture, {
        resizeHeight: THUMBNAIL_HEIGHT,
        resizeQuality: 'medium',
      });
      if (signal.aborted) return;
      given.value = given.value.with(k, { ...given.value[k], picture, thumbnail });
    } catch {
      // Another clip was opened meanwhile, or it cannot be read: its place stays plain.
    }
  }

  return {
    given,
    error: plan.error,
  };
}
