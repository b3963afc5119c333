/** @file Autosave against a small versioned store: bundling, order, lost replies, disconnects, conflicts, rebase. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAutosave, type Autosave, type SaveState } from './autosave.ts';

class Lost extends Error {}
class Conflict extends Error {}
class Full extends Error {}

/** A server with one document. `fault` decides what happens to the next saves. */
function world() {
  const server = {
    text: 'a',
    version: 1,
    saves: [] as string[],
    fault: null as null | 'before' | 'after' | 'reject' | 'full',
    running: 0,
    mostRunning: 0,
  };
  const states: SaveState[] = [];
  const autosave: Autosave<string> = createAutosave<string, { text: string; version: number }>(1, {
    async save(draft, base, over) {
      server.running++;
      server.mostRunning = Math.max(server.mostRunning, server.running);
      try {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (server.fault === 'before') throw new Lost('offline');
        if (server.fault === 'reject') throw new Error('not allowed');
        if (server.fault === 'full') throw new Full('disk full');
        if (base !== server.version) throw new Conflict('newer version');
        server.text = draft;
        server.version++;
        server.saves.push(over ? `${draft}, over another` : draft);
        if (server.fault === 'after') {
          server.fault = null;
          throw new Lost('reply lost');
        }
        return { text: server.text, version: server.version };
      } finally {
        server.running--;
      }
    },
    load: () => Promise.resolve({ text: server.text, version: server.version }),
    same: (draft, stored) => draft === stored.text,
    failureOf: (error) => ({
      kind:
        error instanceof Lost
          ? 'connection'
          : error instanceof Conflict
            ? 'conflict'
            : error instanceof Full
              ? 'passing'
              : 'other',
      message: (error as Error).message,
    }),
    onState: (state) => states.push(state),
    onStored: () => {},
  });
  return { server, states, autosave, last: () => states.at(-1)!.kind };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('autosave', () => {
  it('sends the first edit at once, and those behind it together within 25 ms', async () => {
    const { server, autosave } = world();
    autosave.edit('a'); // Of one event only the last state is sent.
    for (const text of ['ab', 'abc', 'abcd']) {
      autosave.edit(text);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(server.saves).toEqual(['ab']);
    await vi.advanceTimersByTimeAsync(25);
    expect(server.saves).toEqual(['ab', 'abcd']);
  });

  it('says saved only after the reply, and never two saves at once', async () => {
    const { server, states, autosave, last } = world();
    autosave.edit('1');
    await vi.advanceTimersByTimeAsync(10);
    expect(last()).toBe('saving');
    autosave.edit('2');
    await vi.advanceTimersByTimeAsync(200);
    expect(server.saves).toEqual(['1', '2']);
    expect(server.mostRunning).toBe(1);
    expect(last()).toBe('saved');
    expect(states.filter((state) => state.kind === 'saved')).toHaveLength(1);
    expect(autosave.version()).toBe(3);
  });

  it('keeps the text through a disconnect and sends the latest when it is over', async () => {
    const { server, autosave, last } = world();
    server.fault = 'before';
    autosave.edit('typed offline');
    await vi.advanceTimersByTimeAsync(500);
    expect(last()).toBe('waiting');
    expect(autosave.unsaved()).toBe(true);
    autosave.edit('typed offline, and more');
    server.fault = null;
    await vi.advanceTimersByTimeAsync(3000);
    expect(server.text).toBe('typed offline, and more');
    expect(last()).toBe('saved');
  });

  it('does not take its own lost reply for a conflict', async () => {
    const { server, autosave, last } = world();
    server.fault = 'after';
    autosave.edit('arrived');
    await vi.advanceTimersByTimeAsync(3000);
    expect(server.saves).toEqual(['arrived']);
    expect(last()).toBe('saved');
    expect(autosave.version()).toBe(2);
  });

  it('stops at a conflict with the text kept, and overwrites only when told to', async () => {
    const { server, autosave, last } = world();
    server.text = 'theirs';
    server.version = 7;
    autosave.edit('mine');
    await vi.advanceTimersByTimeAsync(5000);
    expect(last()).toBe('conflict');
    expect(server.text).toBe('theirs');
    autosave.edit('mine, longer');
    await vi.advanceTimersByTimeAsync(5000);
    expect(server.text).toBe('theirs');
    const done = autosave.overwrite();
    await vi.advanceTimersByTimeAsync(100);
    expect(await done).toBe(true);
    expect(server.saves).toEqual(['mine, longer, over another']);
    autosave.edit('mine again');
    await vi.advanceTimersByTimeAsync(100);
    expect(server.saves.at(-1)).toBe('mine again');
  });

  it('shows a full disk as not saved all the while, and saves by itself when there is space', async () => {
    const { server, states, autosave, last } = world();
    server.fault = 'full';
    autosave.edit('x');
    await vi.advanceTimersByTimeAsync(3500);
    expect(states.at(-1)).toEqual({ kind: 'failed', message: 'disk full', again: true });
    expect(states.some((state) => state.kind === 'saved')).toBe(false);
    expect(autosave.unsaved()).toBe(true);
    autosave.edit('xy');
    await vi.advanceTimersByTimeAsync(2000);
    expect(last()).toBe('failed');
    server.fault = null;
    await vi.advanceTimersByTimeAsync(1100);
    expect(last()).toBe('saved');
    expect(server.text).toBe('xy');
  });

  it('a failed save is not called clean', async () => {
    const { server, autosave, last } = world();
    server.fault = 'reject';
    autosave.edit('x');
    const flushed = autosave.flush();
    await vi.advanceTimersByTimeAsync(100);
    expect(await flushed).toBe(false);
    expect(last()).toBe('failed');
    expect(autosave.unsaved()).toBe(true);
    server.fault = null;
    const again = autosave.flush();
    await vi.advanceTimersByTimeAsync(100);
    expect(await again).toBe(true);
    expect(server.text).toBe('x');
  });

  it('after a rebase an older reply does not set the version back', async () => {
    const { autosave, last } = world();
    autosave.edit('1');
    await vi.advanceTimersByTimeAsync(30);
    autosave.rebase(9);
    await vi.advanceTimersByTimeAsync(100);
    expect(autosave.version()).toBe(9);
    expect(last()).toBe('saved');
  });
});
