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
import { RowError, rowOrError, type Format, type ReadRow } from './format.ts';
import { mappingOf, readRows, writeList } from './json-format.ts';

const FIELDS: Record<string, string> = {
  video: 'video',
  QA: 'question (q) and preferred answer (a)',
  QA_NEG: 'non-preferred answer (a)',
  src: 'source',
  sample_id: 'id in the file',
  [EXTENSION_KEY]: 'type, split, phrases, provenance',
};

export const videochat2Json: Format = {
  id: 'videochat2-json',
  name: 'VideoChat2 JSON',

  detect(head) {
    const first = firstJsonRow(head.text) as JsonObject | undefined | null;
    const value = Array.isArray(first?.QA);
    return { value, reason: value ? 'its first row has a list "QA"' : 'its first row has no list "QA"' };
  },

  mapping: (head) => mappingOf(FIELDS, head),

  read: (chunks) => readRows(chunks, toRows),

  write: (rows) =>
    writeList(rows, (row) => {
      const instruction = typeof row.extra.instruction === 'string' ? { i: row.extra.instruction } : {};
      return {
        video: row.video,
        QA: [{ ...instruction, q: row.question, a: row.chosen }],
        ...(row.rejected === null ? {} : { QA_NEG: [{ ...instruction, q: row.question, a: row.rejected }] }),
        sample_id: row.externalId,
        src: row.source,
        [EXTENSION_KEY]: writeExtension(row),
      };
    }),
};

/** Every question of one object; a bad one costs itself only. */
function* toRows(line: number, value: unknown): Generator<ReadRow> {
  let object: JsonObject;
  let questions: unknown[];
  let wrong: unknown[];
  try {
    object = asObject(value);
    questions = list(object, 'QA') ?? [];
    wrong = list(object, 'QA_NEG') ?? [];
    if (questions.length === 0) throw new RowError('missing key "QA": expected a list of {q, a}');
    if (wrong.length > 0 && wrong.length !== questions.length)
      throw new RowError(`"QA_NEG": expected ${questions.length} answers as in "QA", got ${wrong.length}`);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    yield { line, error: error.message };
    return;
  }
  for (let k = 0; k < questions.length; k++) {
    yield rowOrError(line, () => {
      const qa = asObject(questions[k], `QA[${k}]`);
      const negative = wrong.length > 0 ? asObject(wrong[k], `QA_NEG[${k}]`) : null;
      const extension = readExtension(object);
      const instruction = optionalText(qa, 'i');
      const question = filled(stripMediaMarker(text(qa, 'q')), `QA[${k}].q`);
      if (negative && stripMediaMarker(optionalText(negative, 'q') ?? question) !== question)
        throw new RowError(`"QA_NEG[${k}].q": expected the question of "QA[${k}]", got another one`);
      const id = optionalText(object, 'sample_id');
      return importRow({
        video: filled(text(object, 'video', 'media_path'), 'video'),
        question,
        chosen: filled(text(qa, 'a'), `QA[${k}].a`),
        rejected: negative ? text(negative, 'a') || null : null,
        phrases: extension.phrases && questions.length === 1 ? { phrases: extension.phrases } : null,
        type: extension.type ?? null,
        split: extension.split ?? null,
        source: optionalText(object, 'src'),
        externalId: id !== null && questions.length > 1 ? `${id}/${k}` : id,
        provenance: extension.provenance ?? null,
        extra: { ...extension.extra, ...(instruction === null ? {} : { instruction }) },
      });
    });
  }
}

function list(object: JsonObject, key: string): unknown[] | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) throw new RowError(`"${key}": expected a list, got ${kindOf(value)}`);
  return value as unknown[];
}
