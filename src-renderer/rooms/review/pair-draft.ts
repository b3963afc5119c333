/**
 * @file A pair while it is edited: two texts and the phrases on them, in UTF-16 ranges, with the moves a person makes.
 * Pure: each move gives a new draft. `toPhrases` and `fromPair` cross the border to code-point spans.
 */
import type { Pair, Phrase, PhraseKind } from '../../../src-main/contract/schemas.ts';
import { fromSpan, toSpan, type Range } from '../../composables/marks.ts';
import type { Difference } from '../../composables/word-diff.ts';

export type Side = 'chosen' | 'rejected';
export const SIDES = ['chosen', 'rejected'] as const;
export const otherSide = (side: Side): Side => (side === 'chosen' ? 'rejected' : 'chosen');

export interface DraftPhrase {
  readonly id: string;
  readonly number: number;
  readonly origin: Phrase['origin'];
  /** What the difference is about; null until a person has said it. */
  readonly kind: PhraseKind | null;
  readonly chosen: Range | null;
  readonly rejected: Range | null;
  /** The text a mark had before it was lost, per side, to name it in the list. */
  readonly last: Readonly<Partial<Record<Side, string>>>;
}

export interface Draft {
  readonly chosen: string;
  readonly rejected: string;
  readonly phrases: readonly DraftPhrase[];
}

export function fromPair(pair: Pick<Pair, 'chosen' | 'rejected' | 'phrases'>): Draft {
  return {
    chosen: pair.chosen,
    rejected: pair.rejected,
    phrases: pair.phrases.map((phrase) => ({
      id: phrase.id,
      number: phrase.number,
      origin: phrase.origin,
      kind: phrase.kind ?? null,
      chosen: phrase.chosen && fromSpan(pair.chosen, phrase.chosen),
      rejected: phrase.rejected && fromSpan(pair.rejected, phrase.rejected),
      last: { chosen: phrase.chosen?.quote, rejected: phrase.rejected?.quote },
    })),
  };
}

export function toPhrases(draft: Draft): Phrase[] {
  return draft.phrases.map((phrase) => ({
    id: phrase.id,
    number: phrase.number,
    origin: phrase.origin,
    chosen: phrase.chosen && toSpan(draft.chosen, phrase.chosen),
    rejected: phrase.rejected && toSpan(draft.rejected, phrase.rejected),
    ...(phrase.kind ? { kind: phrase.kind } : {}),
  }));
}

/** Is this draft what is stored? Order of phrases does not matter. */
export function sameAsStored(draft: Draft, pair: Pick<Pair, 'chosen' | 'rejected' | 'phrases'>): boolean {
  const key = (phrases: readonly Phrase[]): string =>
    JSON.stringify(
      [...phrases]
        .sort((a, b) => a.number - b.number)
        .map((p) => [
          p.number,
          p.origin,
          p.kind,
          p.chosen?.start,
          p.chosen?.end,
          p.rejected?.start,
          p.rejected?.end,
        ]),
    );
  return (
    draft.chosen === pair.chosen &&
    draft.rejected === pair.rejected &&
    key(toPhrases(draft)) === key(pair.phrases)
  );
}

export const isLost = (range: Range | null): boolean => range !== null && range.from === range.to;

export function quoteOf(draft: Draft, phrase: DraftPhrase, side: Side): string | null {
  const range = phrase[side];
  return range && draft[side].slice(range.from, range.to);
}

/** One side was typed in: its new text, and where its marks are now. A proposal whose text was changed is touched. */
export function withEdit(draft: Draft, side: Side, text: string, ranges: ReadonlyMap<string, Range>): Draft {
  const before = draft;
  return {
    ...draft,
    [side]: text,
    phrases: draft.phrases.map((phrase) => {
      const range = ranges.get(phrase.id);
      if (!range) return phrase;
      const old = quoteOf(before, phrase, side) ?? '';
      const now = text.slice(range.from, range.to);
      return {
        ...phrase,
        [side]: range,
        origin: now !== old ? 'person' : phrase.origin,
        last: now === '' ? phrase.last : { ...phrase.last, [side]: now },
      };
    }),
  };
}

/** The smallest number no phrase has. */
function freeNumber(draft: Draft): number {
  const used = new Set(draft.phrases.map((phrase) => phrase.number));
  let number = 1;
  while (used.has(number)) number++;
  return number;
}

