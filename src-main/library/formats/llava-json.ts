/**
 * @file LLaVA files: a list of `{id, video, conversations: [{from: 'human', value}, {from: 'gpt', value}]}`. A conversation of several
 * questions gives one row per question. A wrong answer may stand beside it as `rejected`.
 */
import { firstJsonRow } from '../text/json-rows.ts';
import {
  asObject,
  EXTENSION_KEY,
  filled,
  importRow,
  kindOf,
  optionalText,
  readExtension,
  stripMediaMarker,
  text,
  type JsonObject,
} from './fields.ts';
import { asIs, extraOf, questionSlot, type Form } from './form.ts';
import { RowError, type ExportRow, type Format, type ReadOptions, type ReadRow } from './format.ts';
import { jsonFields, readRows, renamed, writeList, type Keys } from './json-format.ts';
import {
  objectOfParts,
  partExtra,
  partForm,
  partId,
  rowsOfParts,
  together,
  type PartsLayout,
} from './parts.ts';

const ID = 'llava-json';

const KEYS: Keys = {
  video: ['video', 'media_path'],
  rejected: ['rejected'],
  source: ['data_source', 'source'],
  id: ['id'],
};
const FIXED = {
  conversations: 'questions (human) and preferred answers (gpt)',
  [EXTENSION_KEY]: 'type, split, phrases, provenance',
};

const USUAL: Form = {
  id: { $: 'id' },
  data_source: { $: 'source' },
  video: { $: 'video' },
  conversations: [
    { from: 'human', value: { $: 'question', before: '<image>\n' } },
    { from: 'gpt', value: { $: 'chosen' } },
  ],
};
const USUAL_PAIR: Form = { ...USUAL, rejected: { $: 'rejected' } };

export const llavaJson: Format = {
  id: ID,
  name: 'LLaVA conversations JSON',

  detect(head) {
    const first = firstJsonRow(head.text) as JsonObject | undefined | null;
    const value = Array.isArray(first?.conversations);
    return {
      value,
      reason: value
        ? 'its first row has a list "conversations"'
        : 'its first row has no list "conversations"',
    };
  },

  fields: (head, mapping) => jsonFields(head, KEYS, ['video'], FIXED, mapping),

  read: (chunks, options = {}) => readRows(chunks, options, (line, value) => toRows(line, value, options)),

  *write(rows) {
    yield* writeList(whole(together(rows, ID)), (run) => objectOfParts(run, LAYOUT));
  },
};

/** A conversation can hold one wrong answer only: one with more is written question by question. */
function* whole(runs: Iterable<ExportRow[]>): Generator<ExportRow[]> {
  for (const run of runs)
    if (run.length > 1 && run.some((row) => row.rejected !== null)) for (const row of run) yield [row];
    else yield run;
}

const LAYOUT: PartsLayout = {
  format: ID,
  usual: (row) => (row.rejected === null ? USUAL : USUAL_PAIR),
  id: 'id',
  lists: ['conversations'],
};

const HUMAN = new Set(['human', 'user']);
const MODEL = new Set(['gpt', 'assistant', 'model']);
const SYSTEM = 'system';

/** One row per question and answer. */
function toRows(line: number, value: unknown, { mapping }: ReadOptions): Generator<ReadRow> {
  return rowsOfParts(
    line,
    value,
    ({ conversations }) => pairUp(conversations),
    (original, exchange, part) => {
      const [, k, count] = part;
      const object = renamed(original, KEYS, mapping);
      const extension = readExtension(object, k, count);
      const rejected = count === 1 ? optionalText(object, 'rejected') : null;
      const question = filled(stripMediaMarker(exchange.question), 'conversations');
      const row = importRow({
        video: filled(text(object, 'video', 'media_path'), 'video'),
        question,
        chosen: filled(exchange.answer, 'conversations'),
        rejected: rejected === '' ? null : rejected,
        phrases: extension.phrases && rejected ? { phrases: extension.phrases } : null,
        type: extension.type ?? null,
        split: extension.split ?? null,
        source: optionalText(object, 'data_source', 'source'),
        externalId: partId(optionalText(object, 'id'), part),
        provenance: extension.provenance ?? null,
        extra: partExtra(extension.extra, part),
      });
      const turns = exchange.turns.map((turn) => turnForm(turn, question, exchange.answer));
      const form = partForm(original, KEYS, mapping, { conversations: turns }, part);
      return { ...row, extra: extraOf(ID, form, USUAL_PAIR, row) };
    },
  );
}

/** A question and its answer; `turns`: both as they are in the file, with the system's before them. */
type Exchange = { question: string; answer: string; turns: JsonObject[] };

function turnForm(turn: JsonObject, question: string, answer: string): Form {
  const human = HUMAN.has(speaker(turn));
  const said = turn.value === undefined ? 'content' : 'value';
  return Object.fromEntries(
    Object.entries(turn).map(([key, value]) => {
      if (key !== said || SYSTEM === speaker(turn)) return [key, asIs(value)];
      return [key, human ? questionSlot(value, question) : value === answer ? { $: 'chosen' } : asIs(value)];
    }),
  );
}

const speaker = (turn: JsonObject): string => text(turn, 'from', 'role');

function pairUp(conversations: unknown): Exchange[] {
  if (!Array.isArray(conversations))
    throw new RowError(`missing key "conversations": expected a list of turns, got ${kindOf(conversations)}`);
  const out: Exchange[] = [];
  let question: string | null = null;
  let turns: JsonObject[] = [];
  for (const [i, item] of conversations.entries()) {
    const turn = asObject(item, `conversations[${i}]`);
    const from = speaker(turn);
    const said = text(turn, 'value', 'content');
    turns.push(turn);
    if (HUMAN.has(from)) {
      if (question !== null)
        throw new RowError(`conversations[${i}]: expected an answer, got another question`);
      question = said;
    } else if (MODEL.has(from)) {
      if (question === null) throw new RowError(`conversations[${i}]: expected a question before the answer`);
      out.push({ question, answer: said, turns });
      question = null;
      turns = [];
    } else if (from !== SYSTEM)
      throw new RowError(`conversations[${i}]: expected "from" to be human or gpt, got ${kindOf(from)}`);
  }
  if (out.length === 0) throw new RowError('"conversations": expected a question and an answer, got none');
  // A question without an answer at the end asks nothing; it goes with what is before it.
  out.at(-1)!.turns.push(...turns);
  return out;
}
