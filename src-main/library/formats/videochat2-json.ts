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
  writeExtension,
  type JsonObject,
} from './fields.ts';
import { asIs, extraOf, fieldSlot, fill, ownForm, questionSlot, together, type Form } from './form.ts';
import {
  RowError,
  rowOrError,
  type ExportRow,
  type Format,
  type ReadOptions,
  type ReadRow,
} from './format.ts';
import { fieldNamed, jsonFields, readRows, renamed, writeList, type Keys } from './json-format.ts';

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

  write: (rows) => writeList(together(rows, ID), toObject),
};

/** One object of one row, or of all the rows that came in one. */
function toObject(run: ExportRow[]): object {
  const objects = run.map((row) => ({
    ...fill(row.rejected === null ? USUAL : USUAL_PAIR, row),
    ...fill(ownForm(row, ID) ?? {}, row),
    [EXTENSION_KEY]: writeExtension(row, ID),
  })) as unknown as { QA: unknown[]; QA_NEG?: unknown[] }[];
  const [row] = run;
  if (run.length === 1)
    // One of several questions stands alone under its own id.
    return row.extra.part ? { ...objects[0], sample_id: row.externalId } : objects[0];
  const all = (key: 'QA' | 'QA_NEG'): unknown[] => objects.flatMap((object) => object[key] ?? []);
  const wrong = all('QA_NEG');
  return {
    ...objects[0],
    QA: all('QA'),
    ...(wrong.length > 0 ? { QA_NEG: wrong } : {}),
    [EXTENSION_KEY]: { parts: run.map((part) => writeExtension(part, ID)) },
  };
}

/** Every question of one object; a bad one costs itself only. */
function* toRows(line: number, value: unknown, { mapping }: ReadOptions): Generator<ReadRow> {
  let original: JsonObject;
  let questions: unknown[];
  let wrong: unknown[];
  try {
    original = asObject(value);
    questions = list(original, 'QA') ?? [];
    wrong = list(original, 'QA_NEG') ?? [];
    if (questions.length === 0) throw new RowError('missing key "QA": expected a list of {q, a}');
    if (wrong.length > 0 && wrong.length !== questions.length)
      throw new RowError(`"QA_NEG": expected ${questions.length} answers as in "QA", got ${wrong.length}`);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    yield { line, error: error.message };
    return;
  }
  const object = renamed(original, KEYS, mapping);
  const count = questions.length;
  for (let k = 0; k < count; k++) {
    yield rowOrError(line, () => {
      const qa = asObject(questions[k], `QA[${k}]`);
      const negative = wrong.length > 0 ? asObject(wrong[k], `QA_NEG[${k}]`) : null;
      const extension = readExtension(object, k, count);
      const question = filled(stripMediaMarker(text(qa, 'q')), `QA[${k}].q`);
      if (negative && stripMediaMarker(optionalText(negative, 'q') ?? question) !== question)
        throw new RowError(`"QA_NEG[${k}].q": expected the question of "QA[${k}]", got another one`);
      const id = optionalText(object, 'sample_id');
      const row = importRow({
        video: filled(text(object, 'video', 'media_path'), 'video'),
        question,
        chosen: filled(text(qa, 'a'), `QA[${k}].a`),
        rejected: negative ? text(negative, 'a') || null : null,
        phrases: extension.phrases ? { phrases: extension.phrases } : null,
        type: extension.type ?? null,
        split: extension.split ?? null,
        source: optionalText(object, 'src'),
        externalId: id !== null && count > 1 ? `${id}/${k}` : id,
        provenance: extension.provenance ?? null,
        extra: count > 1 ? { ...extension.extra, part: [line, k, count] } : (extension.extra ?? {}),
      });
      const turn = (written: JsonObject, answer: 'chosen' | 'rejected'): Form =>
        Object.fromEntries(
          Object.entries(written).map(([key, said]) => [
            key,
            key === 'q' ? questionSlot(said, question) : key === 'a' ? { $: answer } : asIs(said),
          ]),
        );
      const form: Form = Object.fromEntries(
        Object.entries(original)
          .filter(([key]) => key !== EXTENSION_KEY)
          .map(([key, said]) => {
            if (key === 'QA') return [key, [turn(qa, 'chosen')]];
            if (key === 'QA_NEG') return [key, negative ? [turn(negative, 'rejected')] : asIs(said)];
            const field = fieldNamed(key, KEYS, mapping);
            // The rows of one object share its id.
            const mine = field && (field === 'video' || count === 1);
            return [key, mine ? fieldSlot(field, said) : asIs(said)];
          }),
      );
      return { ...row, extra: extraOf(ID, form, USUAL_PAIR, row) };
    });
  }
}

function list(object: JsonObject, key: string): unknown[] | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) throw new RowError(`"${key}": expected a list, got ${kindOf(value)}`);
  return value as unknown[];
}
