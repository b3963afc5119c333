/**
 * @file The key map: every action with its default keys, and the rules that keep it sound. One key means one thing in
 * one place; a change that would break that is refused, with the name of the action that has the key.
 */

/** Where an action listens. 'everywhere' collides with all others; the rest only with themselves. */
export type Scope = 'everywhere' | 'library' | 'player' | 'review' | 'compare';

export interface ShortcutAction {
  readonly id: string;
  readonly label: string;
  readonly scope: Scope;
  readonly keys: readonly string[];
  /** Works while typing too. Only keys with Ctrl or Alt may. */
  readonly whileTyping?: boolean;
}

export const ACTIONS = [
  { id: 'help', label: 'Show all keys', scope: 'everywhere', keys: ['?'] },
  { id: 'room-library', label: 'Go to Library', scope: 'everywhere', keys: ['Alt+1'], whileTyping: true },
  { id: 'room-negatives', label: 'Go to Negatives', scope: 'everywhere', keys: ['Alt+2'], whileTyping: true },
  { id: 'room-review', label: 'Go to Review', scope: 'everywhere', keys: ['Alt+3'], whileTyping: true },
  { id: 'room-train', label: 'Go to Train', scope: 'everywhere', keys: ['Alt+4'], whileTyping: true },
  { id: 'room-compare', label: 'Go to Compare', scope: 'everywhere', keys: ['Alt+5'], whileTyping: true },
  { id: 'room-settings', label: 'Go to Settings', scope: 'everywhere', keys: ['Alt+6'], whileTyping: true },
  { id: 'search', label: 'Search in the list', scope: 'everywhere', keys: ['/'] },
  { id: 'tab-videos', label: 'Show the clips', scope: 'library', keys: ['1'] },
  { id: 'tab-samples', label: 'Show the questions', scope: 'library', keys: ['2'] },
  { id: 'add-videos', label: 'Add clips', scope: 'library', keys: ['A'] },
  { id: 'add-folder', label: 'Add a folder of clips', scope: 'library', keys: ['D'] },
  { id: 'import-samples', label: 'Import questions', scope: 'library', keys: ['Q'] },
  { id: 'play', label: 'Play or pause', scope: 'player', keys: ['Space'] },
  { id: 'frame-back', label: 'One frame back', scope: 'player', keys: [',', 'ArrowLeft'] },
  { id: 'frame-forward', label: 'One frame forward', scope: 'player', keys: ['.', 'ArrowRight'] },
  { id: 'frame-back-10', label: 'Ten frames back', scope: 'player', keys: ['Shift+ArrowLeft'] },
  { id: 'frame-forward-10', label: 'Ten frames forward', scope: 'player', keys: ['Shift+ArrowRight'] },
  { id: 'play-back', label: 'Play backwards', scope: 'player', keys: ['J'] },
  { id: 'pause', label: 'Pause', scope: 'player', keys: ['K'] },
  { id: 'play-forward', label: 'Play forwards', scope: 'player', keys: ['L'] },
  { id: 'rate-down', label: 'Slower', scope: 'player', keys: ['['] },
  { id: 'rate-up', label: 'Faster', scope: 'player', keys: [']'] },
  { id: 'rate-reset', label: 'Normal speed', scope: 'player', keys: ['\\'] },
  { id: 'in-point', label: 'Set in point', scope: 'player', keys: ['I'] },
  { id: 'out-point', label: 'Set out point', scope: 'player', keys: ['O'] },
  { id: 'loop', label: 'Loop on or off', scope: 'player', keys: ['R'] },
  { id: 'go-to-frame', label: 'Go to frame', scope: 'player', keys: ['Ctrl+G'], whileTyping: true },
  { id: 'mute', label: 'Mute', scope: 'player', keys: ['M'] },
  { id: 'model-eye', label: 'Only the frames the model sees', scope: 'player', keys: ['E'] },
  { id: 'perturbed', label: 'Show beside it what the model was given', scope: 'player', keys: ['V'] },
  { id: 'zoom-in', label: 'Zoom into the timeline', scope: 'player', keys: ['+', '='] },
  { id: 'zoom-out', label: 'Zoom out of the timeline', scope: 'player', keys: ['-'] },
  { id: 'zoom-fit', label: 'Show the whole clip in the timeline', scope: 'player', keys: ['0'] },
  { id: 'full-screen', label: 'Full screen', scope: 'player', keys: ['F'] },
  {
    id: 'difference-next',
    label: 'Next difference',
    scope: 'review',
    keys: ['N', 'Alt+N'],
    whileTyping: true,
  },
  {
    id: 'difference-previous',
    label: 'Previous difference',
    scope: 'review',
    keys: ['P', 'Alt+P'],
    whileTyping: true,
  },
  {
    id: 'difference-mark',
    label: 'Make the difference a phrase pair',
    scope: 'review',
    keys: ['Enter', 'Alt+Enter'],
    whileTyping: true,
  },
  {
    id: 'mark-selection',
    label: 'Mark the selected text',
    scope: 'review',
    keys: ['Ctrl+M'],
    whileTyping: true,
  },
  {
    id: 'accept',
    label: 'Accept and next',
    scope: 'review',
    keys: ['Ctrl+Enter'],
    whileTyping: true,
  },
  {
    id: 'reject',
    label: 'Reject and next',
    scope: 'review',
    keys: ['Ctrl+Backspace'],
    whileTyping: true,
  },
  { id: 'kind-object', label: 'Phrase kind: object', scope: 'review', keys: ['1'] },
  { id: 'kind-attribute', label: 'Phrase kind: attribute', scope: 'review', keys: ['2'] },
  { id: 'kind-action', label: 'Phrase kind: action', scope: 'review', keys: ['3'] },
  { id: 'kind-direction', label: 'Phrase kind: direction', scope: 'review', keys: ['4'] },
  { id: 'kind-order', label: 'Phrase kind: order', scope: 'review', keys: ['5'] },
  { id: 'kind-count', label: 'Phrase kind: count', scope: 'review', keys: ['6'] },
  { id: 'kind-time', label: 'Phrase kind: time', scope: 'review', keys: ['7'] },
  { id: 'kind-place', label: 'Phrase kind: place', scope: 'review', keys: ['8'] },
  { id: 'kind-other', label: 'Phrase kind: other', scope: 'review', keys: ['9'] },
  { id: 'remove-phrase', label: 'Remove the chosen phrase', scope: 'review', keys: ['Delete'] },
  {
    id: 'edit-chosen',
    label: 'Type in the preferred answer',
    scope: 'review',
    keys: ['C', 'Alt+C'],
    whileTyping: true,
  },
  {
    id: 'edit-rejected',
    label: 'Type in the non-preferred answer',
    scope: 'review',
    keys: ['X', 'Alt+X'],
    whileTyping: true,
  },
  { id: 'skip', label: 'Skip to the next pair', scope: 'review', keys: ['S'] },
  { id: 'second-look', label: 'Needs a second look, and next', scope: 'review', keys: ['W'] },
  { id: 'to-pending', label: 'Back to pending', scope: 'review', keys: ['U'] },
  { id: 'propose', label: 'Propose every difference', scope: 'review', keys: ['G'] },
  { id: 'history', label: 'History of the pair', scope: 'review', keys: ['H'] },
  { id: 'pair-back', label: 'Back to the pair before', scope: 'review', keys: ['B'] },
  { id: 'undo', label: 'Undo', scope: 'review', keys: ['Ctrl+Z'], whileTyping: true },
  { id: 'redo', label: 'Redo', scope: 'review', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], whileTyping: true },
  { id: 'compare-next', label: 'Next answer', scope: 'compare', keys: ['N', 'ArrowDown'] },
  { id: 'compare-previous', label: 'Previous answer', scope: 'compare', keys: ['P', 'ArrowUp'] },
  {
    id: 'make-negative',
    label: 'Make the tuned answer a candidate for review',
    scope: 'compare',
    keys: ['C'],
  },
  { id: 'unmake-negative', label: 'Take the latest candidate back', scope: 'compare', keys: ['Ctrl+Z'] },
] as const satisfies readonly ShortcutAction[];

