/** @file One thing read from the services: data, loading, error; read again on request; a slow old answer never wins. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from 'vue';
import { plain, type Plain } from '../client/errors.ts';

export interface Load<T> {
  readonly data: ShallowRef<T | undefined>;
  readonly loading: Readonly<Ref<boolean>>;
  readonly error: Readonly<ShallowRef<Plain | null>>;
  reload: () => Promise<void>;
}

/** Reads now, and again whenever a source changes. Data of an earlier read stays until the new one is there. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  sources: readonly WatchSource[] = [],
): Load<T> {
  const data = shallowRef<T>();
  const loading = ref(false);
  const error = shallowRef<Plain | null>(null);
  let abort: AbortController | null = null;

  async function reload(): Promise<void> {
    abort?.abort();
    const mine = new AbortController();
    abort = mine;
    loading.value = true;
    try {
      const value = await load(mine.signal);
      if (mine.signal.aborted) return;
      data.value = value;
      error.value = null;
    } catch (reason) {
      if (!mine.signal.aborted) error.value = plain(reason);
    } finally {
      if (abort === mine) loading.value = false;
    }
  }

  watch([...sources], () => void reload(), { immediate: true });
  onScopeDispose(() => abort?.abort());
  return { data, loading, error, reload };
}
