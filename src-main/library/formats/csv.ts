/** @file Tables: CSV and TSV with a header line. Columns are known by the names below; others are carried along. */
import { ImportField, Phrase, QuestionType, Split, type ImportMapping } from '../../contract/schemas.ts';
import { z } from 'zod';
import type { TextSpan } from '../../platform/tagged-text.ts';
import { Cursor } from '../text/cursor.ts';
import { delimitedRecords, firstRecord, writeRecord } from '../text/delimited.ts';
import { choice, filled, importRow, sound, spansOf, stripMediaMarker } from './fields.ts';
import {
  extraOf,
  fieldSlot,
  fillSlot,
  ownForm,
  questionSlot,
  taggedSlot,
  type Form,
  type Slot,
} from './form.ts';
import { RowError, rowOrError, type ExportRow, type Format, type ImportRow } from './format.ts';
import { exampleOf } from './json-format.ts';
import { sameMarks } from './marks.ts';

type Column = ImportField | 'phrases';

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
const REQUIRED: ImportField[] = ['video', 'question', 'chosen'];
/** What separates columns in a `.csv`: spreadsheets write semicolons where the comma is the decimal sign. */
const SEPARATORS = [',', ';', '|'];
/** Both tables are one format, written with different separators. */
const TABLES = ['csv', 'tsv'];

const USUAL: Form = Object.fromEntries(
  ImportField.options.map((field) => [NAMES[field][0], { $: field } satisfies Slot]),
);

/** A header's names, made distinct: a second `note` becomes `note (2)`. */
function distinct(header: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return header.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}

/** Position of each known or chosen column in a header. */
function locate(header: readonly string[], mapping: ImportMapping = {}): Map<Column, number> {
  const names = header.map((name) =>
    name
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, '_'),
  );
  const found = new Map<Column, number>();
  for (const column of COLUMNS) {
    const chosen = column === 'phrases' ? undefined : mapping[column];
    const at =
      chosen === undefined
        ? NAMES[column].map((name) => names.indexOf(name)).find((i) => i >= 0)
        : header.indexOf(chosen);
    if (at !== undefined && at >= 0) found.set(column, at);
  }
  return found;
}

function missing(found: ReadonlyMap<Column, number>): ImportField[] {
  return REQUIRED.filter((column) => !found.has(column));
}

function table(id: 'csv' | 'tsv', separators: readonly string[]): Format {
  /** The separator that gives the first line the most columns. */
  const separatorOf = (head: string): string => {
    const columns = (separator: string): number => firstRecord(head, separator)?.length ?? 0;
    return separators.reduce((best, next) => (columns(next) > columns(best) ? next : best));
  };
  const headerOf = (head: string): string[] => distinct(firstRecord(head, separatorOf(head)) ?? []);
  return {
    id,
    name: id.toUpperCase(),

    detect(head) {
      const header = headerOf(head.text);
      const found = locate(header);
      const lacks = missing(found);
      const value = header.length > 1 && lacks.length === 0;
      return {
        value,
        reason: value
          ? `its first line names the columns ${REQUIRED.map((c) => `"${header[found.get(c)!]}"`).join(', ')}`
          : `its first line, read as ${id.toUpperCase()}, has no column for: ${lacks.map((c) => MEANING[c]).join(', ')}`,
      };
    },

    fields(head, mapping) {
      const separator = separatorOf(head.text);
      const header = headerOf(head.text);
      const found = locate(header, mapping);
      const body = head.text.slice(head.text.indexOf('\n') + 1);
      const first = header.length > 0 ? (firstRecord(body, separator) ?? []) : [];
      return {
        columns: header.map((name, i) => ({ name, example: exampleOf(first[i] ?? '') })),
        mapping: Object.fromEntries(
          [...found].filter(([column]) => column !== 'phrases').map(([column, at]) => [column, header[at]]),
        ),
        choosable: ImportField.options,
        missing: missing(found),
        fixed: found.has('phrases') ? { [header[found.get('phrases')!]]: MEANING.phrases } : {},
      };
    },

    async *read(chunks, { cursor = new Cursor(), mapping } = {}) {
      const pieces = chunks[Symbol.asyncIterator]();
      const begun = cursor.layout?.kind === 'table' ? cursor.layout : null;
      const first = begun ? '' : await firstLine(pieces);
      const separator = begun?.delimiter ?? separatorOf(first);
      let header = begun?.header ?? null;
      let found = locate(header ?? [], mapping);
      for await (const record of delimitedRecords(joined(first, pieces), separator, cursor)) {
        const { line, fields, error } = record;
        if (!header) {
          header = distinct(fields);
          found = locate(header, mapping);
          const lacks = missing(found);
          if (lacks.length > 0)
            throw new RowError(
              `line ${line}: expected a header with columns for ${lacks.map((c) => `${MEANING[c]} (${NAMES[c].join(', ')})`).join('; ')}; got ${fields.join(', ')}`,
            );
          cursor.layout = { kind: 'table', delimiter: separator, header };
          continue;
        }
        const columns = header;
        yield rowOrError(line, () => {
          if (error) throw new RowError(error);
          if (fields.length !== columns.length)
            throw new RowError(`expected ${columns.length} columns as in the header, got ${fields.length}`);
          if (fields.some((field) => field.includes('\ufffd')))
            throw new RowError('the row has bytes that are not text');
          return toRow(id, columns, fields, found);
        });
      }
    },

    passes: 2,

    *write(rows) {
      const { header, places } = yield* headerFor(rows);
      yield writeRecord(header, separators[0]);
      for (const row of rows) {
        const own = ownForm(row, ...TABLES) ?? {};
        const values = header.map((name) => {
          const place = places.get(name);
          const kept = own[name] ?? (place && place !== 'phrases' ? { $: place } : '');
          if (typeof kept === 'string' && place !== 'phrases') return kept;
          if (row.rejected === null && (place === 'phrases' || place?.endsWith('_masked'))) return '';
          return place === 'phrases' ? JSON.stringify(row.phrases) : fillSlot(kept as Slot, row);
        });
        yield writeRecord(values, separators[0]);
      }
    },
  };
}

