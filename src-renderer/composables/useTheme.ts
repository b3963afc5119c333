/** @file Light or dark: the system's choice, or the person's, remembered on this machine. */
import { usePreferredDark, useStorage } from '@vueuse/core';
import { computed, watchEffect, type ComputedRef, type Ref } from 'vue';
import { applyPalette, type Mode } from '../theme.ts';

export type ThemeChoice = 'system' | Mode;

const choice = useStorage<ThemeChoice>('workbench:theme', 'system');

export function useTheme(): { choice: Ref<ThemeChoice>; mode: ComputedRef<Mode> } {
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