export type ActionId = (typeof ACTIONS)[number]['id'];
/** Keys a person chose instead of the defaults. */
export type Bindings = Readonly<Partial<Record<ActionId, readonly string[]>>>;

type KeyStroke = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'code'>;

/**
 * Canonical name of a key stroke: modifiers in the order Ctrl, Alt, Shift, then the key; letters upper case. Command on
 * a Mac counts as Ctrl. Shift is named only with letters under Ctrl/Alt and with named keys, since `?` already has it.
 * A lone modifier gives null.
 */
export function strokeName(event: KeyStroke): string | null {
  // 'Process' is a key that an input method takes for itself.
  if (['Control', 'Meta', 'Alt', 'Shift', 'AltGraph', 'Dead', 'Process', 'Unidentified'].includes(event.key))
    return null;
  // With Alt a Mac types another character: the physical key says which letter or digit was meant.
  const physical = event.altKey ? /^(?:Key|Digit)(.)$/.exec(event.code)?.[1] : undefined;
  const key =
    physical ?? (event.key === ' ' ? 'Space' : event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const control = event.ctrlKey || event.metaKey;
  const letter = /^\p{L}$/u.test(key);
  const shift = event.shiftKey && (key.length > 1 || (letter && (control || event.altKey)));
  return `${control ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift ? 'Shift+' : ''}${key}`;
}

/** Keys of an action: the person's own, else the defaults. */
export function keysOf(id: ActionId, bindings: Bindings = {}): readonly string[] {
  return bindings[id] ?? ACTIONS.find((action) => action.id === id)!.keys;
}

/** The action a key means in the given scopes; undefined when it means nothing there. */
export function actionFor(
  stroke: string,
  scopes: readonly Scope[],
  bindings: Bindings = {},
): (ShortcutAction & { id: ActionId }) | undefined {
  return ACTIONS.find(
    (action) =>
      (action.scope === 'everywhere' || scopes.includes(action.scope)) &&
      keysOf(action.id, bindings).includes(stroke),
  );
}

/** May this stroke act while a text box has the focus? A single key never may: it is typing. */
export function allowedWhileTyping(action: ShortcutAction, stroke: string): boolean {
  return action.whileTyping === true && /^(?:Ctrl|Alt)\+/.test(stroke);
}

/** Scopes that listen at the same time in one room. */
const TOGETHER: readonly (readonly Scope[])[] = [
  ['everywhere', 'player', 'library'],
  ['everywhere', 'player', 'review'],
  ['everywhere', 'player', 'compare'],
];

/** Does a key of one scope shut out the same key in the other? */
function collide(a: Scope, b: Scope): boolean {
  return TOGETHER.some((room) => room.includes(a) && room.includes(b));
}

/** Every pair of actions that share a key where both listen. A sound map gives an empty list. */
export function conflicts(bindings: Bindings = {}): { key: string; actions: [ActionId, ActionId] }[] {
  const found: { key: string; actions: [ActionId, ActionId] }[] = [];
  ACTIONS.forEach((a, i) => {
    for (const b of ACTIONS.slice(i + 1))
      if (collide(a.scope, b.scope))
        for (const key of keysOf(a.id, bindings))
          if (keysOf(b.id, bindings).includes(key)) found.push({ key, actions: [a.id, b.id] });
  });
  return found;
}

/** Keys the browser or the system keeps for itself. */
const RESERVED = [
  'Ctrl+W',
  'Ctrl+T',
  'Ctrl+N',
  'Ctrl+Q',
  'Ctrl+C',
  'Ctrl+V',
  'Ctrl+X',
  'Ctrl+A',
  'Tab',
  'Escape',
];

/** New bindings with `id` on `key` alone, or why that is refused. */
export function rebind(
  bindings: Bindings,
  id: ActionId,
  key: string,
): { ok: true; bindings: Bindings } | { ok: false; reason: string } {
  if (RESERVED.includes(key)) return { ok: false, reason: `${key} belongs to the system.` };
  const next: Bindings = { ...bindings, [id]: [key] };
  const clash = conflicts(next).find((conflict) => conflict.actions.includes(id));
  if (clash) {
    const other = clash.actions.find((action) => action !== id)!;
    return { ok: false, reason: `${key} already means “${labelOf(other)}”. Change that one first.` };
  }
  return { ok: true, bindings: next };
}

/** Bindings with one action back on its default keys, or why that is refused: another may have been put there since. */
export function reset(bindings: Bindings, id: ActionId): ReturnType<typeof rebind> {
  const next: Bindings = { ...bindings };
  delete (next as Record<string, unknown>)[id];
  const clash = conflicts(next).find((conflict) => conflict.actions.includes(id));
  if (!clash) return { ok: true, bindings: next };
  const other = labelOf(clash.actions.find((action) => action !== id)!);
  return { ok: false, reason: `${clash.key} means “${other}” now. Change that one first.` };
}

/**
 * Bindings as they were written to a file, checked: known actions only, and no key twice in one place.
 * Unknown actions (of another version) are left out and named.
 */
export function readBindings(
  value: unknown,
): { ok: true; bindings: Bindings; unknown: string[] } | { ok: false; reason: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ok: false, reason: 'Expected an object of actions and their keys, as this page saves it.' };
  const bindings: Partial<Record<ActionId, readonly string[]>> = {};
  const unknown: string[] = [];
  for (const [id, keys] of Object.entries(value)) {
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string' && key !== ''))
      return { ok: false, reason: `“${id}”: expected a list of keys, got ${JSON.stringify(keys)}.` };
    const reserved = (keys as string[]).find((key) => RESERVED.includes(key));
    if (reserved) return { ok: false, reason: `“${id}”: ${reserved} belongs to the system.` };
    if (ACTIONS.some((action) => action.id === id)) bindings[id as ActionId] = keys as string[];
    else unknown.push(id);
  }
  const [clash] = conflicts(bindings);
  if (clash) {
    const [a, b] = clash.actions.map(labelOf);
    return { ok: false, reason: `${clash.key} would mean both “${a}” and “${b}”.` };
  }
  return { ok: true, bindings, unknown };
}

