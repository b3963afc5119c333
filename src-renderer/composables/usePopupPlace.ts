/** @file Where menus and tooltips go: into the body, or, while an element fills the screen, into that, because nothing else is seen then. */
import { useEventListener } from '@vueuse/core';
import { shallowRef, type Ref } from 'vue';

/** For the `to` of Naive UI's popups. */
export function usePopupPlace(): Readonly<Ref<HTMLElement | 'body'>> {
  const now = (): HTMLElement | 'body' => (document.fullscreenElement as HTMLElement | null) ?? 'body';
  const place = shallowRef(now());
  useEventListener(document, 'fullscreenchange', () => (place.value = now()));
  return place;
}
