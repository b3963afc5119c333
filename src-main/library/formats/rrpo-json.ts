/**
 * @file The official RRPO data files: a list of `{question, answer, pred, answer_masked, pred_masked, video | media_path, src,
 * sample_id}`. The published description names the path `video`, the published loader reads `media_path`: both are
 * read, both are written.
 */
import { Provenance, QuestionType, Split } from '../../contract/schemas.ts';
import type { TextSpan } from '../../platform/tagged-text.ts';
import { firstJsonRow } from '../text/json-rows.ts';
import {
  asObject,
  choice,
  EXTENSION_KEY,
  filled,
  importRow,
  optionalText,
  readExtension,
  spansOf,
  stripMediaMarker,
  text,
  writeExtension,
  type JsonObject,
} from './fields.ts';
import { asIs, extraOf, fieldSlot, fill, ownForm, questionSlot, taggedSlot, type Form } from './form.ts';
import { sameMarks } from './marks.ts';
import {
  firstIssue,
  RowError,
  rowOrError,
  type Format,
  type ImportRow,
  type ReadOptions,
  type RowPhrases,
} from './format.ts';
import { fieldNamed, jsonFields, readRows, renamed, writeList, type Keys } from './json-format.ts';

const ID = 'rrpo-json';

const KEYS: Keys = {
  video: ['video', 'media_path'],
  question: ['question'],
  chosen: ['answer'],
  rejected: ['pred'],
  chosen_masked: ['answer_masked'],
  rejected_masked: ['pred_masked'],
  type: ['type'],
  split: ['split'],
  source: ['src'],
  id: ['sample_id'],
};
const FIXED = {
  provenance: 'how the non-preferred answer was made',
  [EXTENSION_KEY]: 'type, split, phrase numbers, provenance',
};

/** What is written for a row that came otherwise. */
const USUAL: Form = {
  sample_id: { $: 'id' },
  src: { $: 'source' },
  video: { $: 'video' },
  media_path: { $: 'video' },
  question: { $: 'question', before: '<image>\n' },
  answer: { $: 'chosen' },
  pred: { $: 'rejected' },
  answer_masked: { $: 'chosen_masked' },
  pred_masked: { $: 'rejected_masked' },
};

export const rrpoJson: Format = {
  id: ID,
  name: 'Official RRPO JSON',

  detect(head) {
    const first = firstJsonRow(head.text);
    const keys = first !== null && typeof first === 'object' ? Object.keys(first) : [];
    const value = keys.includes('question') && keys.includes('answer');
    const also = keys.filter((key) => ['pred', 'answer_masked', 'pred_masked'].includes(key));
    return {
      value,
      reason: value
        ? `its first row has ${['question', 'answer', ...also].map((key) => `"${key}"`).join(', ')}`
        : 'its first row has no "question" and "answer"',
    };
  },

  fields: (head, mapping) => jsonFields(head, KEYS, ['video', 'question', 'chosen'], FIXED, mapping),

  read: (chunks, options = {}) =>
    readRows(chunks, options, (line, value) => [rowOrError(line, () => toRow(asObject(value), options))]),

  write: (rows) =>
    writeList(rows, (row) => ({
      ...fill(USUAL, row),
      ...fill(ownForm(row, ID) ?? {}, row),
      [EXTENSION_KEY]: writeExtension(row, ID),
    })),
};

function toRow(original: JsonObject, { mapping }: ReadOptions): ImportRow {
  const object = renamed(original, KEYS, mapping);
  const chosen = filled(text(object, 'answer'), 'answer');
  // A row without "pred" is a question for which no wrong answer is known yet.
  const rejected =
    object.pred_masked === undefined ? (optionalText(object, 'pred') ?? '') : text(object, 'pred');
  const extension = readExtension(object);
  let phrases: RowPhrases | null = null;
  let tags: { chosen: TextSpan[]; rejected: TextSpan[] } = { chosen: [], rejected: [] };
  const answerMasked = optionalText(object, 'answer_masked');
  const predMasked = optionalText(object, 'pred_masked');
  if (answerMasked !== null || predMasked !== null) {
    tags = {
      chosen: spansOf(answerMasked ?? chosen, chosen, 'answer_masked'),
      rejected: spansOf(predMasked ?? rejected, rejected, 'pred_masked'),
    };
    // Our own phrases say more (pairing, numbers), and hold only as long as nobody edited the tags.
    phrases =
      extension.phrases && sameMarks(extension.phrases, tags, chosen, rejected)
        ? { phrases: extension.phrases }
        : tags;
  }
  const row = importRow({
    video: filled(text(object, 'video', 'media_path'), 'video'),
    question: filled(stripMediaMarker(text(object, 'question')), 'question'),
    chosen,
    rejected: rejected === '' ? null : rejected,
    phrases,
    type: extension.type ?? choice(object, 'type', QuestionType),
    split: extension.split ?? choice(object, 'split', Split),
    source: optionalText(object, 'src'),
    externalId: optionalText(object, 'sample_id'),
    provenance: extension.provenance ?? (rejected === '' ? null : statedProvenance(object, rejected)),
    extra: extension.extra ?? {},
  });
  return { ...row, extra: extraOf(ID, formOf(original, mapping, row, tags), USUAL, row) };
}

/** The object with places for what the workbench may change. */
function formOf(
  original: JsonObject,
  mapping: ReadOptions['mapping'],
  row: ImportRow,
  tags: { chosen: TextSpan[]; rejected: TextSpan[] },
): Form {
  const slot = (key: string, value: unknown): unknown => {
    const field = fieldNamed(key, KEYS, mapping);
    switch (field) {
      case undefined:
        return asIs(value);
      case 'question':
        return questionSlot(value, row.question);
      case 'chosen_masked':
        return taggedSlot(field, value, row.chosen, tags.chosen);
      case 'rejected_masked':
        return taggedSlot(field, value, row.rejected ?? '', tags.rejected);
      default:
        return fieldSlot(field, value);
    }
  };
  return Object.fromEntries(
    Object.entries(original)
      .filter(([key]) => key !== EXTENSION_KEY)
      .map(([key, value]) => [key, slot(key, value)]),
  );
}

/** How the wrong answer was made, as `scripts/make-sample-negatives.ts` states it; the model is named by its hash. */
function statedProvenance(object: JsonObject, rejected: string): Provenance | null {
  if (object.provenance === undefined || object.provenance === null) return null;
  const stated = asObject(object.provenance, '"provenance"');
  const parsed = Provenance.safeParse({
    kind: 'generated',
    modelHash: stated.model,
    recipe: stated.steps ?? stated.recipe,
    seed: stated.seed,
    frameIndices: stated.frame_indices,
    decoding: stated.decoding,
    original: rejected,
    createdAt: Date.now(),
  });
  if (!parsed.success) throw new RowError(`"provenance": ${firstIssue(parsed.error)}`);
  return parsed.data;
}
