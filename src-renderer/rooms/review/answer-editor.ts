/**
 * @file One answer in CodeMirror: marks as ranges that follow every edit and every undo, differences as underlines,
 * both drawn as decorations. The editor owns the ranges while typing goes on; the room owns which phrases exist.
 */
import { history, historyKeymap, invertedEffects, standardKeymap } from '@codemirror/commands';
import { EditorState, StateEffect, StateField, type Extension, type Transaction } from '@codemirror/state';
import {
  Decoration,
  drawSelection,
  EditorView,
  keymap,
  WidgetType,
  type DecorationSet,
} from '@codemirror/view';
import { mapRange, type Range, type TextChange } from '../../composables/marks.ts';
import { phraseColour } from '../../theme.ts';

/** Phrase id -> its range on this side. */
export type Ranges = ReadonlyMap<string, Range>;

export interface PhraseLook {
  readonly number: number;
  readonly proposed: boolean;
  readonly active: boolean;
}
/** How things are to be drawn; ranges of differences are in the current text. */
export interface Look {
  readonly phrases: ReadonlyMap<string, PhraseLook>;
  readonly differences: readonly { range: Range | null; at: number; current: boolean }[];
}

/** Puts these ranges in place of all others. */
export const setRanges = StateEffect.define<Ranges>();
/** Undo of an edit: the ranges as they were, for phrases that still exist. */
const restoreRanges = StateEffect.define<Ranges>();
export const setLook = StateEffect.define<Look>();

/** The changes of a transaction, last first, so that each one's offsets hold when it is applied. */
function changesOf(transaction: Transaction): TextChange[] {
  const list: TextChange[] = [];
  transaction.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
    list.unshift({ from, to, insert: inserted.toString() });
  });
  return list;
}

export const rangesField = StateField.define<Ranges>({
  create: () => new Map(),
  update(ranges, transaction) {
    let next = ranges;
    if (transaction.docChanged) {
      const text = transaction.startState.doc.toString();
      const changes = changesOf(transaction);
      next = new Map(
        [...ranges].map(([id, range]) => [
          id,
          changes.reduce((at, change) => mapRange(at, change, text), range),
        ]),
      );
    }
    for (const effect of transaction.effects) {
      if (effect.is(setRanges)) next = effect.value;
      if (effect.is(restoreRanges))
        next = new Map([...next].map(([id, range]) => [id, effect.value.get(id) ?? range]));
    }
    return next;
  },
});

const lookField = StateField.define<Look>({
  create: () => ({ phrases: new Map(), differences: [] }),
  update(look, transaction) {
    for (const effect of transaction.effects) if (effect.is(setLook)) return effect.value;
    if (!transaction.docChanged) return look;
    // Until the room has compared the texts again, the old differences move along.
    const at = (position: number): number =>
      transaction.changes.mapPos(Math.min(position, transaction.startState.doc.length));
    return {
      ...look,
      differences: look.differences.map((difference) => ({
        ...difference,
        at: at(difference.at),
        range: difference.range && { from: at(difference.range.from), to: at(difference.range.to) },
      })),
    };
  },
});

class Badge extends WidgetType {
  readonly number: number;
  readonly proposed: boolean;
  readonly lost: boolean;
  constructor(number: number, proposed: boolean, lost: boolean) {
    super();
    this.number = number;
    this.proposed = proposed;
    this.lost = lost;
  }
  override eq(other: Badge): boolean {
    return other.number === this.number && other.proposed === this.proposed && other.lost === this.lost;
  }
  override toDOM(): HTMLElement {
    const badge = document.createElement('span');
    badge.className = `cm-badge p${phraseColour(this.number)}${this.proposed ? ' proposed' : ''}${this.lost ? ' lost' : ''}`;
    badge.textContent = this.lost ? `${this.number} lost` : String(this.number);
    badge.title = this.lost ? `Phrase ${this.number} lost its text here` : `Phrase ${this.number}`;
    badge.setAttribute('aria-hidden', 'true');
    return badge;
  }
}

