/**
 * @file The official RRPO data files: a list of `{question, answer, pred, answer_masked, pred_masked, video | media_path, src,
 * sample_id}`. The published description names the path `video`, the published loader reads `media_path`: both are
 * read, both are written.
 */
import { Provenance, QuestionType, Split } from '../../contract/schemas.ts';
import { formatTagged, type TextSpan } from '../../platform/tagged-text.ts';
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
import { mergedSpans, sameMarks } from './marks.ts';
import { firstIssue, RowError, rowOrError, type Format, type ImportRow, type RowPhrases } from './format.ts';
import { mappingOf, readRows, writeList } from './json-format.ts';

const FIELDS: Record<string, string> = {
  video: 'video',
  media_path: 'video',
  question: 'question',
  answer: 'preferred answer',
  pred: 'non-preferred answer',
  answer_masked: 'phrases of the preferred answer',
  pred_masked: 'phrases of the non-preferred answer',
  src: 'source',
  sample_id: 'id in the file',
  type: 'question type',
  split: 'split',
  provenance: 'provenance',
  [EXTENSION_KEY]: 'type, split, phrase numbers, provenance',
};

export const rrpoJson: Format = {
  id: 'rrpo-json',
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

  mapping: (head) => mappingOf(FIELDS, head),

  read: (chunks) => readRows(chunks, (line, value) => [rowOrError(line, () => toRow(asObject(value)))]),

  write: (rows) =>
    writeList(rows, (row) => {
      const side = (which: 'chosen' | 'rejected'): TextSpan[] =>
        mergedSpans(row.phrases.flatMap((p) => (p[which] ? [p[which]] : [])));
      const rejected = row.rejected ?? '';
      return {
        sample_id: row.externalId,
        src: row.source,
        video: row.video,
        media_path: row.video,
        question: `<image>\n${row.question}`,
        answer: row.chosen,
        pred: rejected,
        answer_masked: formatTagged(row.chosen, side('chosen')),
        pred_masked: formatTagged(rejected, side('rejected')),
        [EXTENSION_KEY]: writeExtension(row),
      };
    }),
};

function toRow(object: JsonObject): ImportRow {
  const chosen = filled(text(object, 'answer'), 'answer');
  // A row without "pred" is a question for which no wrong answer is known yet.
  const rejected =
    object.pred_masked === undefined ? (optionalText(object, 'pred') ?? '') : text(object, 'pred');
  const extension = readExtension(object);
  let phrases: RowPhrases | null = null;
  const answerMasked = optionalText(object, 'answer_masked');
  const predMasked = optionalText(object, 'pred_masked');
  if (answerMasked !== null || predMasked !== null) {
    const tags = {
      chosen: spansOf(answerMasked ?? chosen, chosen, 'answer_masked'),
      rejected: spansOf(predMasked ?? rejected, rejected, 'pred_masked'),
    };
    // Our own phrases say more (pairing, numbers), and hold only as long as nobody edited the tags.
    phrases =
      extension.phrases && sameMarks(extension.phrases, tags, chosen, rejected)
        ? { phrases: extension.phrases }
        : tags;
  }
  return importRow({
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
    extra: { ...unknownFields(object), ...extension.extra },
  });
}

/** Fields that only other programs know; kept, so that an export gives them back. */
function unknownFields(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !(key in FIELDS)));
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
