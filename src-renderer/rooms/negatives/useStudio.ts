/** @file The recipe under hands: which one is chosen, its steps as changed and not yet saved, and saving them. */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type WatchSource } from 'vue';
import type { NamedRecipe, Recipe, RecipeDraft } from '../../../src-main/contract/recipe.ts';
import { useLoad, type Load } from '../../composables/useLoad.ts';
import type { useWorkbench } from '../../composables/useWorkbench.ts';

type Api = ReturnType<typeof useWorkbench>['api'];

export interface Studio {
  readonly recipes: Load<NamedRecipe[]>;
  /** Id of the chosen recipe; null until the list is there. */
  readonly chosenId: Ref<string | null>;
  readonly chosen: ComputedRef<NamedRecipe | undefined>;
  /** The steps as they are on screen. */
  readonly steps: ComputedRef<Recipe>;
  /** Whether they differ from the saved ones. */
  readonly unsaved: ComputedRef<boolean>;
  /** Ids of recipes with changes that are not saved. Changes stay while the room is open, also when another recipe is chosen. */
  readonly unsavedIds: ComputedRef<ReadonlySet<string>>;
  /** For a generation: the id, or the steps where they are not saved. */
  readonly request: ComputedRef<string | Recipe | undefined>;
  change: (steps: Recipe) => void;
  revert: () => void;
  /** Saves and chooses what was saved. @throws what the service says */
  save: (draft: RecipeDraft) => Promise<NamedRecipe>;
  /** @throws what the service says */
  remove: (id: string) => Promise<void>;
}

const same = (a: Recipe, b: Recipe): boolean => JSON.stringify(a) === JSON.stringify(b);

export function useStudio(api: Api, sources: readonly WatchSource[]): Studio {
  const recipes = useLoad((signal) => api.negatives.recipes(undefined, { signal }), sources);
  const chosenId = ref<string | null>(null);
  watch(recipes.data, (list) => {
    // Another window may have deleted it.
    if (!list?.some(({ id }) => id === chosenId.value)) chosenId.value = list?.[0]?.id ?? null;
  });
  const find = (id: string | null): NamedRecipe | undefined =>
    recipes.data.value?.find((recipe) => recipe.id === id);
  const chosen = computed(() => find(chosenId.value));
  /** Changed steps by recipe id. */
  const drafts = shallowRef<ReadonlyMap<string, Recipe>>(new Map());
  const steps = computed(() => drafts.value.get(chosenId.value ?? '') ?? chosen.value?.recipe ?? []);
  const unsavedIds = computed(
    () =>
      new Set(
        [...drafts.value].filter(([id, draft]) => !same(draft, find(id)?.recipe ?? [])).map(([id]) => id),
      ),
  );
  const unsaved = computed(() => unsavedIds.value.has(chosenId.value ?? ''));

  function setDraft(id: string, draft: Recipe | null): void {
    const next = new Map(drafts.value);
    if (draft) next.set(id, draft);
    else next.delete(id);
    drafts.value = next;
  }

  return {
    recipes,
    chosenId,
    chosen,
    steps,
    unsaved,
    unsavedIds,
    request: computed(() => (unsaved.value ? steps.value : (chosenId.value ?? undefined))),
    change: (changed) => {
      if (chosenId.value !== null) setDraft(chosenId.value, changed);
    },
    revert: () => {
      if (chosenId.value !== null) setDraft(chosenId.value, null);
    },
    save: async (draft) => {
      const from = chosenId.value;
      const saved = await api.negatives.saveRecipe(draft);
      await recipes.reload();
      // A new name alone leaves the changed steps as they are, unsaved.
      if (from !== null && (draft.id === undefined || same(draft.recipe, steps.value))) setDraft(from, null);
      chosenId.value = saved.id;
      return saved;
    },
    remove: async (id) => {
      await api.negatives.deleteRecipe({ id });
      setDraft(id, null);
      await recipes.reload();
    },
  };
}