/** The name of an action. */
export function labelOf(id: ActionId): string {
  return ACTIONS.find((action) => action.id === id)!.label;
}

/** What a scope is called where keys are listed, in that order. */
const SCOPE_WORDS: Record<Scope, string> = {
  player: 'Player',
  review: 'Review',
  library: 'Library',
  compare: 'Compare',
  everywhere: 'Everywhere',
};

/** Actions by scope, of those that a search finds by name, key or scope. Empty scopes are left out. */
export function searchActions(
  text: string,
  bindings: Bindings = {},
): { scope: Scope; title: string; actions: (ShortcutAction & { id: ActionId })[] }[] {
  const wanted = text.trim().toLowerCase().split(/\s+/u);
  const matches = (action: ShortcutAction & { id: ActionId }): boolean => {
    const keys = keysOf(action.id, bindings).flatMap((key) => [key, keyFaces(key).join(' ')]);
    const hay = `${action.label} ${SCOPE_WORDS[action.scope]} ${keys.join(' ')}`.toLowerCase();
    return wanted.every((word) => hay.includes(word));
  };
  return (Object.keys(SCOPE_WORDS) as Scope[])
    .map((scope) => ({
      scope,
      title: SCOPE_WORDS[scope],
      actions: ACTIONS.filter((action) => action.scope === scope && matches(action)),
    }))
    .filter((group) => group.actions.length > 0);
}

const FACES: Record<string, string> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Backspace: '⌫',
  Enter: '↵',
  Delete: 'Del',
};

/** A key name as drawn on a key cap: "Ctrl+ArrowLeft" -> ["Ctrl", "←"]. */
export function keyFaces(stroke: string): string[] {
  const parts = stroke.split(/(?<=.)\+(?=.)/u);
  return parts.map((part) => FACES[part] ?? part);
}
