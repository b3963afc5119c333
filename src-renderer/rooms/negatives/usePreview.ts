/**
 * @file A clip as the model is given it, before and under a recipe, frame by frame in the model's own size. The frames before the recipe are
 * read once; the order is drawn from the same code that the services use; a masked frame comes from where the model's own pixels
 * are made, to the byte.
 */
import {
  computed,
  onScopeDispose,
  ref,
  shallowRef,
  watch,
  type ComputedRef,
  type Ref,
  type ShallowRef,
} from 'vue';
import { givenAddress } from '../../../src-main/contract/given.ts';
import { planPerturbation, videoSeed, type PlannedFrame } from '../../../src-main/contract/perturb.ts';
import type { Recipe } from '../../../src-main/contract/recipe.ts';
import type { ModelEye } from '../../../src-main/contract/schemas.ts';
import type { Plain } from '../../client/errors.ts';
import { useLoad } from '../../composables/useLoad.ts';
import { useWorkbench } from '../../composables/useWorkbench.ts';

/** A picture that is shown under a recipe. */
export interface Shown {
  /** Address of exactly this; empty for a frame that no recipe has touched. */
  readonly address: string;
  readonly picture: ImageData;
}

export interface Preview {
  /** Null while nothing is known of the clip. */
  readonly eye: ComputedRef<ModelEye | null>;
  readonly error: Readonly<ShallowRef<Plain | null>>;
  readonly retry: () => Promise<void>;
  /** The frames before the recipe, as they are read. */
  readonly originals: ShallowRef<readonly (ImageData | undefined)[]>;
  /** The frames in the order in which the model is given them. */
  readonly plan: ComputedRef<readonly PlannedFrame[]>;
  /** Which of them is looked at. */
  readonly place: Ref<number>;
  /** It under the recipe; the one before stays until it is there. */
  readonly shown: ShallowRef<Shown | null>;
  /** Whether `shown` is what the recipe of this moment gives. */
  readonly current: ComputedRef<boolean>;
}

/** Originals that are read at a time: a slider's picture must not wait behind all of them. */
const AT_A_TIME = 2;

/** RGB bytes [height, width, 3] as a canvas takes them. */
function toImageData(rgb: Uint8Array, width: number, height: number): ImageData {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    image.data[to] = rgb[from];
    image.data[to + 1] = rgb[from + 1];
    image.data[to + 2] = rgb[from + 2];
    image.data[to + 3] = 255;
  }
  return image;
}

async function read(
  address: string,
  { width, height }: ModelEye,
  signal: AbortSignal,
): Promise<ImageData | undefined> {
  const response = await fetch(address, { signal });
  if (!response.ok) return undefined;
  const rgb = new Uint8Array(await response.arrayBuffer());
  return rgb.length === width * height * 3 ? toImageData(rgb, width, height) : undefined;
}

export function usePreview(videoId: () => string | null, recipe: () => Recipe, seed: () => number): Preview {
  const { api, lineNumber, project } = useWorkbench();
  const load = useLoad(
    async (signal) => {
      const id = videoId();
      return id === null ? null : { id, eye: await api.negatives.eye({ videoId: id }, { signal }) };
    },
    [videoId, lineNumber, () => project.value?.modelDir],
  );
  const eye = computed(() => {
    const loaded = load.data.value;
    return loaded && loaded.id === videoId() ? loaded.eye : null;
  });
  const clipSeed = computed(() => (eye.value ? videoSeed(seed(), eye.value.sha256) : 0));
  const plan = computed<readonly PlannedFrame[]>(() =>
    eye.value ? planPerturbation(recipe(), clipSeed.value, eye.value.frames.length) : [],
  );
  const place = ref(0);
  watch(plan, ({ length }) => (place.value = Math.max(0, Math.min(place.value, length - 1))));

  const originals = shallowRef<readonly (ImageData | undefined)[]>([]);
  const shown = shallowRef<Shown | null>(null);
  let abort = new AbortController();
  onScopeDispose(() => abort.abort());

  watch(
    eye,
    (now) => {
      abort.abort();
      abort = new AbortController();
      originals.value = now ? now.frames.map(() => undefined) : [];
      shown.value = null;
      place.value = 0;
      if (now) void readOriginals(now, videoId()!, abort.signal);
    },
    { flush: 'sync', immediate: true },
  );

  async function readOriginals(of: ModelEye, id: string, signal: AbortSignal): Promise<void> {
    const line = of.frames.keys();
    const next = async (): Promise<void> => {
      for (const k of line) {
        const picture = await read(givenAddress(id, { recipe: [], seed: 0 }, k), of, signal);
        if (signal.aborted) return;
        originals.value = originals.value.with(k, picture);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, next)).catch(() => undefined); // another clip was opened
  }

  /** What is to be seen now. */
  const wanted = computed(() => {
    const frame = plan.value.at(place.value);
    const id = videoId();
    if (!eye.value || !frame || id === null) return null;
    if (frame.layers.length === 0) return { address: '', source: frame.source };
    return {
      address: givenAddress(id, { recipe: recipe(), seed: clipSeed.value }, place.value),
      source: frame.source,
    };
  });
  const plainPicture = computed(() =>
    wanted.value?.address === '' ? originals.value.at(wanted.value.source) : undefined,
  );

  /** One request at a time, and then for what is wanted by then: a slider is faster than any line. */
  let reading = false;
  async function follow(): Promise<void> {
    if (reading) return;
    reading = true;
    try {
      for (;;) {
        const [of, want, { signal }] = [eye.value, wanted.value, abort];
        if (!of || !want || want.address === '' || want.address === shown.value?.address) return;
        const picture = await read(want.address, of, signal).catch(() => undefined);
        if (abort.signal.aborted) return; // the room was left
        if (signal.aborted) continue; // another clip was opened
        if (!picture) return;
        shown.value = { address: want.address, picture };
      }
    } finally {
      reading = false;
    }
  }
  watch(
    [wanted, plainPicture],
    () => {
      if (plainPicture.value) shown.value = { address: '', picture: plainPicture.value };
      else void follow();
    },
    { flush: 'sync', immediate: true },
  );

  return {
    eye,
    error: load.error,
    retry: load.reload,
    originals,
    plan,
    place,
    shown,
    current: computed(() =>
      wanted.value?.address === ''
        ? shown.value?.picture === plainPicture.value && plainPicture.value !== undefined
        : wanted.value !== null && shown.value?.address === wanted.value.address,
    ),
  };
}
