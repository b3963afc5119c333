/** @file Light or dark: the system's choice, or the person's, kept in their folder. */
import { usePreferredDark, useStorage } from '@vueuse/core';
import { computed, watchEffect, type ComputedRef, type Ref } from 'vue';
import type { ThemeChoice } from '../../src-main/contract/schemas.ts';
import type { Api } from '../client/client.ts';
import { applyPalette, type Mode } from '../theme.ts';

/** This browser's copy is there at once; the user folder's, read when the line is up, has the say. */
const choice = useStorage<ThemeChoice>('workbench:theme', 'system');

/** Reads the person's look from their folder. One that only this browser has so far is put there. */
export async function loadTheme(api: Pick<Api, 'app'>): Promise<void> {
  const stored = await api.app.theme();
  if (stored !== null) choice.value = stored;
  else if (choice.value !== 'system') await api.app.setTheme(choice.value);
}

/** Uses and stores another look. */
export async function saveTheme(api: Pick<Api, 'app'>, next: ThemeChoice): Promise<void> {
  choice.value = next;
  await api.app.setTheme(next);
}

export function useTheme(): { choice: Readonly<Ref<ThemeChoice>>; mode: ComputedRef<Mode> } {
  const prefersDark = usePreferredDark();
  const mode = computed<Mode>(() =>
    choice.value === 'system' ? (prefersDark.value ? 'dark' : 'light') : choice.value,
  );
  return { choice, mode };
}

/** Keeps the document in the chosen palette; called once by the shell. */
export function applyTheme(mode: ComputedRef<Mode>): void {
  watchEffect(() => applyPalette(mode.value, document.documentElement));
}
