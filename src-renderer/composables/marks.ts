/**
 * @file Marks that follow edits. A mark is a range of UTF-16 units in one answer; an edit grows, shrinks, moves or
 * empties it. An emptied mark stays where its text was, flagged, and lives again when text is typed there.
 * Offsets leave for the server as code points with the quoted text (`toSpan`).
 */
import type { Span } from '../../src-main/contract/schemas.ts';
import { sliceCodePoints, toCodePoints, toUtf16 } from '../../src-main/contract/text.ts';

/** UTF-16 range [from, to) in one answer; `from === to` is a mark that lost its text. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** One replacement, in UTF-16 units of the text before the edit: [from, to) becomes `insert`. */
export interface TextChange {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

const WORD_END = /[\p{L}\p{N}\p{M}'’_]$/u;
const WORD_START = /^[\p{L}\p{N}\p{M}'’_]/u;
/** Combining marks, the zero-width joiner and the emoji variation selector belong to the character before them. */
const COMBINING_START = /^(?:\p{M}|\u200d|\ufe0f)/u;
/** Scripts written without spaces: there "the same word goes on" cannot be told from the letters. */
const UNSPACED_START = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Does text typed right behind a mark continue its last word? Then it belongs to the mark. */
export function continuesWord(before: string, insert: string): boolean {
  if (COMBINING_START.test(insert)) return true;
  return WORD_END.test(before) && WORD_START.test(insert) && !UNSPACED_START.test(insert);
}

/**
 * Where `range` of `text` is after `change`.
 * - typed inside, or replacing a part of the mark or exactly the mark: the new text belongs to the mark;
 * - typed before it: the mark moves; typed right behind it: it grows only when the last word goes on;
 * - a replacement that reaches beyond the mark takes away what it covers;
 * - an empty mark takes in text typed at its place, and stays behind what is replaced before it.
 */
export function mapRange(range: Range, change: TextChange, text: string): Range {
  const { from, to } = range;
  const shift = change.insert.length - (change.to - change.from);
  if (change.to < from) return { from: from + shift, to: to + shift };
  if (change.from > to) return range;
  if (from === to) {
    if (change.from === from && change.to === from) return { from, to: from + change.insert.length };
    if (change.from === from) return range;
    return change.to === from
      ? { from: from + shift, to: from + shift }
      : { from: change.from, to: change.from };
  }
  const inserts = change.insert.length;
  if (change.from === change.to) {
    if (change.from === from) return { from: from + inserts, to: to + inserts };
    if (change.from === to)
      return continuesWord(text.slice(from, to), change.insert) ? { from, to: to + inserts } : range;
    return { from, to: to + inserts };
  }
  // The part before and the part behind the replacement that still belong to the mark.
  if (change.to <= from) return { from: from + shift, to: to + shift };
  if (change.from >= to) return range;
  if (change.from >= from && change.to <= to) return { from, to: to + shift };
  if (change.from <= from && change.to >= to) return { from: change.from, to: change.from };
  if (change.from < from) return { from: change.from + inserts, to: to + shift };
  return { from, to: change.from };
}

/**
 * Where all marks of `text` are after `change`. Where a word that goes on, or another lost mark, takes in the text typed
 * at the place of a lost mark, the lost one stays lost behind it: marks that were apart stay apart.
 */
export function mapRanges(
  ranges: ReadonlyMap<string, Range>,
  change: TextChange,
  text: string,
): Map<string, Range> {
  const next = new Map([...ranges].map(([id, range]) => [id, mapRange(range, change, text)]));
  const end = change.from + change.insert.length;
  let taken = false;
  for (const [id, range] of next) {
    const before = ranges.get(id)!;
    const revived = before.from === before.to && range.from < range.to;
    if (!revived) continue;
    const inTheWay = [...next].some(
      ([other, at]) =>
        other !== id &&
        ranges.get(other)!.from < ranges.get(other)!.to &&
        at.from < end &&
        at.to > change.from,
    );
    if (taken || inTheWay) next.set(id, { from: end, to: end });
    else taken = true;
  }
  return next;
}

/** Code-point span with its quote, for the server. An end inside a character takes in the whole character. */
export function toSpan(text: string, range: Range): Span {
  const from = isLowSurrogate(text, range.from) ? range.from - 1 : range.from;
  const to = isLowSurrogate(text, range.to) && range.to > range.from ? range.to + 1 : range.to;
  return {
    start: toCodePoints(text, from),
    end: toCodePoints(text, to),
    quote: text.slice(from, to),
  };
}

/**
 * UTF-16 range of a stored span. When the quote is not under the offsets (the text changed elsewhere) and occurs
 * exactly once, the mark moves there; otherwise it comes back empty, so that it shows as lost instead of lying.
 */
export function fromSpan(text: string, span: Span): Range {
  try {
    if (sliceCodePoints(text, span.start, span.end) === span.quote)
      return { from: toUtf16(text, span.start), to: toUtf16(text, span.end) };
  } catch (error) {
    // Only "text shorter than the offset" is expected here; it means the same as a quote that does not match.
    if (!(error instanceof RangeError)) throw error;
  }
  const first = span.quote === '' ? -1 : text.indexOf(span.quote);
  if (first >= 0 && text.indexOf(span.quote, first + 1) < 0)
    return { from: first, to: first + span.quote.length };
  const at = Math.min(text.length, first >= 0 ? first : safeUtf16(text, span.start));
  return { from: at, to: at };
}

function safeUtf16(text: string, offset: number): number {
  let units = 0;
  for (const character of text) {
    if (offset-- <= 0) break;
    units += character.length;
  }
  return units;
}

/** Shrinks a selection to its words: no blanks at the ends, never half of a surrogate pair. */
export function trimSelection(text: string, range: Range): Range {
  let { from, to } = range;
  if (isLowSurrogate(text, from)) from--;
  if (isLowSurrogate(text, to)) to++;
  while (from < to && /\s/u.test(text[from])) from++;
  while (to > from && /\s/u.test(text[to - 1])) to--;
  return { from, to };
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return index > 0 && index < text.length && unit >= 0xdc00 && unit <= 0xdfff;
}
