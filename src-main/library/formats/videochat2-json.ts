/**
 * @file VideoChat2 files: a list of `{video, QA: [{i?, q, a}], QA_NEG: [{i?, q, a}], sample_id}`. Answer k of `QA_NEG` is the wrong
 * answer to question k of `QA`. No tags: the official trainer finds the differences itself, so they are proposed here.
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
import { RowError, type Format, type ReadOptions, type ReadRow } from './format.ts';
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

const ID = 'videochat2-json';

const KEYS: Keys = { video: ['video', 'media_path'], source: ['src'], id: ['sample_id'] };
const FIXED = {
  QA: 'question (q) and preferred answer (a)',
  QA_NEG: 'non-preferred answer (a)',
  [EXTENSION_KEY]: 'type, split, phrases, provenance',
};

const WRONG = { q: { $: 'question' }, a: { $: 'rejected' } };
const USUAL: Form = {
  video: { $: 'video' },
  QA: [{ q: { $: 'question' }, a: { $: 'chosen' } }],
  sample_id: { $: 'id' },
  src: { $: 'source' },
};
const USUAL_PAIR: Form = { ...USUAL, QA_NEG: [WRONG] };

export const videochat2Json: Format = {
  id: ID,
  name: 'VideoChat2 JSON',

  detect(head) {
    const first = firstJsonRow(head.text) as JsonObject | undefined | null;
    const value = Array.isArray(first?.QA);
    return { value, reason: value ? 'its first row has a list "QA"' : 'its first row has no list "QA"' };
  },

  fields: (head, mapping) => jsonFields(head, KEYS, ['video'], FIXED, mapping),

  read: (chunks, options = {}) => readRows(chunks, options, (line, value) => toRows(line, value, options)),

  write: (rows) => writeList(together(rows, ID), (run) => objectOfParts(run, LAYOUT)),
};

const LAYOUT: PartsLayout = {
  format: ID,
  usual: (row) => (row.rejected === null ? USUAL : USUAL_PAIR),
  id: 'sample_id',
  lists: ['QA', 'QA_NEG'],
};

/** A question with its answer, and the same with the wrong answer (undefined: there is none), as they are in the file. */
type Exchange = { qa: unknown; wrong: unknown };

/** One row per question. */
function toRows(line: number, value: unknown, { mapping }: ReadOptions): Generator<ReadRow> {
  return rowsOfParts(line, value, exchanges, (original, exchange, part) => {
    const [, k, count] = part;
    const object = renamed(original, KEYS, mapping);
    const qa = asObject(exchange.qa, `QA[${k}]`);
    const negative = exchange.wrong === undefined ? null : asObject(exchange.wrong, `QA_NEG[${k}]`);
    const extension = readExtension(object, k, count);
    const question = filled(stripMediaMarker(text(qa, 'q')), `QA[${k}].q`);
    if (negative && stripMediaMarker(optionalText(negative, 'q') ?? question) !== question)
      throw new RowError(`"QA_NEG[${k}].q": expected the question of "QA[${k}]", got another one`);
    const row = importRow({
      video: filled(text(object, 'video', 'media_path'), 'video'),
      question,
      chosen: filled(text(qa, 'a'), `QA[${k}].a`),
      rejected: negative ? text(negative, 'a') || null : null,
      phrases: extension.phrases ? { phrases: extension.phrases } : null,
      type: extension.type ?? null,
      split: extension.split ?? null,
      source: optionalText(object, 'src'),
      externalId: partId(optionalText(object, 'sample_id'), part),
      provenance: extension.provenance ?? null,
      extra: partExtra(extension.extra, part),
    });
    const turn = (written: JsonObject, answer: 'chosen' | 'rejected'): Form =>
      Object.fromEntries(
        Object.entries(written).map(([key, said]) => [
          key,
          key === 'q' ? questionSlot(said, question) : key === 'a' ? { $: answer } : asIs(said),
        ]),
      );
    const own = { QA: [turn(qa, 'chosen')], ...(negative ? { QA_NEG: [turn(negative, 'rejected')] } : {}) };
    const form = partForm(original, KEYS, mapping, own, part);
    return { ...row, extra: extraOf(ID, form, USUAL_PAIR, row) };
  });
}

function exchanges(object: JsonObject): Exchange[] {
  const questions = list(object, 'QA') ?? [];
  const wrong = list(object, 'QA_NEG') ?? [];
  if (questions.length === 0) throw new RowError('missing key "QA": expected a list of {q, a}');
  if (wrong.length > 0 && wrong.length !== questions.length)
    throw new RowError(`"QA_NEG": expected ${questions.length} answers as in "QA", got ${wrong.length}`);
  return questions.map((qa, k) => ({ qa, wrong: wrong[k] }));
}

function list(object: JsonObject, key: string): unknown[] | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) throw new RowError(`"${key}": expected a list, got ${kindOf(value)}`);
  return value as unknown[];
}
