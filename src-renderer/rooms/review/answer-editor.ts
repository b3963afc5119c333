/**
 * @file One answer in CodeMirror: marks as ranges that follow every edit and every undo, differences as underlines,
 * both drawn as decorations. The editor owns the ranges while typing goes on; the room owns which phrases exist.
 */
import { history, invertedEffects, redo, standardKeymap, undo } from '@codemirror/commands';
import {
  EditorSelection,
  EditorState,
  Prec,
  StateEffect,
  StateField,
  type Extension,
  type Transaction,
} from '@codemirror/state';
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightSpecialChars,
  keymap,
  WidgetType,
  type DecorationSet,
} from '@codemirror/view';
import { mapRanges, type Range, type TextChange } from '../../composables/marks.ts';
import { ANSWER_LIMIT } from '../../../src-main/contract/text.ts';
import { count } from '../../composables/format.ts';
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
    if (transaction.docChanged && ranges.size > 0) {
      let text = transaction.startState.doc.toString();
      for (const change of changesOf(transaction)) {
        next = mapRanges(next, change, text);
        text = text.slice(0, change.from) + change.insert + text.slice(change.to);
      }
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

/**
 * Pasted or dropped text as an answer can hold it: line ends become "\n", control characters and half characters are left
 * out. `left` says what, for the person; null when nothing was.
 */
export function pastable(text: string): { text: string; left: string | null } {
  const lines = text.replace(/\r\n?/g, '\n');
  // eslint-disable-next-line no-control-regex -- these are the characters meant
  const visible = lines.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '');
  const whole = visible.isWellFormed() ? visible : [...visible].filter((c) => c.isWellFormed()).join('');
  const gone = lines.length - whole.length;
  return {
    text: whole,
    left:
      gone === 0
        ? null
        : `${gone} control or broken ${gone === 1 ? 'character was' : 'characters were'} left out of the pasted text: no tokenizer reads them as text.`,
  };
}

/** Why an edit cannot be taken, or null. */
function refusal(transaction: Transaction): string | null {
  if (!transaction.docChanged) return null;
  const { length } = transaction.newDoc;
  if (length > ANSWER_LIMIT && length > transaction.startState.doc.length)
    return (
      `This would make the answer ${count(length)} characters long, and ${count(ANSWER_LIMIT)} are the limit: no ` +
      'supported model reads more. Nothing was changed; pasted text is still in the clipboard.'
    );
  const { doc } = transaction.startState;
  /** Is this place between the two halves of a character outside the BMP? */
  const cuts = (at: number): boolean =>
    /^[\ud800-\udbff][\udc00-\udfff]$/.test(doc.sliceString(Math.max(0, at - 1), at + 1));
  const broken = changesOf(transaction).some(
    ({ from, to, insert }) => !insert.isWellFormed() || cuts(from) || cuts(to),
  );
  return broken
    ? 'This would leave half a character (an unpaired surrogate), which cannot be stored. Nothing was changed.'
    : null;
}

/** What the room may ask of a mounted editor. */
export interface EditorHandle {
  /** Puts these marks in place of the present ones. */
  setRanges: (ranges: Ranges) => void;
  clearSelection: () => void;
  /** Scrolls a position (UTF-16) into view. */
  show: (position: number) => void;
  focus: () => void;
  /** Takes back typing that never reached the journal, while there is no line to it; false when there is none. */
  travelAlone: (direction: 'undo' | 'redo') => boolean;
}

export interface EditorHooks {
  readonly label: string;
  readonly testId: string;
  /** The person typed, or undid typing. */
  onEdit: (text: string, ranges: Ranges) => void;
  /** The selection changed; the range is empty when nothing is selected. */
  onSelect: (range: Range) => void;
  onFocus: () => void;
  /** Escape: the person is done typing. */
  onLeave: () => void;
  /** The browser's own undo or redo, of its menu. Undo goes through the pair's journal, in one order for all it holds. */
  onTravel: (direction: 'undo' | 'redo') => void;
  /** Something to tell about what was typed or pasted. */
  onNote: (message: string) => void;
}

function extensions(hooks: EditorHooks): Extension[] {
  return [
    // Only "\n" ends a line: any other convention would shift every offset.
    EditorState.lineSeparator.of('\n'),
    EditorView.lineWrapping,
    EditorView.perLineTextDirection.of(true),
    drawSelection(),
    highlightSpecialChars({ addSpecialChars: /[\u202a-\u202c\u2060\u2068]/ }),
    Prec.highest(
      EditorView.domEventHandlers({
        beforeinput(event) {
          const direction =
            event.inputType === 'historyUndo' ? 'undo' : event.inputType === 'historyRedo' ? 'redo' : null;
          if (!direction) return false;
          event.preventDefault();
          hooks.onTravel(direction);
          return true;
        },
      }),
    ),
    EditorView.clipboardInputFilter.of((pasted) => {
      const { text, left } = pastable(pasted);
      if (left) hooks.onNote(left);
      return text;
    }),
    EditorState.transactionFilter.of((transaction) => {
      const why = refusal(transaction);
      if (why) hooks.onNote(why);
      return why ? [] : transaction;
    }),
    // Only for typing that cannot reach the journal: see `travelAlone`.
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
        run: () => {
          hooks.onLeave();
          return true;
        },
      },
      // Ctrl+Enter accepts the pair; it must not break the line as well.
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

/** Takes back, or makes again, one step of the editor's own typing; false when there is none. */
export function travelAlone(view: EditorView, direction: 'undo' | 'redo'): boolean {
  return (direction === 'undo' ? undo : redo)(view);
}

/** Where a caret of `before` belongs in `after`: at its place, or behind the part that changed. */
export function caretAfter(before: string, after: string, caret: number): number {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  if (caret <= head) return caret;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  if (caret >= before.length - tail) return caret + after.length - before.length;
  // Two characters outside the BMP may share their second half: the caret goes behind the whole one.
  const at = after.length - tail;
  return /[\udc00-\udfff]/.test(after[at] ?? '') ? at + 1 : at;
}

/** A fresh state: text, ranges, caret (UTF-16), empty undo history. */
export function answerState(text: string, ranges: Ranges, hooks: EditorHooks, caret = 0): EditorState {
  return EditorState.create({
    doc: text,
    selection: EditorSelection.single(caret),
    extensions: [extensions(hooks), rangesField.init(() => ranges)],
  });
}
