/**
 * @file The objects of a JSON list, or of JSON lines, one at a time with their line numbers, in memory bounded by one row.
 * A broken row is told with its place and the reading goes on behind it.
 */
import { Cursor } from './cursor.ts';

/**
 * One element of the list, or why it could not be read. `line` counts from 1 and is where the element begins; `nth`: which of the list
 * it is, from 1, where it does not begin its line.
 */
export type JsonRow = ({ line: number; value: unknown } | { line: number; error: string }) & { nth?: number };

/** Longest row in characters. Longer means a missing bracket or quote far up; without a limit it would eat the memory. */
const MAX_ROW = 1 << 24;

/**
 * Every element, whichever of the two layouts the file has: a list when its first character is `[`, lines otherwise. `cursor` is
 * kept up to date, and says where to begin when it has a layout.
 */
export async function* jsonRows(
  chunks: AsyncIterable<string>,
  { maxRow = MAX_ROW, cursor = new Cursor() }: { maxRow?: number; cursor?: Cursor } = {},
): AsyncGenerator<JsonRow> {
  let reader = cursor.layout && makeReader(cursor.layout.kind === 'list', maxRow, cursor);
  let blank = '';
  for await (const chunk of chunks) {
    if (!reader) {
      const first = chunk.trimStart()[0];
      if (first === undefined) {
        blank += chunk;
        continue;
      }
      reader = makeReader(first === '[', maxRow, cursor);
      yield* reader.feed(blank + chunk);
    } else yield* reader.feed(chunk);
  }
  if (reader) yield* reader.end();
}

/** The first element that can be read completely from a file's beginning, or undefined. For detection of formats. */
export function firstJsonRow(head: string): unknown {
  const start = head.trimStart();
  const reader = makeReader(start.startsWith('['), MAX_ROW, new Cursor());
  for (const row of reader.feed(start)) if ('value' in row) return row.value;
  // A file of one line need not end with a newline.
  for (const row of reader.end()) if ('value' in row) return row.value;
  return undefined;
}

function makeReader(isList: boolean, maxRow: number, cursor: Cursor): JsonList | JsonLines {
  return isList ? new JsonList(maxRow, cursor) : new JsonLines(maxRow, cursor);
}

/** JSON lines: one value per line, blank lines ignored. */
class JsonLines {
  #rest = '';
  #line: number;
  /** Characters before the chunk at hand. */
  #fed = 0;
  #skipping = false;
  readonly #maxRow: number;
  readonly #cursor: Cursor;

  constructor(maxRow: number, cursor: Cursor) {
    this.#maxRow = maxRow;
    this.#cursor = cursor;
    this.#line = cursor.line;
    cursor.layout = { kind: 'lines' };
  }

