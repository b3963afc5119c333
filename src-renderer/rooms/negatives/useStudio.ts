/** @file The recipe under hands: which one is chosen, its steps as changed and not yet saved, and saving them. */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type WatchSource } from 'vue';
import {
  SuggestionPrompt,
  type NamedRecipe,
  type Recipe,
  type RecipeDraft,
} from '../../../src-main/contract/recipe.ts';
import type { GenerateRequest } from '../../../src-main/contract/schemas.ts';
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
  /** The question as it is asked, for recipes that suggest a concept. */
  readonly prompt: ComputedRef<string | undefined>;
  /** Why it cannot be asked so; empty when it can. */
  readonly promptError: ComputedRef<string>;
  /** Whether they differ from the saved ones. */
  readonly unsaved: ComputedRef<boolean>;
  /** Ids of recipes with changes that are not saved. Changes stay while the room is open, also when another recipe is chosen. */
  readonly unsavedIds: ComputedRef<ReadonlySet<string>>;
  /** For a generation: the id, or the steps where they are not saved; and the prompt. */
  readonly request: ComputedRef<Pick<GenerateRequest, 'recipe' | 'prompt'>>;
  change: (changed: Partial<Draft>) => void;
  revert: () => void;
  /** Saves and chooses what was saved. @throws what the service says */
  save: (draft: RecipeDraft) => Promise<NamedRecipe>;
  /** Unsaved changes stay with the deleted recipe, for when it comes back. @throws what the service says */
  remove: (id: string) => Promise<void>;
  /** Takes a deletion back and chooses that recipe. @throws what the service says */
  restore: (id: string) => Promise<void>;
}

/** What a version of a recipe is. */
type Draft = Pick<NamedRecipe, 'recipe' | 'prompt'>;

const same = (a: Draft, b: Draft): boolean =>
  a.prompt === b.prompt && JSON.stringify(a.recipe) === JSON.stringify(b.recipe);

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
  /** Changed steps and prompts by recipe id. */
  const drafts = shallowRef<ReadonlyMap<string, Draft>>(new Map());
  const NOTHING: Draft = { recipe: [] };
  const draft = computed(() => drafts.value.get(chosenId.value ?? '') ?? chosen.value ?? NOTHING);
  const steps = computed(() => draft.value.recipe);
  const prompt = computed(() => draft.value.prompt);
  const unsavedIds = computed(
    () =>
      new Set(
        [...drafts.value].filter(([id, changed]) => !same(changed, find(id) ?? NOTHING)).map(([id]) => id),
      ),
  );
  const unsaved = computed(() => unsavedIds.value.has(chosenId.value ?? ''));

  function setDraft(id: string, changed: Draft | null): void {
    const next = new Map(drafts.value);
    if (changed) next.set(id, changed);
    else next.delete(id);
    drafts.value = next;
  }

  return {
    recipes,
    chosenId,
    chosen,
    steps,
    prompt,
    promptError: computed(() => {
      if (prompt.value === undefined) return '';
      return SuggestionPrompt.safeParse(prompt.value).error?.issues[0].message ?? '';
    }),
    unsaved,
    unsavedIds,
    request: computed(() => {
      // With a prompt of the person's own it is still this recipe.
      const known = JSON.stringify(steps.value) === JSON.stringify(chosen.value?.recipe ?? []);
      return { recipe: known ? (chosenId.value ?? undefined) : steps.value, prompt: prompt.value };
    }),
    change: (changed) => {
      if (chosenId.value !== null)
        setDraft(chosenId.value, { recipe: steps.value, prompt: prompt.value, ...changed });
    },
    revert: () => {
      if (chosenId.value !== null) setDraft(chosenId.value, null);
    },
    save: async (toSave) => {
      const from = chosenId.value;
      const saved = await api.negatives.saveRecipe(toSave);
      await recipes.reload();
      // A new name alone leaves the changed steps as they are, unsaved.
      if (from !== null && (toSave.id === undefined || same(toSave, draft.value))) setDraft(from, null);
      chosenId.value = saved.id;
      return saved;
    },
    remove: async (id) => {
      await api.negatives.deleteRecipe({ id });
      await recipes.reload();
    },
    restore: async (id) => {
      await api.negatives.restoreRecipe({ id });
      await recipes.reload();
      chosenId.value = id;
    },
  };
}
