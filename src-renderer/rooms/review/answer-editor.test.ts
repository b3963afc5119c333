/** @file The editor's state without a screen: marks through typing, several changes at once, undo, foreign line ends. */
import { undo } from '@codemirror/commands';
import type { EditorState, TransactionSpec } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { answerState, rangesField, setRanges } from './answer-editor.ts';

const hooks = { label: '', testId: '', onEdit: () => {}, onSelect: () => {}, onFocus: () => {} };
const start = (text: string, ...ranges: [string, number, number][]): EditorState =>
  answerState(text, new Map(ranges.map(([id, from, to]) => [id, { from, to }])), hooks);
const edit = (state: EditorState, spec: TransactionSpec): EditorState => state.update(spec).state;
const quote = (state: EditorState, id: string): string => {
  const range = state.field(rangesField).get(id)!;
  return state.sliceDoc(range.from, range.to);
};
function undone(state: EditorState): EditorState {
  let result = state;
  undo({ state, dispatch: (transaction) => (result = transaction.state) });
  return result;
}

describe('answerState', () => {
  it('moves and grows marks with typing', () => {
    let state = start('The red ball.', ['a', 4, 7]);
    state = edit(state, { changes: { from: 0, insert: 'Look: ' } });
    state = edit(state, { changes: { from: 13, insert: 'd' } });
    expect(quote(state, 'a')).toBe('redd');
  });
  it('applies several changes of one transaction', () => {
    const state = edit(start('a red ball and a red cube', ['x', 2, 5], ['y', 17, 20]), {
      changes: [
        { from: 2, to: 5, insert: 'crimson' },
        { from: 17, to: 20, insert: 'green' },
      ],
    });
    expect([quote(state, 'x'), quote(state, 'y')]).toEqual(['crimson', 'green']);
  });
  it('brings a lost mark back when the edit is undone', () => {
    const state = start('The red ball moves.', ['a', 4, 7]);
    const cut = edit(state, { changes: { from: 0, to: 12 } });
    expect(quote(cut, 'a')).toBe('');
    expect(quote(undone(cut), 'a')).toBe('red');
  });
  it('does not bring back a phrase that was deleted meanwhile', () => {
    const cut = edit(start('The red ball.', ['a', 4, 7], ['b', 8, 12]), { changes: { from: 4, to: 7 } });
    const without = edit(cut, { effects: setRanges.of(new Map([['b', { from: 5, to: 9 }]])) });
    expect([...undone(without).field(rangesField).keys()]).toEqual(['b']);
  });
  it('keeps carriage returns, so that offsets stay those of the stored text', () => {
    const text = 'one\r\ntwo';
    expect(start(text).doc.toString()).toBe(text);
    expect(start(text).doc.length).toBe(text.length);
  });
});
