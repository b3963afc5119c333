/** @file Tables: CSV and TSV with a header line. Columns are known by the names below; others are left alone. */
import { Phrase, QuestionType, Split } from '../../contract/schemas.ts';
import { z } from 'zod';
import { formatTagged } from '../../platform/tagged-text.ts';
import { delimitedRecords, firstRecord, writeRecord } from '../text/delimited.ts';
import { choice, filled, importRow, spansOf, stripMediaMarker } from './fields.ts';
import { RowError, rowOrError, type Format, type ImportRow } from './format.ts';
import { mergedSpans, sameMarks } from './marks.ts';

type Column =
  | 'video'
  | 'question'
  | 'chosen'
  | 'rejected'
  | 'chosen_masked'
  | 'rejected_masked'
  | 'type'
  | 'split'
  | 'source'
  | 'id'
  | 'phrases';

/** Names by which each column is known; the first is the one that is written. */
const NAMES: Record<Column, string[]> = {
  video: ['video', 'media_path', 'video_path', 'path', 'file'],
  question: ['question', 'prompt', 'q', 'query'],
  chosen: ['chosen', 'answer', 'preferred', 'reference', 'a'],
  rejected: ['rejected', 'pred', 'non_preferred', 'nonpreferred', 'negative'],
  chosen_masked: ['chosen_masked', 'answer_masked'],
  rejected_masked: ['rejected_masked', 'pred_masked'],
  type: ['type', 'question_type'],
  split: ['split'],
  source: ['source', 'src'],
  id: ['id', 'sample_id'],
  phrases: ['phrases'],
};
const MEANING: Record<Column, string> = {
  video: 'video',
  question: 'question',
  chosen: 'preferred answer',
  rejected: 'non-preferred answer',
  chosen_masked: 'phrases of the preferred answer',
  rejected_masked: 'phrases of the non-preferred answer',
  type: 'question type',
  split: 'split',
  source: 'source',
  id: 'id in the file',
  phrases: 'phrase numbers',
};
const COLUMNS = Object.keys(NAMES) as Column[];
const REQUIRED: Column[] = ['video', 'question', 'chosen'];

/** Position of each known column in a header. */
function locate(header: readonly string[]): Map<Column, number> {
  const names = header.map((name) =>
    name
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, '_'),
  );
  const found = new Map<Column, number>();
  for (const column of COLUMNS) {
    const at = NAMES[column].map((name) => names.indexOf(name)).find((i) => i >= 0);
    if (at !== undefined) found.set(column, at);
  }
  return found;
}

function table(id: 'csv' | 'tsv', delimiter: ',' | '\t'): Format {
  return {
    id,
    name: id.toUpperCase(),

    detect(head) {
      const header = firstRecord(head.text, delimiter) ?? [];
      const found = locate(header);
      const missing = REQUIRED.filter((column) => !found.has(column));
      const value = header.length > 1 && missing.length === 0;
      return {
        value,
        reason: value
          ? `its first line names the columns ${REQUIRED.map((c) => `"${header[found.get(c)!]}"`).join(', ')}`
          : `its first line, read as ${id.toUpperCase()}, has no column for: ${missing.map((c) => MEANING[c]).join(', ')}`,
      };
    },

    mapping(head) {
      const header = firstRecord(head.text, delimiter) ?? [];
      return Object.fromEntries([...locate(header)].map(([column, at]) => [header[at], MEANING[column]]));
    },

    async *read(chunks) {
      let header: string[] | null = null;
      let found = new Map<Column, number>();
      for await (const record of delimitedRecords(chunks, delimiter)) {
        const { line, fields, error } = record;
        if (!header) {
          header = fields;
          found = locate(fields);
          const missing = REQUIRED.filter((column) => !found.has(column));
          if (missing.length > 0)
            throw new RowError(
              `line ${line}: expected a header with columns for ${missing.map((c) => `${MEANING[c]} (${NAMES[c].join(', ')})`).join('; ')}; got ${fields.join(', ')}`,
            );
          continue;
        }
        const columns = header.length;
        yield rowOrError(line, () => {
          if (error) throw new RowError(error);
          if (fields.length !== columns)
            throw new RowError(`expected ${columns} columns as in the header, got ${fields.length}`);
          if (fields.some((field) => field.includes('\ufffd')))
            throw new RowError('the row has bytes that are not UTF-8 text');
          return toRow((column) => {
            const at = found.get(column);
            return at === undefined ? '' : fields[at];
          });
        });
      }
    },

    *write(rows) {
      yield writeRecord(
        COLUMNS.map((column) => NAMES[column][0]),
        delimiter,
      );
      for (const row of rows) {
        const rejected = row.rejected ?? '';
        const side = (which: 'chosen' | 'rejected', text: string): string =>
          row.rejected === null
            ? ''
            : formatTagged(text, mergedSpans(row.phrases.flatMap((p) => (p[which] ? [p[which]] : []))));
        const values: Record<Column, string> = {
          video: row.video,
          question: row.question,
          chosen: row.chosen,
          rejected,
          chosen_masked: side('chosen', row.chosen),
          rejected_masked: side('rejected', rejected),
          type: row.type,
          split: row.split,
          source: row.source,
          id: row.externalId,
          phrases: row.rejected === null ? '' : JSON.stringify(row.phrases),
        };
        yield writeRecord(
          COLUMNS.map((column) => values[column]),
          delimiter,
        );
      }
    },
  };
}

function toRow(get: (column: Column) => string): ImportRow {
  const chosen = filled(get('chosen'), 'chosen');
  const rejected = get('rejected');
  let phrases: ImportRow['phrases'] = null;
  if (get('chosen_masked') !== '' || get('rejected_masked') !== '') {
    const tags = {
      chosen: spansOf(get('chosen_masked') || chosen, chosen, 'chosen_masked'),
      rejected: spansOf(get('rejected_masked') || rejected, rejected, 'rejected_masked'),
    };
    const whole = readPhrases(get('phrases'));
    phrases = whole && sameMarks(whole, tags, chosen, rejected) ? { phrases: whole } : tags;
  }
  return importRow({
    video: filled(get('video'), 'video'),
    question: filled(stripMediaMarker(get('question')), 'question'),
    chosen,
    rejected: rejected === '' ? null : rejected,
    phrases: rejected === '' ? null : phrases,
    type: choice({ type: get('type') }, 'type', QuestionType),
    split: choice({ split: get('split') }, 'split', Split),
    source: get('source') || null,
    externalId: get('id') || null,
  });
}

function readPhrases(text: string): Phrase[] | null {
  if (text === '') return null;
  try {
    return z.array(Phrase).parse(JSON.parse(text));
  } catch {
    throw new RowError(
      `"phrases": expected a list as this workbench writes it, got ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
}

export const csv: Format = table('csv', ',');
export const tsv: Format = table('tsv', '\t');
