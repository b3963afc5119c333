/** @file The key map: no conflict by default, refusal of new ones, canonical strokes, silence while typing, search, files. */
import { describe, expect, it } from 'vitest';
import { PhraseKind } from '../../src-main/contract/schemas.ts';
import {
  ACTIONS,
  actionFor,
  allowedWhileTyping,
  conflicts,
  keyFaces,
  keysOf,
  readBindings,
  rebind,
  reset,
  searchActions,
  strokeName,
} from './shortcuts.ts';

const stroke = (key: string, more: Partial<KeyboardEvent> = {}): string | null =>
  strokeName({ key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

describe('strokeName', () => {
  it('names keys the same way however they are typed', () => {
    expect(stroke('j')).toBe('J');
    expect(stroke('?', { shiftKey: true })).toBe('?');
    expect(stroke(' ')).toBe('Space');
    expect(stroke('z', { ctrlKey: true })).toBe('Ctrl+Z');
    expect(stroke('Z', { metaKey: true, shiftKey: true })).toBe('Ctrl+Shift+Z');
    expect(stroke('ArrowLeft', { shiftKey: true })).toBe('Shift+ArrowLeft');
    expect(stroke('¡', { altKey: true, code: 'Digit1' })).toBe('Alt+1');
    expect(stroke('Shift', { shiftKey: true })).toBeNull();
  });
});

describe('the map', () => {
  it('has no conflict and no duplicate id', () => {
    expect(conflicts()).toEqual([]);
    expect(new Set(ACTIONS.map((action) => action.id)).size).toBe(ACTIONS.length);
  });
  it('finds an action only where it listens', () => {
    expect(actionFor('Space', ['player'])?.id).toBe('play');
    expect(actionFor('Space', [])).toBeUndefined();
    expect(actionFor('N', ['player', 'review'])?.id).toBe('difference-next');
    expect(actionFor('N', ['player', 'compare'])?.id).toBe('compare-next');
    expect(actionFor('Alt+4', [])?.id).toBe('room-train');
  });
  it('keeps single keys for typing, whatever the map says', () => {
    for (const action of ACTIONS)
      for (const key of action.keys)
        if (!/^(?:Ctrl|Alt)\+/.test(key)) expect(allowedWhileTyping(action, key), key).toBe(false);
    expect(allowedWhileTyping(actionFor('Ctrl+Enter', ['review'])!, 'Ctrl+Enter')).toBe(true);
    expect(allowedWhileTyping(actionFor('N', ['review'])!, 'N')).toBe(false);
  });
});

describe('the map of product.md', () => {
  it('is the default, key for key', () => {
    const map: Record<string, string> = {
      Space: 'play',
      ',': 'frame-back',
      '.': 'frame-forward',
      ArrowLeft: 'frame-back',
      ArrowRight: 'frame-forward',
      'Shift+ArrowLeft': 'frame-back-10',
      'Shift+ArrowRight': 'frame-forward-10',
      J: 'play-back',
      K: 'pause',
      L: 'play-forward',
      '[': 'rate-down',
      ']': 'rate-up',
      '\\': 'rate-reset',
      I: 'in-point',
      O: 'out-point',
      R: 'loop',
      'Ctrl+G': 'go-to-frame',
      M: 'mute',
      N: 'difference-next',
      P: 'difference-previous',
      Enter: 'difference-mark',
      1: 'kind-object',
      9: 'kind-other',
      'Ctrl+Enter': 'accept',
      'Ctrl+Backspace': 'reject',
      S: 'skip',
      'Ctrl+Z': 'undo',
      'Ctrl+Shift+Z': 'redo',
      '?': 'help',
    };
    for (const [key, id] of Object.entries(map))
      expect(actionFor(key, ['player', 'review'])?.id, key).toBe(id);
  });
  it('gives the nine digits to the nine kinds, in order', () => {
    const kinds = PhraseKind.options.map((kind) => keysOf(`kind-${kind}`));
    expect(kinds).toEqual(Array.from({ length: 9 }, (_, i) => [String(i + 1)]));
  });
});

describe('input methods', () => {
  it('keep the keys they take', () => {
    expect(stroke('Process')).toBeNull();
    expect(stroke('Dead')).toBeNull();
  });
});

describe('rebind', () => {
  it('moves an action to a free key', () => {
    const result = rebind({}, 'skip', 'Q');
    expect(result.ok && actionFor('Q', ['review'], result.bindings)?.id).toBe('skip');
    expect(result.ok && actionFor('S', ['review'], result.bindings)).toBeUndefined();
  });
  it('refuses a key that is taken in the same room, and says by what', () => {
    expect(rebind({}, 'skip', 'J')).toEqual({
      ok: false,
      reason: 'J already means “Play backwards”. Change that one first.',
    });
    expect(rebind({}, 'skip', '?').ok).toBe(false);
    expect(rebind({}, 'skip', 'Ctrl+W').ok).toBe(false);
  });
  it('allows the same key in rooms that are never open together', () => {
    expect(rebind({}, 'make-negative', 'S').ok).toBe(true);
  });
});

describe('keyFaces', () => {
  it('draws caps', () => {
    expect(keyFaces('Ctrl+Shift+Z')).toEqual(['Ctrl', 'Shift', 'Z']);
    expect(keyFaces('Shift+ArrowLeft')).toEqual(['Shift', '←']);
    expect(keyFaces('+')).toEqual(['+']);
  });
});

describe('reset', () => {
  it('gives an action its own key back, unless another has it now', () => {
    const moved = rebind({}, 'skip', 'Y');
    if (!moved.ok) throw new Error(moved.reason);
    const taken = rebind(moved.bindings, 'second-look', 'S');
    if (!taken.ok) throw new Error(taken.reason);
    expect(reset(taken.bindings, 'skip')).toEqual({
      ok: false,
      reason: 'S means “Needs a second look, and next” now. Change that one first.',
    });
    expect(reset(moved.bindings, 'skip')).toEqual({ ok: true, bindings: {} });
  });
});

describe('readBindings', () => {
  it('takes back what was written, and names actions of another version', () => {
    expect(readBindings({ skip: ['Y'], teleport: ['T'] })).toEqual({
      ok: true,
      bindings: { skip: ['Y'] },
      unknown: ['teleport'],
    });
  });
  it('refuses what is no key map, a conflict, and keys of the system', () => {
    for (const bad of [null, [], 'x', { skip: 'Y' }, { skip: [''] }, { skip: [1] }])
      expect(readBindings(bad).ok, JSON.stringify(bad)).toBe(false);
    expect(readBindings({ skip: ['J'] })).toEqual({
      ok: false,
      reason: 'J would mean both “Play backwards” and “Skip to the next pair”.',
    });
    expect(readBindings({ skip: ['Tab'] })).toEqual({
      ok: false,
      reason: '“skip”: Tab belongs to the system.',
    });
  });
});

describe('searchActions', () => {
  const found = (text: string, bindings = {}): string[] =>
    searchActions(text, bindings).flatMap((group) => group.actions.map((action) => action.id));
  it('finds by words of the name, by room, and by the key as it is now', () => {
    expect(found('second look')).toEqual(['second-look']);
    expect(found('')).toHaveLength(ACTIONS.length);
    expect(found('ctrl z')).toEqual(expect.arrayContaining(['undo', 'redo']));
    expect(found('library import')).toEqual(['import-samples']);
    expect(found('ctrl+q')).toEqual([]);
    expect(found('alt+y', { skip: ['Alt+Y'] })).toEqual(['skip']);
  });
});
