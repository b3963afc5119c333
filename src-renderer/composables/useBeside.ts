/** @file What stands beside the clip: whether, under which recipe, and the frames that the model is given under it. */
import { useStorage } from '@vueuse/core';
import { computed, ref, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import type { Plain } from '../client/errors.ts';
import { useLoad } from './useLoad.ts';
import { usePerturbed, type Given, type Perturbation } from './usePerturbed.ts';
import { useWorkbench } from './useWorkbench.ts';

/** Stands for the recipe of the answer's own provenance. */
const ORIGIN = 'origin';

export interface Beside {
  /** Shown? Remembered on this machine. */
  readonly open: Ref<boolean>;
  readonly recipe: Ref<string>;
  readonly seed: Ref<number>;
  /** Recipes to choose from; the answer's own first. */
  readonly choices: ComputedRef<{ value: string; label: string }[]>;
  /** The seed is part of where the answer comes from, not the person's to set. */
  readonly fixedSeed: ComputedRef<boolean>;
  readonly given: Readonly<ShallowRef<readonly Given[]>>;
  readonly error: Readonly<ShallowRef<Plain | null>>;
}

/** @param clipId the clip on screen, null while there is none. @param origin what the model was given for the answer looked at */
export function useBeside(clipId: () => string | null, origin: () => Perturbation | null): Beside {
  const { api } = useWorkbench();
  const open = useStorage('workbench:beside', false);
  const chosen = ref(ORIGIN);
  const seed = ref(0);
  const recipes = useLoad((signal) => api.negatives.recipes(undefined, { signal }));
  const recipe = computed({
    get: () => (chosen.value === ORIGIN && !origin() ? 'default' : chosen.value),
    set: (id) => (chosen.value = id),
  });
  const perturbation = computed<Perturbation | null>((before) => {
    if (!open.value || clipId() === null) return null;
    const own = recipe.value === ORIGIN ? origin() : null;
    const wanted = own ?? { recipe: recipe.value, seed: seed.value };
    // Provenance is read anew with every saved edit, and is the same.
    return JSON.stringify(wanted) === JSON.stringify(before) ? before! : wanted;
  });
  return {
    open,
    recipe,
    seed,
    choices: computed(() => [
      ...(origin() ? [{ value: ORIGIN, label: 'As it was given for this answer' }] : []),
      ...(recipes.data.value ?? []).map(({ id, name }) => ({ value: id, label: name })),
    ]),
    fixedSeed: computed(() => recipe.value === ORIGIN),
    ...usePerturbed(clipId, () => perturbation.value),
  };
}