/** Pieces of text until the first line is whole: the header, from which the separator is told. */
async function firstLine(pieces: AsyncIterator<string>): Promise<string> {
  let text = '';
  while (!text.trim().includes('\n')) {
    const next = await pieces.next();
    if (next.done) break;
    text += next.value;
  }
  return text;
}

async function* joined(first: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  if (first !== '') yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/**
 * The columns of an export: those that the rows came with, under their names, then what of the workbench's own has no column yet.
 * `places`: which field each is; columns that are none are carried along. Nothing is written meanwhile; the empty pieces let others in.
 */
function* headerFor(
  rows: Iterable<ExportRow>,
): Generator<string, { header: string[]; places: Map<string, Column> }> {
  const names = new Map<Column, string>();
  const header = new Set<string>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(ownForm(row, ...TABLES) ?? {})) {
      header.add(name);
      const place = value !== null && typeof value === 'object' ? (value as Slot).$ : null;
      if (place && !names.has(place)) names.set(place, name);
    }
    yield '';
  }
  for (const column of COLUMNS)
    if (!names.has(column)) {
      names.set(column, NAMES[column][0]);
      header.add(NAMES[column][0]);
    }
  return { header: [...header], places: new Map([...names].map(([column, name]) => [name, column])) };
}

function toRow(
  id: string,
  header: readonly string[],
  fields: readonly string[],
  found: ReadonlyMap<Column, number>,
): ImportRow {
  const get = (column: Column): string => {
    const at = found.get(column);
    return at === undefined ? '' : sound(fields[at], column);
  };
  const chosen = filled(get('chosen'), 'chosen');
  const rejected = get('rejected');
  let phrases: ImportRow['phrases'] = null;
  let tags: { chosen: TextSpan[]; rejected: TextSpan[] } = { chosen: [], rejected: [] };
  if (get('chosen_masked') !== '' || get('rejected_masked') !== '') {
    tags = {
      chosen: spansOf(get('chosen_masked') || chosen, chosen, 'chosen_masked'),
      rejected: spansOf(get('rejected_masked') || rejected, rejected, 'rejected_masked'),
    };
    const whole = readPhrases(get('phrases'));
    phrases = whole && sameMarks(whole, tags, chosen, rejected) ? { phrases: whole } : tags;
  }
  const row = importRow({
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
  const fieldAt = new Map([...found].map(([column, at]) => [at, column]));
  const form: Form = {};
  for (const [i, name] of header.entries()) {
    const column = fieldAt.get(i);
    if (column !== 'phrases') form[name] = column ? cellForm(column, fields[i], row, tags) : fields[i];
  }
  return { ...row, extra: extraOf(id, form, USUAL, row) };
}

/** A cell with a place for what the workbench may change. */
function cellForm(
  column: ImportField,
  cell: string,
  row: ImportRow,
  tags: { chosen: TextSpan[]; rejected: TextSpan[] },
): unknown {
  switch (column) {
    case 'question':
      return questionSlot(cell, row.question);
    case 'chosen_masked':
    case 'rejected_masked': {
      // An empty cell says nothing: the marks have their place there.
      if (cell === '') return { $: column };
      const side = column === 'chosen_masked' ? 'chosen' : 'rejected';
      return row.rejected === null ? cell : taggedSlot(column, cell, row[side] ?? '', tags[side]);
    }
    default:
      return fieldSlot(column, cell);
  }
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

export const csv: Format = table('csv', SEPARATORS);
export const tsv: Format = table('tsv', ['\t']);
