/** @file Listens for the key map's strokes and hands them to the room or player that is open. */
import { useStorage } from '@vueuse/core';
import { onScopeDispose, ref, type Ref } from 'vue';
import type { Api } from '../client/client.ts';
import {
  actionFor,
  allowedWhileTyping,
  keysOf,
  readBindings,
  strokeName,
  type ActionId,
  type Bindings,
  type Scope,
} from './shortcuts.ts';

/** Returns false to say "not mine": then the browser's own meaning stays. */
type Handler = (event: KeyboardEvent) => void | false;
export type Handlers = Partial<Record<ActionId, Handler>>;

/** The person's own keys. The browser's copy is there at once; the user folder's, read when the line is up, has the say. */
export const bindings: Ref<Bindings> = useStorage<Bindings>('workbench:keys', {});

/** Reads the person's keys from their folder. Keys that only this browser has so far are put there. */
export async function loadBindings(api: Pick<Api, 'app'>): Promise<void> {
  const stored = await api.app.keys();
  if (stored === null) {
    if (Object.keys(bindings.value).length > 0) await api.app.setKeys(storable(bindings.value));
    return;
  }
  const read = readBindings(stored);
  // A map that another version made unsound is not used; it stays in the folder until keys are changed here.
  bindings.value = read.ok ? read.bindings : {};
}

/** Uses and stores other keys. */
export async function saveBindings(api: Pick<Api, 'app'>, next: Bindings): Promise<void> {
  bindings.value = next;
  await api.app.setKeys(storable(next));
}

function storable(keys: Bindings): Record<string, string[]> {
  return Object.fromEntries(Object.entries(keys).map(([id, list]) => [id, [...list]]));
}
export const helpOpen = ref(false);

const open: { scope: Scope; handlers: Handlers }[] = [];

/** Is this a place where single keys are typing? */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest('[role=textbox]')) return true;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'range', 'submit'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Does a focused control use this key itself? Then it keeps it: Enter on a button presses the button. */
function usesKey(target: EventTarget | null, stroke: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const pressed = 'button, summary, [role=button], [role=tab], [role=checkbox], [role=switch]';
  // Space does nothing on a link: a click on the rail must not take it from the player.
  if (stroke === 'Space') return target.closest(pressed) !== null;
  if (stroke === 'Enter') return target.closest(`a, ${pressed}`) !== null;
  if (stroke === 'ArrowLeft' || stroke === 'ArrowRight')
    return target.closest('[role=tablist], [role=radiogroup], [type=range]') !== null;
  // Lists and menus go up and down only: a click on the queue must not take the frame keys from the player.
  if (stroke.startsWith('Arrow'))
    return (
      target.closest('[role=tablist], [role=radiogroup], [role=listbox], [role=menu], [type=range]') !== null
    );
  return false;
}

const OPEN_DIALOG = '.n-modal:not(.fade-in-scale-up-transition-leave-active)';

function onKeydown(event: KeyboardEvent): void {
  // 229 is the key code of a key that an input method took, where `isComposing` is not yet said.
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  const stroke = strokeName(event);
  if (!stroke) return;
  const action = actionFor(
    stroke,
    open.map((entry) => entry.scope),
    bindings.value,
  );
  if (!action) return;
  if (isTyping(event.target) && !allowedWhileTyping(action, stroke)) return;
  if (usesKey(event.target, stroke)) return;
  // A dialog has the floor: behind it nothing moves. One that fades out has given it back.
  if (document.querySelector(OPEN_DIALOG) && !(event.target as Element).closest?.('.n-modal [data-keys]'))
    return;
  for (let i = open.length - 1; i >= 0; i--) {
    const handler = open[i].handlers[action.id];
    if (!handler) continue;
    if (handler(event) !== false) event.preventDefault();
    return;
  }
}

if (typeof window !== 'undefined') window.addEventListener('keydown', onKeydown);

/** Handles actions of one scope until the calling component goes; the last one to come is asked first. */
export function useShortcuts(scope: Scope, handlers: Handlers): void {
  const entry = { scope, handlers };
  open.push(entry);
  onScopeDispose(() => open.splice(open.indexOf(entry), 1));
}

/** The first key of an action as the person has it now. */
export function firstKey(id: ActionId): string {
  return keysOf(id, bindings.value)[0] ?? '';
}
