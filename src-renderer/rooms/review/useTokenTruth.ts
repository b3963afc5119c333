/**
 * @file Which tokens the loss will reward, asked at once after each change, one question at a time: what changed while an
 * answer was on its way is asked next, and an answer to an older text never shows.
 */
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import type { TokenTruth } from '../../../src-main/contract/schemas.ts';
import { sentence } from '../../client/errors.ts';
import type { Api } from '../../client/client.ts';
import { toPhrases, type Draft } from './pair-draft.ts';

/** Characters in both answers beyond which the question waits for a pause in typing, so that saving never waits for it. */
const LONG = 20_000;
/** That pause, in milliseconds. */
const PAUSE = 300;

export function useTokenTruth(
  api: Api,
  draft: Readonly<ShallowRef<Draft | null>>,
): { truth: ShallowRef<TokenTruth | null>; trouble: ShallowRef<string | null> } {
  const truth = shallowRef<TokenTruth | null>(null);
  const trouble = shallowRef<string | null>(null);
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let waiting: Draft | null = null;

  async function ask(): Promise<void> {
    if (asking) return;
    asking = true;
    while (waiting) {
      const { chosen, rejected } = waiting;
      const phrases = toPhrases(waiting);
      waiting = null;
      try {
        const answer = await api.pairs.tokens({ chosen, rejected, phrases }, { signal: abort.signal });
        if (waiting || !draft.value) continue;
        truth.value = answer;
        trouble.value = null;
      } catch (error) {
        if (abort.signal.aborted) return;
        if (waiting) continue;
        truth.value = null;
        trouble.value = sentence(error);
      }
    }
    asking = false;
  }

  watch(
    draft,
    (next) => {
      clearTimeout(timer);
      waiting = next;
      if (!next) truth.value = null;
      else if (next.chosen.length + next.rejected.length > LONG) timer = setTimeout(() => void ask(), PAUSE);
      else void ask();
    },
    { immediate: true, flush: 'sync' },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    abort.abort();
  });
  return { truth, trouble };
}