const overlaps = (a: Range | null, b: Range | null): boolean =>
  a !== null && b !== null && a.from < b.to && b.from < a.to;

/** Phrases whose mark lies under `range` on one side. */
export function phrasesUnder(draft: Draft, side: Side, range: Range | null): DraftPhrase[] {
  return draft.phrases.filter((phrase) => overlaps(phrase[side], range));
}

export type MarkResult = { draft: Draft; id: string } | { refused: string };

/**
 * Makes a difference a phrase pair. A proposal exactly there becomes the person's own; a phrase that already covers
 * a part of it is in the way and is named.
 */
export function markDifference(draft: Draft, difference: Difference, id: string): MarkResult {
  const there = draft.phrases.filter(
    (phrase) => overlaps(phrase.chosen, difference.chosen) || overlaps(phrase.rejected, difference.rejected),
  );
  const [first] = there;
  if (there.length === 1 && first?.origin === 'proposed')
    return { draft: confirm(draft, first.id), id: first.id };
  if (first)
    return { refused: `Phrase ${first.number} already covers this. Remove it first to mark it anew.` };
  const phrase: DraftPhrase = {
    id,
    number: freeNumber(draft),
    origin: 'person',
    kind: null,
    chosen: difference.chosen,
    rejected: difference.rejected,
    last: {},
  };
  return { draft: { ...draft, phrases: [...draft.phrases, phrase] }, id };
}

/**
 * Marks a selection on one side. While `active` has nothing (or lost its text) on that side, the selection becomes its
 * missing half; otherwise a new phrase begins.
 */
export function markSelection(
  draft: Draft,
  side: Side,
  range: Range,
  active: string | null,
  id: string,
): MarkResult {
  if (range.from === range.to) return { refused: 'Select some text first.' };
  const open = draft.phrases.find(
    (phrase) => phrase.id === active && (phrase[side] === null || isLost(phrase[side])),
  );
  const inTheWay = phrasesUnder(draft, side, range).find((phrase) => phrase.id !== open?.id);
  if (inTheWay)
    return { refused: `Phrase ${inTheWay.number} already covers a part of this. Remove it first.` };
  if (open) return { draft: change(draft, open.id, { [side]: range, origin: 'person' }), id: open.id };
  const phrase: DraftPhrase = {
    id,
    number: freeNumber(draft),
    origin: 'person',
    kind: null,
    chosen: side === 'chosen' ? range : null,
    rejected: side === 'rejected' ? range : null,
    last: {},
  };
  return { draft: { ...draft, phrases: [...draft.phrases, phrase] }, id };
}

/** Says what a difference is about, or takes that back. Who classifies a proposal has looked at it. */
export function withKind(draft: Draft, id: string, kind: PhraseKind | null): Draft {
  return change(draft, id, { kind, origin: 'person' });
}

/** A person has looked at a proposal and keeps it. */
export function confirm(draft: Draft, id: string): Draft {
  return change(draft, id, { origin: 'person' });
}

export function remove(draft: Draft, id: string): Draft {
  return { ...draft, phrases: draft.phrases.filter((phrase) => phrase.id !== id) };
}

function change(draft: Draft, id: string, patch: Partial<DraftPhrase>): Draft {
  return {
    ...draft,
    phrases: draft.phrases.map((phrase) => (phrase.id === id ? { ...phrase, ...patch } : phrase)),
  };
}

/** Adds proposals where nothing is marked yet. */
export function withProposals(draft: Draft, proposals: readonly Phrase[], newId: () => string): Draft {
  return proposals.reduce<Draft>((result, proposal) => {
    const chosen = proposal.chosen && fromSpan(result.chosen, proposal.chosen);
    const rejected = proposal.rejected && fromSpan(result.rejected, proposal.rejected);
    const taken = result.phrases.some(
      (phrase) => overlaps(phrase.chosen, chosen) || overlaps(phrase.rejected, rejected),
    );
    if (taken) return result;
    const phrase: DraftPhrase = {
      id: newId(),
      number: freeNumber(result),
      origin: 'proposed',
      kind: null,
      chosen,
      rejected,
      last: {},
    };
    return { ...result, phrases: [...result.phrases, phrase] };
  }, draft);
}
