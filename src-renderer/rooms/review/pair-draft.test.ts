/** @file Moves on a pair: marking, completing, refusing overlaps, proposals, edits, and the way to the server and back. */
import { describe, expect, it } from 'vitest';
import { differences } from '../../composables/word-diff.ts';
import {
  fromPair,
  markDifference,
  markSelection,
  quoteOf,
  remove,
  sameAsStored,
  toPhrases,
  withEdit,
  withKind,
  withProposals,
  type Draft,
} from './pair-draft.ts';

const empty: Draft = {
  chosen: '🎈 The red ball moves left.',
  rejected: '🎈 The blue ball moves right.',
  phrases: [],
};
const diffs = differences(empty.chosen, empty.rejected);
const marked = (draft: Draft, index: number, id: string): Draft => {
  const result = markDifference(draft, diffs[index], id);
  if ('refused' in result) throw new Error(result.refused);
  return result.draft;
};

describe('marking', () => {
  it('numbers phrases and reuses a freed number', () => {
    const two = marked(marked(empty, 0, 'a'), 1, 'b');
    expect(
      two.phrases.map((p) => [p.number, quoteOf(two, p, 'chosen'), quoteOf(two, p, 'rejected')]),
    ).toEqual([
      [1, 'red', 'blue'],
      [2, 'left', 'right'],
    ]);
    const again = marked(remove(two, 'a'), 0, 'c');
    expect(again.phrases.map((p) => p.number)).toEqual([2, 1]);
  });
  it('refuses to mark the same words twice', () => {
    const one = marked(empty, 0, 'a');
    expect(markDifference(one, diffs[0], 'x')).toEqual({
      refused: 'Phrase 1 already covers this. Remove it first to mark it anew.',
    });
    expect(markSelection(one, 'chosen', { from: 5, to: 9 }, null, 'x')).toHaveProperty('refused');
  });
  it('completes the open half of the active phrase', () => {
    const at = empty.chosen.indexOf('ball');
    const half = markSelection(empty, 'chosen', { from: at, to: at + 4 }, null, 'a');
    if (!('draft' in half)) throw new Error('refused');
    const other = empty.rejected.indexOf('ball');
    const whole = markSelection(half.draft, 'rejected', { from: other, to: other + 4 }, 'a', 'b');
    if (!('draft' in whole)) throw new Error('refused');
    expect(whole.draft.phrases).toHaveLength(1);
    expect(quoteOf(whole.draft, whole.draft.phrases[0], 'rejected')).toBe('ball');
  });
});

describe('proposals', () => {
  const proposals = toPhrases(marked(marked(empty, 0, 'a'), 1, 'b'));
  it("fill what is not marked, look proposed, and become the person's by marking", () => {
    let n = 0;
    const mixed = withProposals(marked(empty, 0, 'mine'), proposals, () => `new${n++}`);
    expect(mixed.phrases.map((p) => [p.number, p.origin])).toEqual([
      [1, 'person'],
      [2, 'proposed'],
    ]);
    expect(marked(mixed, 1, 'x').phrases.map((p) => p.origin)).toEqual(['person', 'person']);
  });
  it('are touched by an edit inside them, not by one elsewhere', () => {
    const draft = withProposals(empty, proposals, () => Math.random().toString());
    const [first] = draft.phrases;
    const moved = withEdit(draft, 'chosen', `X ${draft.chosen}`, new Map([[first.id, { from: 9, to: 12 }]]));
    expect(quoteOf(moved, moved.phrases[0], 'chosen')).toBe('red');
    expect(moved.phrases[0].origin).toBe('proposed');
    const changed = withEdit(
      draft,
      'chosen',
      draft.chosen.replace('red', 'rd'),
      new Map([[first.id, { from: 7, to: 9 }]]),
    );
    expect(changed.phrases[0].origin).toBe('person');
  });
});

describe('kinds', () => {
  it('are stored where somebody has said one, and make a proposal the person’s own', () => {
    const proposed = withProposals(empty, toPhrases(marked(empty, 0, 'a')), () => 'p');
    expect(toPhrases(proposed)[0]).not.toHaveProperty('kind');
    const counted = withKind(proposed, 'p', 'count');
    expect(toPhrases(counted)[0]).toMatchObject({ kind: 'count', origin: 'person' });
    const stored = { chosen: counted.chosen, rejected: counted.rejected, phrases: toPhrases(counted) };
    expect(fromPair(stored).phrases[0].kind).toBe('count');
    expect(sameAsStored(withKind(counted, 'p', 'time'), stored)).toBe(false);
    expect(toPhrases(withKind(counted, 'p', null))[0]).not.toHaveProperty('kind');
  });
});

describe('the border', () => {
  it('sends code points and reads them back', () => {
    const draft = marked(marked(empty, 0, 'a'), 1, 'b');
    const phrases = toPhrases(draft);
    expect(phrases[0].chosen).toEqual({ start: 6, end: 9, quote: 'red' });
    const stored = { chosen: draft.chosen, rejected: draft.rejected, phrases };
    expect(fromPair(stored).phrases[1].rejected).toEqual(draft.phrases[1].rejected);
    expect(sameAsStored(draft, stored)).toBe(true);
    expect(sameAsStored(remove(draft, 'a'), stored)).toBe(false);
  });
  it('keeps a lost mark, with an empty quote, and remembers its words', () => {
    const draft = marked(empty, 0, 'a');
    const named = withEdit(draft, 'chosen', draft.chosen, new Map([['a', { from: 7, to: 10 }]]));
    const cut = withEdit(named, 'chosen', '', new Map([['a', { from: 0, to: 0 }]]));
    expect(toPhrases(cut)[0].chosen).toEqual({ start: 0, end: 0, quote: '' });
    expect(cut.phrases[0].last.chosen).toBe('red');
  });
});
