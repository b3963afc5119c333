/**
 * @file Aligned word difference of two answers: equal runs and differences, each with its UTF-16 ranges on both
 * sides. Words (of any script), numbers, emoji and punctuation are units; blanks belong to neither, so a difference never starts or ends in one.
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

/** Words of every script, by Unicode's rules and dictionaries: also where no spaces are written. */
const segmenter = new Intl.Segmenter('en', { granularity: 'word' });
/** White space, and characters without a shape of their own (zero-width space, direction marks): not words. */
const BLANK = /^[\s\p{Cf}]+$/u;
/** Zero-width space and direction marks inside a word: the same word with and without them. (Joiners do change a word.) */
const INVISIBLE = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;
/** Beyond this many changed words no alignment is looked for: everything between equal beginning and end is one difference. */
const MAX_EDITS = 600;

/** The last texts that were cut: while one answer is typed in, the other stays the same. */
const cutBefore = new Map<string, readonly Word[]>();
const REMEMBERED = 4;

/** Cuts text into words with their UTF-16 ranges. */
export function words(text: string): readonly Word[] {
  const known = cutBefore.get(text);
  if (known) return known;
  const list: Word[] = [];
  for (const { segment, index } of segmenter.segment(text))
    if (!BLANK.test(segment))
      list.push({
        key: segment.normalize('NFC').replace(INVISIBLE, ''),
        from: index,
        to: index + segment.length,
      });
  if (cutBefore.size >= REMEMBERED) cutBefore.delete(cutBefore.keys().next().value!);
  cutBefore.set(text, list);
  return list;
}

/** The differences of two answers, in reading order. Identical texts give an empty list. */
export function differences(chosen: string, rejected: string): Difference[] {
  const left = words(chosen);
  const right = words(rejected);
  // What is equal at both ends is most of a pair, and needs no search.
  let head = 0;
  while (head < left.length && head < right.length && left[head].key === right[head].key) head++;
  let tail = 0;
  while (
    tail < left.length - head &&
    tail < right.length - head &&
    left[left.length - 1 - tail].key === right[right.length - 1 - tail].key
  )
    tail++;
  const result: Difference[] = [];
  const add = (a: number, b: number, i: number, j: number): void => {
    result.push({
      chosen: cover(left, a, i),
      rejected: cover(right, b, j),
      at: { chosen: place(left, a), rejected: place(right, b) },
    });
  };
  const ends = { left: left.length - tail, right: right.length - tail };
  if (head === ends.left && head === ends.right) return result;
  const parts = diffArrays(
    left.slice(head, ends.left).map((word) => word.key),
    right.slice(head, ends.right).map((word) => word.key),
    { maxEditLength: MAX_EDITS },
  );
  if (!parts) {
    add(head, head, ends.left, ends.right);
    return result;
  }
  let i = head;
  let j = head;
  let open: { chosen: number; rejected: number } | null = null;
  for (const part of parts) {
    const count = part.value.length;
    if (part.removed || part.added) {
      open ??= { chosen: i, rejected: j };
      if (part.removed) i += count;
      else j += count;
      continue;
    }
    if (open) add(open.chosen, open.rejected, i, j);
    open = null;
    i += count;
    j += count;
  }
  if (open) add(open.chosen, open.rejected, i, j);
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