class Gap extends WidgetType {
  override eq(): boolean {
    return true;
  }
  override toDOM(): HTMLElement {
    const gap = document.createElement('span');
    gap.className = 'cm-gap';
    gap.title = 'The other answer has text here';
    gap.setAttribute('aria-hidden', 'true');
    return gap;
  }
}

function decorate(state: EditorState): DecorationSet {
  const look = state.field(lookField);
  const length = state.doc.length;
  const list = [];
  for (const { range, at, current } of look.differences) {
    if (range && range.from < range.to && range.to <= length)
      list.push(
        Decoration.mark({ class: current ? 'cm-difference current' : 'cm-difference' }).range(
          range.from,
          range.to,
        ),
      );
    else if (!range && current && at <= length)
      list.push(Decoration.widget({ widget: new Gap(), side: 1 }).range(at));
  }
  for (const [id, range] of state.field(rangesField)) {
    const phrase = look.phrases.get(id);
    if (!phrase || range.to > length) continue;
    const lost = range.from === range.to;
    list.push(
      Decoration.widget({ widget: new Badge(phrase.number, phrase.proposed, lost), side: -1 }).range(
        range.from,
      ),
    );
    if (!lost)
      list.push(
        Decoration.mark({
          class: `cm-phrase p${phraseColour(phrase.number)}${phrase.proposed ? ' proposed' : ''}${phrase.active ? ' active' : ''}`,
          attributes: { 'data-phrase': String(phrase.number) },
        }).range(range.from, range.to),
      );
  }
  return Decoration.set(list, true);
}

/** What the room may ask of a mounted editor. */
export interface EditorHandle {
  /** Puts these marks in place of the present ones. */
  setRanges: (ranges: Ranges) => void;
  clearSelection: () => void;
  /** Scrolls a position (UTF-16) into view. */
  show: (position: number) => void;
}

export interface EditorHooks {
  readonly label: string;
  readonly testId: string;
  /** The person typed, or undid typing. */
  onEdit: (text: string, ranges: Ranges) => void;
  /** The selection changed; the range is empty when nothing is selected. */
  onSelect: (range: Range) => void;
  onFocus: () => void;
}

function extensions(hooks: EditorHooks): Extension[] {
  return [
    // Only "\n" ends a line: any other convention would shift every offset.
    EditorState.lineSeparator.of('\n'),
    EditorView.lineWrapping,
    EditorView.perLineTextDirection.of(true),
    drawSelection(),
    history(),
    invertedEffects.of((transaction) =>
      transaction.docChanged ? [restoreRanges.of(transaction.startState.field(rangesField))] : [],
    ),
    rangesField,
    lookField,
    EditorView.decorations.compute([rangesField, lookField, 'doc'], decorate),
    keymap.of([
      {
        key: 'Escape',
        run: (view) => {
          view.contentDOM.blur();
          return true;
        },
      },
      // Ctrl+Enter accepts the pair; it must not break the line as well.
      ...historyKeymap,
      ...standardKeymap.filter((binding) => binding.key !== 'Mod-Enter'),
    ]),
    EditorView.contentAttributes.of({
      'aria-label': hooks.label,
      'data-testid': hooks.testId,
      spellcheck: 'false',
    }),
    EditorView.updateListener.of((update) => {
      if (update.focusChanged && update.view.hasFocus) hooks.onFocus();
      if (update.docChanged) hooks.onEdit(update.state.doc.toString(), update.state.field(rangesField));
      if (update.selectionSet || update.docChanged) {
        const { from, to } = update.state.selection.main;
        hooks.onSelect({ from, to });
      }
    }),
  ];
}

/** A fresh state: text, ranges, empty undo history. */
export function answerState(text: string, ranges: Ranges, hooks: EditorHooks): EditorState {
  return EditorState.create({
    doc: text,
    extensions: [extensions(hooks), rangesField.init(() => ranges)],
  });
}
