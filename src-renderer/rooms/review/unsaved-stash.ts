/** @file The last resort for text that could not be saved: a copy in the browser's storage, found by the next window. */
import type { Draft } from './pair-draft.ts';

const key = (projectId: string, pairId: string): string => `workbench:unsaved:${projectId}:${pairId}`;

export function stash(projectId: string, pairId: string, draft: Draft): void {
  try {
    localStorage.setItem(key(projectId, pairId), JSON.stringify({ draft, at: Date.now() }));
  } catch {
    // A full or forbidden storage only takes away this second net; the text is still in the window.
  }
}

export function dropStash(projectId: string, pairId: string): void {
  localStorage.removeItem(key(projectId, pairId));
}

/** What an earlier window left behind; null when there is nothing, or nothing readable. */
export function readStash(projectId: string, pairId: string): { draft: Draft; at: number } | null {
  const text = localStorage.getItem(key(projectId, pairId));
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as { draft?: Partial<Draft>; at?: number };
    const { draft, at } = value;
    if (
      typeof draft?.chosen !== 'string' ||
      typeof draft.rejected !== 'string' ||
      !Array.isArray(draft.phrases)
    )
      return null;
    return { draft: { chosen: draft.chosen, rejected: draft.rejected, phrases: draft.phrases }, at: at ?? 0 };
  } catch {
    return null;
  }
}