  *feed(chunk: string): Generator<JsonRow> {
    let from = this.#line === 1 && this.#rest === '' && chunk.startsWith('\ufeff') ? 1 : 0;
    for (;;) {
      const to = chunk.indexOf('\n', from);
      if (to < 0) break;
      const text = this.#rest + chunk.slice(from, to);
      this.#rest = '';
      from = to + 1;
      this.#cursor.offset = this.#fed + from;
      this.#cursor.line = this.#line + 1;
      this.#cursor.whole = true;
      if (!this.#skipping && text.length > this.#maxRow)
        yield { line: this.#line, error: tooLong(this.#maxRow) };
      else if (!this.#skipping && text.trim()) yield parse(text, this.#line);
      this.#skipping = false;
      this.#line++;
    }
    this.#rest += chunk.slice(from);
    this.#fed += chunk.length;
    if (this.#rest.length > this.#maxRow) {
      this.#rest = '';
      this.#cursor.whole = false;
      if (!this.#skipping) {
        this.#skipping = true;
        yield { line: this.#line, error: tooLong(this.#maxRow) };
      }
    }
  }

  *end(): Generator<JsonRow> {
    this.#cursor.offset = this.#fed;
    this.#cursor.whole = true;
    if (!this.#skipping && this.#rest.trim()) yield parse(this.#rest, this.#line);
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;
const COMMA = 44;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

/**
 * A JSON list. Only quotes, brackets and commas are looked at; each element's text then goes through `JSON.parse`.
 * Two things bring it back on track behind a broken row: a text never runs over a line end in JSON, so a missing quote ends
 * there; and an element that never closes is cut where a line begins like the first element's did.
 */
class JsonList {
  #phase: 'before' | 'rows' | 'after' = 'before';
  /** Text of the element so far, from its first character. */
  #text = '';
  #started = false;
  #startLine = 1;
  /** Characters before the element's first one. */
  #startOffset = 0;
  /** Elements that have begun. */
  #begun = 0;
  /** Something stands before the element in its line. */
  #inLine = false;
  /** The element is too long and was told; its text is not kept until its end. */
  #skipping = false;
  #line: number;
  /** Characters before the chunk at hand. */
  #fed = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #brokenString: number | null = null;
  /** White space before `{` at the first element's line start; null while unknown. */
  #indent: string | null = null;
  #lineSoFar = '';
  #lineIsBlank = true;
  /** Offset in `#text` and line of the first place inside the element that looks like the next element. */
  #next: { offset: number; line: number } | null = null;
  readonly #maxRow: number;
  readonly #cursor: Cursor;

  constructor(maxRow: number, cursor: Cursor) {
    this.#maxRow = maxRow;
    this.#cursor = cursor;
    this.#line = cursor.line;
    if (cursor.layout?.kind === 'list') {
      this.#phase = cursor.layout.closed ? 'after' : 'rows';
      this.#indent = cursor.layout.indent;
      this.#begun = cursor.layout.begun;
      this.#lineIsBlank = !cursor.layout.inLine;
      this.#lineSoFar = cursor.layout.inLine ? '' : (this.#indent ?? '');
    }
  }

  *feed(chunk: string): Generator<JsonRow> {
    yield* this.#read(chunk, this.#fed);
    this.#fed += chunk.length;
  }

  /** `base`: characters before the chunk. */
  *#read(chunk: string, base: number): Generator<JsonRow> {
    let from = 0; // start of what is not yet in #text
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk.charCodeAt(i);
      if (c === NEWLINE) {
        if (this.#inString) {
          this.#brokenString ??= this.#line;
          this.#inString = false;
          this.#escaped = false;
        }
        this.#line++;
        this.#lineSoFar = '';
        this.#lineIsBlank = true;
        continue;
      }
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (c === BACKSLASH) this.#escaped = true;
        else if (c === QUOTE) this.#inString = false;
        continue;
      }
      if (c === 32 || c === 9 || c === 13 || c === 0xfeff) {
        if (this.#lineIsBlank) this.#lineSoFar += chunk[i];
        continue;
      }
      const startsLine = this.#lineIsBlank;
      this.#lineIsBlank = false;
      if (this.#phase === 'before') {
        // `jsonRows` looked: this is the `[`.
        this.#phase = 'rows';
        from = i + 1;
        continue;
      }
      if (this.#phase === 'after') {
        yield {
          line: this.#line,
          error: `expected the end of the file after "]", got ${JSON.stringify(chunk[i])} in line ${this.#line}`,
        };
        this.#phase = 'rows';
        if (c === COMMA || c === CLOSE_BRACKET) continue;
      }
      if (!this.#started && c !== COMMA && c !== CLOSE_BRACKET) {
        this.#start(i, base, startsLine);
        from = i;
        if (this.#indent === null && startsLine && c === OPEN_BRACE) this.#indent = this.#lineSoFar;
      } else if (startsLine && c === OPEN_BRACE && this.#next === null && this.#lineSoFar === this.#indent) {
        if (this.#skipping) {
          this.#reset();
          this.#start(i, base, startsLine);
          from = i;
        } else this.#next = { offset: this.#text.length + (i - from), line: this.#line };
      }
      if (c === QUOTE) this.#inString = true;
      else if (c === OPEN_BRACE || c === OPEN_BRACKET) this.#depth++;
      else if (this.#depth === 0 && (c === COMMA || c === CLOSE_BRACKET)) {
        if (this.#started && !this.#skipping) this.#text += chunk.slice(from, i);
        from = i + 1;
        if (c === CLOSE_BRACKET) this.#phase = 'after';
        yield* this.#finish(base + i + 1);
      } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) this.#depth = Math.max(0, this.#depth - 1);
    }
    if (this.#started && !this.#skipping) this.#text += chunk.slice(from);
    if (this.#text.length <= this.#maxRow) return;
    if (this.#next) yield* this.#giveUp(tooLong(this.#maxRow));
    else {
      this.#text = '';
      this.#skipping = true;
      this.#cursor.whole = false;
      yield this.#placed({ line: this.#startLine, error: tooLong(this.#maxRow) });
    }
  }

  #start(i: number, base: number, startsLine: boolean): void {
    this.#started = true;
    this.#begun++;
    this.#inLine = !startsLine;
    this.#startLine = this.#line;
    this.#startOffset = base + i;
  }

  /** The element at hand, with its number where its line does not tell it from others. */
  #placed(row: JsonRow): JsonRow {
    if (this.#inLine) row.nth = this.#begun;
    return row;
  }

  /** Reading can begin again at `offset`, which is in `line`, behind an element's end or (not `inLine`) where the line begins. */
  #mark(offset: number, line: number, inLine = true): void {
    const cursor = this.#cursor;
    cursor.offset = offset;
    cursor.line = line;
    cursor.whole = true;
    const closed = this.#phase === 'after';
    cursor.layout = { kind: 'list', indent: this.#indent, closed, begun: this.#begun, inLine };
  }

  *end(): Generator<JsonRow> {
    while (this.#phase === 'rows' && !this.#skipping) {
      if (!this.#started) {
        this.#phase = 'after';
        this.#mark(this.#fed, this.#line);
        yield { line: this.#line, error: `expected "]" at the end of the list, got the end of the file` };
        return;
      }
      yield* this.#giveUp(`the file ends inside the row that begins in line ${this.#startLine}`);
    }
  }

  /** The element is complete: its value, or the reason why it has none. `end` is behind the separator. */
  *#finish(end: number): Generator<JsonRow> {
    const text = this.#text;
    const line = this.#startLine;
    const broken = this.#brokenString;
    const next = this.#next;
    const after = this.#phase === 'after';
    if (!this.#started) return; // a comma before "]"
    if (this.#skipping) {
      this.#reset();
      return;
    }
    const row = this.#placed(
      broken === null
        ? parse(text, line)
        : { line, error: `a text that begins in line ${broken} is not closed by a quote in that line` },
    );
    if ('error' in row && next) {
      // It swallowed its neighbours: cut before the first of them and read on from there.
      this.#phase = 'rows';
      this.#mark(this.#startOffset + next.offset, next.line, false);
      yield row;
      yield* this.#refeed(`${text.slice(next.offset)}${after ? ']' : ','}`, next);
      return;
    }
    this.#reset();
    this.#mark(end, this.#line);
    yield row;
  }

  /** The element does not end: cut it where the next one seems to begin, or drop all of it. */
  *#giveUp(error: string): Generator<JsonRow> {
    const { line, next } = { line: this.#startLine, next: this.#next };
    const text = this.#text;
    if (next) this.#mark(this.#startOffset + next.offset, next.line, false);
    else {
      // Only at the end of the file: what remains has no beginning.
      this.#phase = 'after';
      this.#mark(this.#fed, this.#line);
    }
    yield this.#placed({
      line,
      error: next ? `the row is not closed before the next one begins in line ${next.line}` : error,
    });
    if (next) yield* this.#refeed(text.slice(next.offset), next);
    else this.#reset();
  }

  /** Reads the element's text again from `next` on. */
  *#refeed(text: string, { offset, line }: { offset: number; line: number }): Generator<JsonRow> {
    const now = this.#line;
    const base = this.#startOffset + offset;
    this.#reset();
    this.#phase = 'rows';
    this.#line = line;
    this.#lineSoFar = this.#indent ?? '';
    this.#lineIsBlank = true;
    yield* this.#read(text, base);
    this.#line = Math.max(now, this.#line);
  }

  #reset(): void {
    this.#text = '';
    this.#started = false;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#brokenString = null;
    this.#next = null;
    this.#skipping = false;
  }
}

function parse(text: string, line: number): JsonRow {
  if (text.includes('\ufffd')) return { line, error: 'the row has bytes that are not UTF-8 text' };
  try {
    return { line, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { line, error: `not valid JSON: ${place(text, line, error)}` };
  }
}

/** V8's message with the place in the file instead of the place in the row. */
function place(text: string, line: number, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const at = /^(.*?)(?: in JSON)? at position (\d+)/.exec(message);
  if (!at) return `${message} in the row that begins in line ${line}`;
  const before = text.slice(0, Number(at[2]));
  const newlines = before.split('\n').length - 1;
  return `${at[1]} in line ${line + newlines}, column ${before.length - before.lastIndexOf('\n')}`;
}

function tooLong(maxRow: number): string {
  return `the row is longer than ${maxRow.toLocaleString('en')} characters: a bracket or a quote is missing in it`;
}
