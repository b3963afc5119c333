/** @file Which tokens the loss will reward, asked anew a blink after each change; a slow old answer never shows. */
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import type { TokenTruth } from '../../../src-main/contract/schemas.ts';
import { sentence } from '../../client/errors.ts';
import type { Api } from '../../client/client.ts';
import { toPhrases, type Draft } from './pair-draft.ts';

/** Milliseconds a change may wait for the next one. */
const DEBOUNCE = 30;

export function useTokenTruth(
  api: Api,
  draft: Readonly<ShallowRef<Draft | null>>,
): { truth: ShallowRef<TokenTruth | null>; trouble: ShallowRef<string | null> } {
  const truth = shallowRef<TokenTruth | null>(null);
  const trouble = shallowRef<string | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort: AbortController | null = null;

  async function ask(next: Draft): Promise<void> {
    abort?.abort();
    const mine = new AbortController();
    abort = mine;
    try {
      const answer = await api.pairs.tokens(
        { chosen: next.chosen, rejected: next.rejected, phrases: toPhrases(next) },
        { signal: mine.signal },
      );
      if (mine.signal.aborted) return;
      truth.value = answer;
      trouble.value = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      truth.value = null;
      trouble.value = sentence(error);
    }
  }

  watch(
    draft,
    (next) => {
      clearTimeout(timer);
      if (next) timer = setTimeout(() => void ask(next), DEBOUNCE);
      else truth.value = null;
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    abort?.abort();
  });
  return { truth, trouble };
}
