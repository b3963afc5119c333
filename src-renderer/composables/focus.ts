/** @file Where the focus goes when what had it is gone: into the room, never to nowhere. */
import { useEventListener, useMutationObserver } from '@vueuse/core';

const intoRoom = (): void => document.getElementById('room')?.focus({ preventScroll: true });

/** Takes the focus out of what is about to leave. A dialog has given it back to its opener by then, unless that is gone. */
export function takeFocusFrom(leaving: HTMLElement | null): void {
  if (leaving?.contains(document.activeElement)) intoRoom();
}

/** Puts the focus into the room when the element that had it went, was hidden or takes no key any more; for the shell. */
export function useKeptFocus(): void {
  let last: Element | null = null;
  const keep = (): void => {
    const at = document.activeElement;
    // Tab may leave the page from its last element, for the browser's own controls: then `last` is still there.
    if (last === null || (at !== null && at !== document.body && at !== last)) return;
    if (!last.isConnected || last.matches(':disabled') || !last.checkVisibility()) intoRoom();
  };
  useEventListener(window, 'focusin', (event) => (last = event.target as Element));
  useEventListener(window, 'keyup', keep);
  // In the next task, since the focus is nowhere for a moment while it moves from one element to another.
  useMutationObserver(document.body, () => setTimeout(keep), {
    childList: true,
    subtree: true,
    attributeFilter: ['disabled'],
  });
}
