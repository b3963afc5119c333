/** @file Comma- and tab-separated text (RFC 4180: quotes, doubled quotes, line ends inside quotes), one record at a time. */

/** One record. `line` is where it begins, from 1. `error` when its quotes are wrong. */
export type DelimitedRecord = { line: number; fields: string[]; error: string | null };

/** Longest record in characters; more means a quote that never closes. */
const MAX_RECORD = 1 << 24;

/**
 * Records of the text. With tabs, quotes have a meaning only at the start of a field, as with commas. A quote that never
 * closes costs its line: what follows is read again from the next line.
 */
export async function* delimitedRecords(
  chunks: AsyncIterable<string>,
  delimiter: ',' | '\t',
): AsyncGenerator<DelimitedRecord> {
  const reader = new RecordReader(delimiter);
  for await (const chunk of chunks) yield* reader.feed(chunk);
  yield* reader.end();
}

/** The first record of a file's beginning. */
export function firstRecord(head: string, delimiter: ',' | '\t'): string[] | undefined {
  const reader = new RecordReader(delimiter);
  for (const record of reader.feed(head)) return record.fields;
  for (const record of reader.end()) return record.fields;
  return undefined;
}

class RecordReader {
  readonly #delimiter: string;
  #rest = '';
  #line = 1;

  constructor(delimiter: ',' | '\t') {
    this.#delimiter = delimiter;
  }

  *feed(chunk: string): Generator<DelimitedRecord> {
    if (this.#line === 1 && this.#rest === '') chunk = chunk.replace(/^\ufeff/, '');
    this.#rest += chunk;
    yield* this.#drain(false);
    if (this.#rest.length > MAX_RECORD) yield* this.#skipLine();
  }

  *end(): Generator<DelimitedRecord> {
    while (this.#rest !== '') {
      yield* this.#drain(true);
      if (this.#rest !== '') yield* this.#skipLine();
    }
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
      const blank = record.fields.length === 1 && record.fields[0].trim() === '';
      if (!blank) yield { line, fields: record.fields, error: record.error };
    }
    this.#rest = this.#rest.slice(from);
  }

  /** A quote is open to the end of what there is: give up its line and go on behind it. */
  *#skipLine(): Generator<DelimitedRecord> {
    const end = this.#rest.indexOf('\n');
    yield { line: this.#line, fields: [], error: 'a quote (") is opened and never closed' };
    this.#rest = end < 0 ? '' : this.#rest.slice(end + 1);
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

/** One record as text, quoted where it must be. */
export function writeRecord(fields: readonly string[], delimiter: ',' | '\t'): string {
  const quote = (field: string): string =>
    /["\r\n]/.test(field) || field.includes(delimiter) || field !== field.trim()
      ? `"${field.replaceAll('"', '""')}"`
      : field;
  return `${fields.map(quote).join(delimiter)}\n`;
}
