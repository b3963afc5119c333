/**
 * @file Autosave of one document: an edit after a rest is sent at once, those behind it are collected for at most `delay` ms. One
 * save at a time, each with the version it started from; only called saved when the server has said so. A lost connection or a full
 * disk keeps the text and tries again; a conflict stops and is shown. Nothing is merged or dropped behind the person's back.
 */

export type SaveState =
  | { kind: 'saved'; at: number | null }
  /** Edited, not sent yet. */
  | { kind: 'dirty' }
  | { kind: 'saving' }
  /** The connection is gone; the text is kept here and sent when it is back. */
  | { kind: 'waiting'; message: string }
  /** `again`: it is being tried again by itself. */
  | { kind: 'failed'; message: string; again: boolean }
  /** Somebody else saved a newer version. */
  | { kind: 'conflict'; message: string };

/** How a failed save is to be understood. 'passing': the cause may go away by itself, as a full disk does when space is freed. */
export type FailureKind = 'connection' | 'conflict' | 'passing' | 'other';

export interface AutosaveOptions<Draft, Stored extends { version: number }> {
  /** Sends a draft; resolves with what is now stored. `over`: the person chose it over a newer version. */
  save: (draft: Draft, baseVersion: number, over: boolean) => Promise<Stored>;
  /** Reads what is stored, to tell a reply that got lost from a real conflict. */
  load: () => Promise<Stored>;
  /** Is the stored document exactly this draft? */
  same: (draft: Draft, stored: Stored) => boolean;
  failureOf: (error: unknown) => { kind: FailureKind; message: string };
  onState: (state: SaveState) => void;
  onStored: (stored: Stored) => void;
  /** Milliseconds an edit may wait for its neighbours while another one is on its way. @default 25 */
  delay?: number;
  /** Milliseconds between attempts while the connection or the space is gone. @default 1000 */
  retryDelay?: number;
}

export interface Autosave<Draft> {
  /** Note an edit. */
  edit: (draft: Draft) => void;
  /** Sends what is pending now; resolves true when everything is stored. */
  flush: () => Promise<boolean>;
  /** The stored version has moved with the person's knowledge (undo, reload): start from it, forget pending edits. */
  rebase: (version: number) => void;
  /** Write over a conflict: the person chose their own text. */
  overwrite: () => Promise<boolean>;
  readonly unsaved: () => boolean;
  readonly version: () => number;
  dispose: () => void;
}

export function createAutosave<Draft, Stored extends { version: number }>(
  initialVersion: number,
  options: AutosaveOptions<Draft, Stored>,
): Autosave<Draft> {
  const { delay = 25, retryDelay = 1000 } = options;
  let version = initialVersion;
  let pending: { draft: Draft } | null = null;
  let inFlight: Promise<boolean> | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let blocked = false;
  let disposed = false;
  let over = false;
  /** Grows at each rebase, so that a reply to an older save cannot set the version back. */
  let epoch = 0;

  const tell = (state: SaveState): void => {
    if (!disposed) options.onState(state);
  };
  const later = (ms: number): void => {
    timer ??= setTimeout(() => {
      timer = null;
      void run();
    }, ms);
  };

  async function attempt(draft: Draft): Promise<boolean> {
    const mine = epoch;
    tell({ kind: 'saving' });
    try {
      const stored = await options.save(draft, version, over);
      if (mine !== epoch) return true;
      over = false;
      return settle(stored);
    } catch (error) {
      if (mine !== epoch) return true;
      const failure = options.failureOf(error);
      // Keep the text, unless a newer edit already stands in its place.
      pending ??= { draft };
      if (failure.kind === 'connection') {
        tell({ kind: 'waiting', message: failure.message });
        later(retryDelay);
        return false;
      }
      if (failure.kind === 'conflict') {
        const stored = await options.load().catch(() => null);
        // The save had arrived and only its reply was lost: then the stored text is this very draft.
        if (stored && mine === epoch && options.same(draft, stored)) {
          if (pending.draft === draft) pending = null;
          return settle(stored);
        }
        blocked = true;
        tell({ kind: 'conflict', message: failure.message });
        return false;
      }
      const again = failure.kind === 'passing';
      tell({ kind: 'failed', message: failure.message, again });
      if (again) later(retryDelay);
      else blocked = true;
      return false;
    }
  }

  function settle(stored: Stored): boolean {
    version = stored.version;
    if (!disposed) options.onStored(stored);
    if (pending) {
      tell({ kind: 'dirty' });
      later(delay);
    } else tell({ kind: 'saved', at: Date.now() });
    return true;
  }

  /** Sends the pending draft unless one is on its way; then that one is waited for. */
  function run(): Promise<boolean> {
    if (inFlight) return inFlight;
    if (!pending || blocked) return Promise.resolve(!pending);
    const { draft } = pending;
    pending = null;
    inFlight = attempt(draft).finally(() => {
      inFlight = null;
    });
    return inFlight;
  }

  return {
    edit(draft) {
      pending = { draft };
      // A failed save may succeed with other text; a conflict needs the person's decision first.
      if (!inFlight && !blocked) tell({ kind: 'dirty' });
      // The first edit after a rest goes with the end of its own event; those behind it wait for each other.
      if (!blocked) later(inFlight ? delay : 0);
    },
    async flush() {
      if (timer) clearTimeout(timer);
      timer = null;
      blocked = false;
      let good = true;
      while (good && (pending || inFlight)) good = await run();
      if (timer) clearTimeout(timer);
      timer = null;
      if (pending && !good) later(retryDelay);
      return good && !pending;
    },
    rebase(next) {
      epoch++;
      over = false;
      version = next;
      pending = null;
      blocked = false;
      if (timer) clearTimeout(timer);
      timer = null;
      tell({ kind: 'saved', at: null });
    },
    async overwrite() {
      version = (await options.load()).version;
      blocked = false;
      over = true;
      return this.flush();
    },
    unsaved: () => pending !== null || inFlight !== null,
    version: () => version,
    dispose() {
      disposed = true;
      if (timer) clearTimeout(timer);
      timer = null;
    },
  };
}
