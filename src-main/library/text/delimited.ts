/** @file Delimited text (RFC 4180: quotes, doubled quotes, line ends inside quotes), one record at a time. */
import { Cursor } from './cursor.ts';

/** One record. `line` is where it begins, from 1. `error` when its quotes are wrong. */
export type DelimitedRecord = { line: number; fields: string[]; error: string | null };

/** Longest record in characters; more means a quote that never closes. */
const MAX_RECORD = 1 << 24;

/**
 * Records of the text; the first one is the header. With tabs, quotes have a meaning only at the start of a field, as with commas. A
 * quote that never closes costs its line: what follows is read again from the next line. `cursor` is kept up to date, and says
 * where to begin when it has a layout; the header is not given again then.
 */
export async function* delimitedRecords(
  chunks: AsyncIterable<string>,
  delimiter: string,
  cursor = new Cursor(),
): AsyncGenerator<DelimitedRecord> {
  const reader = new RecordReader(delimiter, cursor);
  for await (const chunk of chunks) yield* reader.feed(chunk);
  yield* reader.end();
}

/** The first record of a file's beginning. */
export function firstRecord(head: string, delimiter: string): string[] | undefined {
  const reader = new RecordReader(delimiter, new Cursor());
  for (const record of reader.feed(head)) return record.fields;
  for (const record of reader.end()) return record.fields;
  return undefined;
}

class RecordReader {
  readonly #delimiter: string;
  readonly #cursor: Cursor;
  #rest = '';
  /** Characters before `#rest`. */
  #offset = 0;
  #line: number;
  /** In a line that was given up. */
  #skipping = false;

  constructor(delimiter: string, cursor: Cursor) {
    this.#delimiter = delimiter;
    this.#cursor = cursor;
    this.#line = cursor.line;
  }

  *feed(chunk: string): Generator<DelimitedRecord> {
    this.#rest += chunk;
    if (this.#offset === 0 && this.#rest.startsWith('\ufeff')) this.#drop(1);
    if (this.#skipping) this.#toNextLine();
    // A record that is open needs a line end or a quote to end; looking for one in all of it at each piece would cost its square.
    if (this.#rest.length === chunk.length || /[\n"]/.test(chunk)) yield* this.#drain(false);
    if (this.#rest.length > MAX_RECORD) yield* this.#skipLine();
  }

  *end(): Generator<DelimitedRecord> {
    while (this.#rest !== '' && !this.#skipping) {
      yield* this.#drain(true);
      if (this.#rest !== '') yield* this.#skipLine();
    }
  }

  #drop(characters: number): void {
    this.#rest = this.#rest.slice(characters);
    this.#offset += characters;
  }

  /** Reading can begin again at `from` of what is at hand. */
  #mark(from: number): void {
    this.#cursor.offset = this.#offset + from;
    this.#cursor.line = this.#line;
    this.#cursor.whole = !this.#skipping;
  }

  /** Every record whose end is known. */
  *#drain(atEnd: boolean): Generator<DelimitedRecord> {
    let from = 0;
    for (;;) {
      const record = this.#recordAt(from, atEnd);
      if (!record) break;
      const line = this.#line;
      this.#line += record.newlines;
      from = record.next;
      this.#mark(from);
      const blank = record.fields.length === 1 && record.fields[0].trim() === '';
      if (!blank) yield { line, fields: ownTexts(record.fields), error: record.error };
    }
    this.#drop(from);
  }

  /** The record has no end within reach: give up its line and go on behind it. */
  *#skipLine(): Generator<DelimitedRecord> {
    const line = this.#line;
    const error =
      this.#rest.length <= MAX_RECORD || this.#rest.slice(0, 1 << 16).includes('"')
        ? 'a quote (") is opened and never closed'
        : `the line is longer than ${MAX_RECORD.toLocaleString('en')} characters`;
    this.#skipping = true;
    this.#toNextLine();
    this.#mark(0);
    yield { line, fields: [], error };
  }

  #toNextLine(): void {
    const end = this.#rest.indexOf('\n');
    this.#drop(end < 0 ? this.#rest.length : end + 1);
    if (end < 0) return;
    this.#skipping = false;
    this.#line++;
  }

  #recordAt(
    start: number,
    atEnd: boolean,
  ): { fields: string[]; next: number; newlines: number; error: string | null } | null {
    const text = this.#rest;
    if (start >= text.length) return null;
    const fields: string[] = [];
    let newlines = 0;
    let error: string | null = null;
    let i = start;
    for (;;) {
      if (text[i] === '"') {
        let field = '';
        let from = i + 1;
        for (;;) {
          const quote = text.indexOf('"', from);
          if (quote < 0 || (quote + 1 >= text.length && !atEnd)) return null;
          field += text.slice(from, quote);
          if (text[quote + 1] !== '"') {
            i = quote + 1;
            break;
          }
          field += '"';
          from = quote + 2;
        }
        newlines += field.split('\n').length - 1;
        const stop = this.#fieldEnd(i);
        if (stop < 0 && !atEnd) return null;
        const rest = text.slice(i, stop < 0 ? text.length : stop).replace(/\r$/, '');
        if (rest !== '')
          error ??= `expected a separator after a closing quote, got ${JSON.stringify(rest[0])}`;
        fields.push(field);
        i = stop < 0 ? text.length : stop;
      } else {
        const stop = this.#fieldEnd(i);
        if (stop < 0 && !atEnd) return null;
        const end = stop < 0 ? text.length : stop;
        const last = end >= text.length || text[end] === '\n';
        fields.push(last ? text.slice(i, end).replace(/\r$/, '') : text.slice(i, end));
        i = end;
      }
      if (i >= text.length) return { fields, next: i, newlines, error };
      if (text[i] === '\n') return { fields, next: i + 1, newlines: newlines + 1, error };
      i++; // the delimiter
    }
  }

  /** Where the field that goes on at `from` ends: index of a delimiter or newline, -1 when neither is there yet. */
  #fieldEnd(from: number): number {
    const newline = this.#rest.indexOf('\n', from);
    const end = newline < 0 ? this.#rest.length : newline;
    const delimiter = this.#rest.slice(from, end).indexOf(this.#delimiter);
    return delimiter >= 0 ? from + delimiter : newline;
  }
}

/**
 * Copies. V8 cuts a text by pointing into the longer one, so that a video's path kept from each row would keep the whole file in memory.
 * Through JSON, because it is one pass and keeps lone surrogates.
 */
const ownTexts = (fields: readonly string[]): string[] => JSON.parse(JSON.stringify(fields)) as string[];

/** One record as text, quoted where it must be. */
export function writeRecord(fields: readonly string[], delimiter: string): string {
  const quote = (field: string): string =>
    /["\r\n]/.test(field) || field.includes(delimiter) || field !== field.trim()
      ? `"${field.replaceAll('"', '""')}"`
      : field;
  return `${fields.map(quote).join(delimiter)}\n`;
}
