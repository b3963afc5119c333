/** @file Where the focus goes when what had it is gone: into the room, never to nowhere. */

/** Puts the focus into the room when no element has it. */
export function keepFocus(): void {
  if (document.activeElement === null || document.activeElement === document.body)
    document.getElementById('room')?.focus({ preventScroll: true });
}
