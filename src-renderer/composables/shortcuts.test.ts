/** @file The key map: no conflict by default, refusal of new ones, canonical strokes, silence while typing. */
import { describe, expect, it } from 'vitest';
import {
  ACTIONS,
  actionFor,
  allowedWhileTyping,
  conflicts,
  keyFaces,
  rebind,
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
