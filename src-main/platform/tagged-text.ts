/**
 * @file Stretches of text in Unicode code points, and the official `<MASK>` tagged text they come from and go to. Offsets
 * are [start, end). What the marks mean to the loss is in `align/phrases.ts`.
 */
import { codePointLength, sliceCodePoints } from '../contract/text.ts';
import { UserError } from './errors.ts';

/** A stretch of text in Unicode code points, `start` inclusive, `end` exclusive. */
export type TextSpan = { readonly start: number; readonly end: number };

/** Tags of the official data files. */
const OPEN_TAG = '<MASK>';
const CLOSE_TAG = '</MASK>';

/** The span without the white space at its ends; an all-blank span becomes empty at its start. Throws outside the text. */
export function trimSpan(text: string, span: TextSpan): TextSpan {
  const length = codePointLength(text);
  if (!(span.start >= 0 && span.start <= span.end && span.end <= length))
    throw new UserError(
      'BAD_INPUT',
      `phrase: expected 0 <= start <= end <= ${length} (the text "${shorten(text)}"), got [${span.start}, ${span.end})`,
      'Mark the phrase again: the text was changed after it was marked.',
    );
  const inside = sliceCodePoints(text, span.start, span.end);
  const lead = codePointLength(inside) - codePointLength(inside.trimStart());
  const kept = codePointLength(inside.trim());
  return { start: span.start + lead, end: span.start + lead + kept };
}

/**
 * Reads official tagged text against its plain text. A tag may bring exactly one adjoining space that the plain text
 * does not have (`a <MASK> goose </MASK>.` and `a <MASK>goose</MASK>.` mean the same); anything else must be equal.
 * Returns the spans in the plain text, trimmed of white space, in order. Throws a UserError with the place for unclosed,
 * nested, stray or empty tags, and when stripping the tags does not give the plain text.
 */
export function parseTagged(tagged: string, plain: string): TextSpan[] {
  const pieces = splitAtTags(tagged);
  const starts = alignPieces(pieces, plain);
  if (!starts)
    throw new UserError(
      'BAD_INPUT',
      `tagged text: expected the plain text "${shorten(plain)}" after removing ${OPEN_TAG} tags, got "${shorten(pieces.join(''))}"`,
      'Make the tagged text the plain text plus tags, with at most one extra space beside each tag.',
    );
  const spans: TextSpan[] = [];
  for (let i = 1; i < pieces.length; i += 2) {
    const from = codePointLength(plain.slice(0, starts[i]));
    const to = codePointLength(plain.slice(0, starts[i + 1]));
    const span = trimSpan(plain, { start: from, end: to });
    if (span.end === span.start)
      throw new UserError(
        'BAD_INPUT',
        `tagged text: expected words inside phrase ${spans.length + 1}, got none ("${shorten(tagged)}")`,
        'Remove the empty pair of tags or put a phrase inside.',
      );
    spans.push(span);
  }
  return spans;
}

/**
 * Writes spans as official tagged text, one space on either side of each phrase inside its tags, which is the style of the
 * official files. {@link parseTagged} gives the same (trimmed) spans back. Throws when spans overlap or the text itself
 * contains a tag.
 */
export function formatTagged(plain: string, spans: readonly TextSpan[]): string {
  if (plain.includes(OPEN_TAG) || plain.includes(CLOSE_TAG))
    throw new UserError(
      'BAD_INPUT',
      `tagged text: expected an answer without ${OPEN_TAG} or ${CLOSE_TAG}, got "${shorten(plain)}"`,
      'Export in a format that keeps offsets (JSON lines), or remove the tag from the answer.',
    );
  const sorted = spans.map((span) => trimSpan(plain, span)).filter((span) => span.end > span.start);
  sorted.sort((a, b) => a.start - b.start);
  const out: string[] = [];
  let position = 0;
  for (const { start, end } of sorted) {
    if (start < position)
      throw new UserError(
        'BAD_INPUT',
        `tagged text: expected phrases that do not overlap, got one at ${start} inside one that ends at ${position}`,
        'Shorten or merge the overlapping phrases.',
      );
    const phrase = sliceCodePoints(plain, start, end);
    out.push(sliceCodePoints(plain, position, start), `${OPEN_TAG} ${phrase} ${CLOSE_TAG}`);
    position = end;
  }
  out.push(sliceCodePoints(plain, position, codePointLength(plain)));
  return out.join('');
}

/** Text between tags: even pieces lie outside, odd ones inside a phrase. */
function splitAtTags(tagged: string): string[] {
  const pieces: string[] = [];
  let position = 0;
  let openAt = -1;
  for (const match of tagged.matchAll(/<\/?MASK>/g)) {
    const opens = match[0] === OPEN_TAG;
    if (opens === openAt >= 0) {
      const place = `at character ${match.index} of "${shorten(tagged)}"`;
      throw new UserError(
        'BAD_INPUT',
        opens
          ? `tagged text: expected ${CLOSE_TAG} before the next ${OPEN_TAG}, got a nested ${OPEN_TAG} ${place}`
          : `tagged text: expected ${OPEN_TAG} before ${CLOSE_TAG}, got a stray ${CLOSE_TAG} ${place}`,
        'Tags must come in pairs and must not be nested.',
      );
    }
    openAt = opens ? match.index : -1;
    pieces.push(tagged.slice(position, match.index));
    position = match.index + match[0].length;
  }
  if (openAt >= 0)
    throw new UserError(
      'BAD_INPUT',
      `tagged text: expected a ${CLOSE_TAG}, got an unclosed ${OPEN_TAG} at character ${openAt} of "${shorten(tagged)}"`,
      `Close the phrase with ${CLOSE_TAG}.`,
    );
  pieces.push(tagged.slice(position));
  return pieces;
}

/**
 * Finds where each piece starts in the plain text (UTF-16 indices; one more for the end), letting each tag swallow one
 * adjoining space. Null when there is no way. Fewest spaces swallowed first; failed states are remembered, so the search is
 * linear in pieces times positions.
 */
function alignPieces(pieces: readonly string[], plain: string): number[] | null {
  const failed = new Set<string>();
  const starts: number[] = [];

  /** `eaten`: the tag before piece `index` already swallowed a space of that piece. */
  function place(index: number, position: number, eaten: boolean): boolean {
    const key = `${index}:${position}:${eaten}`;
    if (failed.has(key)) return false;
    const piece = eaten ? pieces[index].slice(1) : pieces[index];
    starts[index] = position;
    if (index === pieces.length - 1) {
      if (plain.slice(position) === piece) return true;
    } else {
      const whole = plain.startsWith(piece, position);
      const next = position + piece.length;
      if (whole && place(index + 1, next, false)) return true;
      if (whole && pieces[index + 1].startsWith(' ') && place(index + 1, next, true)) return true;
      if (piece.endsWith(' ') && plain.startsWith(piece.slice(0, -1), position))
        if (place(index + 1, next - 1, false)) return true;
    }
    failed.add(key);
    return false;
  }
  return place(0, 0, false) ? starts : null;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
