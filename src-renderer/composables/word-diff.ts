/**
 * @file Aligned word difference of two answers: equal runs and differences, each with its UTF-16 ranges on both
 * sides. Words, numbers and punctuation are units; blanks belong to neither, so a difference never starts or ends in one.
 */
import { diffArrays } from 'diff';
import type { Range } from './marks.ts';

/** One place where the answers differ. A null side has no text there; `at` says where it would stand. */
export interface Difference {
  readonly chosen: Range | null;
  readonly rejected: Range | null;
  /** Insertion points on both sides, for a side that is null. */
  readonly at: { readonly chosen: number; readonly rejected: number };
}

interface Word extends Range {
  readonly key: string;
}

/** Letters with their marks and inner apostrophes; numbers; or one single other visible character. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*|\p{N}+(?:[.,]\p{N}+)*|\p{Extended_Pictographic}(?:\ufe0f|\u200d\p{Extended_Pictographic}|\p{Emoji_Modifier})*|[^\s]/gu;

/** Cuts text into words with their UTF-16 ranges. */
export function words(text: string): Word[] {
  return [...text.matchAll(WORD)].map((match) => ({
    key: match[0].normalize('NFC'),
    from: match.index,
    to: match.index + match[0].length,
  }));
}

/** The differences of two answers, in reading order. Identical texts give an empty list. */
export function differences(chosen: string, rejected: string): Difference[] {
  const left = words(chosen);
  const right = words(rejected);
  const result: Difference[] = [];
  let i = 0;
  let j = 0;
  let open: { chosen: number; rejected: number } | null = null;
  const close = (): void => {
    if (!open) return;
    result.push({
      chosen: cover(left, open.chosen, i),
      rejected: cover(right, open.rejected, j),
      at: { chosen: place(left, open.chosen), rejected: place(right, open.rejected) },
    });
    open = null;
  };
  for (const part of diffArrays(
    left.map((word) => word.key),
    right.map((word) => word.key),
  )) {
    const count = part.value.length;
    if (part.removed || part.added) {
      open ??= { chosen: i, rejected: j };
      if (part.removed) i += count;
      else j += count;
    } else {
      close();
      i += count;
      j += count;
    }
  }
  close();
  return result;
}

function cover(list: readonly Word[], from: number, to: number): Range | null {
  return to > from ? { from: list[from].from, to: list[to - 1].to } : null;
}

/** Where text would be inserted before word number `index`: right behind the word before it. */
function place(list: readonly Word[], index: number): number {
  return index < list.length ? list[index].from : (list.at(-1)?.to ?? 0);
}

/** A read-only rendering of one side: runs of text, each marked as differing or not. */
export function diffRuns(
  text: string,
  side: 'chosen' | 'rejected',
  list: readonly Difference[],
): { text: string; differs: boolean }[] {
  const runs: { text: string; differs: boolean }[] = [];
  let at = 0;
  for (const difference of list) {
    const range = difference[side];
    if (!range) continue;
    if (range.from > at) runs.push({ text: text.slice(at, range.from), differs: false });
    runs.push({ text: text.slice(range.from, range.to), differs: true });
    at = range.to;
  }
  if (at < text.length) runs.push({ text: text.slice(at), differs: false });
  return runs;
}
