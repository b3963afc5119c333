/**
 * @file The open pair: read, edited, saved, undone. A pair that was left before its text could be saved stays here,
 * with its saves still being tried, until the server has it; a copy waits in the browser's storage meanwhile.
 */
import { useEventListener } from '@vueuse/core';
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import type { Pair } from '../../../src-main/contract/schemas.ts';
import { ConnectionLost, isConflict, plain, sentence, type Plain } from '../../client/errors.ts';
import {
  createAutosave,
  type Autosave,
  type FailureKind,
  type SaveState,
} from '../../composables/autosave.ts';
import { useWorkbench } from '../../composables/useWorkbench.ts';
import { fromPair, sameAsStored, toPhrases, type Draft } from './pair-draft.ts';
import { dropStash, readStash, stash } from './unsaved-stash.ts';

interface Session {
  stored: Pair;
  draft: Draft;
  state: SaveState;
  readonly autosave: Autosave<Draft>;
}

/** Pairs with edits on their way, by pair id; they outlive the room. */
const sessions = new Map<string, Session>();
const anyUnsaved = (): boolean => [...sessions.values()].some((session) => session.autosave.unsaved());

/** Failures that go away without the person changing the text: a full disk, a disk that is not there, another program writing. */
const PASSING = ['DISK_FULL', 'UNAVAILABLE', 'LOCKED'];

function failureKind(reason: unknown): FailureKind {
  if (reason instanceof ConnectionLost) return 'connection';
  if (isConflict(reason)) return 'conflict';
  return PASSING.includes(plain(reason).code) ? 'passing' : 'other';
}

export interface PairEditing {
  readonly pair: Readonly<ShallowRef<Pair | null>>;
  readonly draft: Readonly<ShallowRef<Draft | null>>;
  /** Grows when the editors must take the draft anew: another pair, an undo, a reload. */
  readonly revision: Readonly<Ref<number>>;
  readonly saveState: Readonly<Ref<SaveState>>;
  readonly loading: Readonly<Ref<boolean>>;
  readonly error: Readonly<ShallowRef<Plain | null>>;
  /** A text of an earlier window that never reached the server. */
  readonly left: Readonly<ShallowRef<{ draft: Draft; at: number } | null>>;
  /** What somebody else saved meanwhile, while there is a conflict. */
  readonly theirs: Readonly<ShallowRef<Pair | null>>;
  open: (pairId: string | null) => Promise<void>;
  /** Reads the pair ahead, so that opening it shows it at once. */
  prefetch: (pairId: string) => void;
  /** A change by the person. `reset` is true when the editors do not know of it yet. */
  apply: (draft: Draft, options?: { reset?: boolean }) => void;
  /** True when everything is stored. */
  flush: () => Promise<boolean>;
  /** One step of the pair's journal, over text, marks and status; 'unsaved' when the journal cannot be reached, 'nothing' at its end. */
  travel: (direction: 'undo' | 'redo') => Promise<'done' | 'unsaved' | 'nothing' | { problem: string }>;
  keepMine: () => Promise<void>;
  /** Theirs in place; one's own version stays in the history and comes back with redo. */
  takeTheirs: () => ReturnType<PairEditing['travel']>;
  restoreLeft: () => void;
  discardLeft: () => void;
}

/** What the room may ask of the mounted pair editor. */
export interface PairEditorHandle {
  /** Scrolls a phrase into view on both sides. */
  showPhrase: (id: string) => void;
  /** A change of the marks that did not come from typing. */
  applyMarks: (draft: Draft) => void;
}

export function usePairEditing(): PairEditing {
  const { api, on, project, connected, lineNumber } = useWorkbench();
  const pair = shallowRef<Pair | null>(null);
  const draft = shallowRef<Draft | null>(null);
  const revision = ref(0);
  const saveState = ref<SaveState>({ kind: 'saved', at: null });
  const loading = ref(false);
  const error = shallowRef<Plain | null>(null);
  const left = shallowRef<{ draft: Draft; at: number } | null>(null);
  const theirs = shallowRef<Pair | null>(null);
  const ahead = new Map<string, Promise<Pair>>();
  let current: Session | null = null;
  let asked = 0;
  const projectId = project.value?.id ?? '';

  function begin(stored: Pair): Session {
    const { id } = stored;
    const session: Session = {
      stored,
      draft: fromPair(stored),
      state: { kind: 'saved', at: null },
      autosave: createAutosave<Draft, Pair>(stored.version, {
        async save(next, baseVersion, over) {
          // Without a line a call would wait silently; the person is to see that nothing is saved.
          if (!connected.value) throw new ConnectionLost('not connected');
          return api.pairs.save({
            pairId: id,
            baseVersion,
            chosen: next.chosen,
            rejected: next.rejected,
            phrases: toPhrases(next),
            over,
          });
        },
        load: () => api.pairs.get({ pairId: id }),
        same: sameAsStored,
        failureOf: (reason) => ({
          kind: failureKind(reason),
          message: sentence(reason),
        }),
        onState(state) {
          session.state = state;
          if (state.kind === 'saved') dropStash(projectId, id);
          else if (state.kind !== 'dirty' && state.kind !== 'saving') stash(projectId, id, session.draft);
          if (current === session) {
            saveState.value = state;
            void readTheirs(session);
          } else if (state.kind === 'saved') sessions.delete(id);
        },
        onStored(next) {
          session.stored = next;
          if (current === session) pair.value = next;
        },
      }),
    };
    sessions.set(id, session);
    return session;
  }

  /** The version that a conflict is about, to be shown beside one's own. */
  async function readTheirs(session: Session): Promise<void> {
    if (session.state.kind !== 'conflict') return void (theirs.value = null);
    const stored = await api.pairs.get({ pairId: session.stored.id }).catch(() => null);
    if (current === session && session.state.kind === 'conflict') theirs.value = stored;
  }

  function show(session: Session): void {
    current = session;
    pair.value = session.stored;
    draft.value = session.draft;
    saveState.value = session.state;
    error.value = null;
    revision.value++;
    void readTheirs(session);
    const waiting = readStash(projectId, session.stored.id);
    left.value =
      waiting && !session.autosave.unsaved() && !sameAsStored(waiting.draft, session.stored) ? waiting : null;
  }

  /** Leaves the open pair: clean ones are forgotten, others go on saving by themselves. */
  function leave(): void {
    if (current && !current.autosave.unsaved()) {
      current.autosave.dispose();
      sessions.delete(current.stored.id);
    } else void current?.autosave.flush();
    current = null;
  }

  async function open(pairId: string | null): Promise<void> {
    const mine = ++asked;
    if (current && current.stored.id === pairId) return;
    leave();
    if (pairId === null) {
      pair.value = null;
      draft.value = null;
      return;
    }
    const known = sessions.get(pairId);
    if (known) return show(known);
    loading.value = true;
    try {
      const stored = await (ahead.get(pairId) ?? api.pairs.get({ pairId }));
      if (mine === asked) show(begin(stored));
    } catch (reason) {
      if (mine === asked) error.value = plain(reason);
    } finally {
      ahead.delete(pairId);
      if (mine === asked) loading.value = false;
    }
  }

  /** Takes what the server has, in place of the open draft. */
  function adopt(session: Session, stored: Pair): void {
    session.stored = stored;
    session.draft = fromPair(stored);
    session.autosave.rebase(stored.version);
    if (current === session) show(session);
  }

  /** Steps go one after the other, as a held key sends them. */
  let travelling: Promise<unknown> = Promise.resolve();
  function travel(direction: 'undo' | 'redo'): ReturnType<PairEditing['travel']> {
    const step = travelling.then(() => travelOnce(direction));
    travelling = step;
    return step;
  }

  async function travelOnce(direction: 'undo' | 'redo'): ReturnType<PairEditing['travel']> {
    const session = current;
    if (!session) return 'done';
    if (!(await session.autosave.flush())) return 'unsaved';
    const before = session.draft;
    try {
      const stored = await api.pairs[direction]({ pairId: session.stored.id });
      if (session.draft === before) adopt(session, stored);
      else {
        // Typed while the step was on its way: that is the newer wish, on top of the step.
        session.autosave.rebase(stored.version);
        session.autosave.edit(session.draft);
      }
      return 'done';
    } catch (reason) {
      const { canUndo, canRedo } = session.stored;
      return (direction === 'undo' ? canUndo : canRedo) ? { problem: sentence(reason) } : 'nothing';
    }
  }

  /** Shows what others have made of the open pair; a draft that is not saved yet is left alone, and meets it as a conflict. */
  function reread(session: Session): void {
    void api.pairs.get({ pairId: session.stored.id }).then(
      (stored) => {
        if (current !== session || session.autosave.unsaved()) return;
        // A status or lint may change without the text: then the editors keep their cursor.
        if (sameAsStored(session.draft, stored)) {
          session.stored = stored;
          session.autosave.rebase(stored.version);
          pair.value = stored;
        } else adopt(session, stored);
      },
      () => {
        // The line broke: the next event or save brings it up to date.
      },
    );
  }
  on('pair', ({ pairId, version }) => {
    ahead.delete(pairId);
    const session = current;
    if (session?.state.kind === 'conflict' && session.stored.id === pairId) void readTheirs(session);
    else if (
      session?.stored.id === pairId &&
      !session.autosave.unsaved() &&
      version > session.autosave.version()
    )
      reread(session);
  });
  on('pairs', () => {
    ahead.clear();
    if (current) reread(current);
  });
  // Another line may have missed events, and another reviewer may have another version.
  watch([lineNumber, () => project.value?.reviewer, () => project.value?.independent], () => {
    ahead.clear();
    if (current) reread(current);
  });
  useEventListener(window, 'beforeunload', (event) => {
    if (anyUnsaved()) event.preventDefault();
  });
  watch(draft, (next) => {
    if (current && next) current.draft = next;
  });
  onScopeDispose(leave);

  return {
    pair,
    draft,
    revision,
    saveState,
    loading,
    error,
    left,
    theirs,
    open,
    prefetch(pairId) {
      if (ahead.has(pairId) || sessions.has(pairId)) return;
      const promise = api.pairs.get({ pairId });
      promise.catch(() => ahead.delete(pairId));
      ahead.set(pairId, promise);
    },
    apply(next, { reset = false } = {}) {
      if (!current) return;
      current.draft = next;
      draft.value = next;
      if (reset) revision.value++;
      current.autosave.edit(next);
    },
    flush: () => current?.autosave.flush() ?? Promise.resolve(true),
    travel,
    async keepMine() {
      await current?.autosave.overwrite();
    },
    async takeTheirs() {
      // One's own is stored first and taken back: it stays in the history, and one redo away.
      if (!(await current?.autosave.overwrite())) return 'unsaved';
      return travel('undo');
    },
    restoreLeft() {
      const waiting = left.value;
      left.value = null;
      if (waiting) this.apply(waiting.draft, { reset: true });
    },
    discardLeft() {
      left.value = null;
      if (current) dropStash(projectId, current.stored.id);
    },
  };
}
