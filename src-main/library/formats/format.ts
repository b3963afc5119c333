/** @file What every import format is: a detector, a reader of rows and a writer. One file per format beside this one. */
import type { z } from 'zod';
import type {
  ImportField,
  ImportFormat,
  ImportMapping,
  Phrase,
  Provenance,
  QuestionType,
  Split,
} from '../../contract/schemas.ts';
import type { TextSpan } from '../../platform/tagged-text.ts';
import type { Cursor } from '../text/cursor.ts';
import type { Head } from '../text/read-text.ts';
import type { Extra } from './form.ts';

/** A verdict with its reason, both shown to the person. */
export type Detection = { value: boolean; reason: string };

/** One row as a format gives it, before the project looks at it. Texts are plain: no tags, no `<image>` marker. */
export type ImportRow = {
  /** Path as written in the file. */
  video: string;
  question: string;
  chosen: string;
  /** Null when the row has a preferred answer only. */
  rejected: string | null;
  /** Key differences that the file states; null when it states none and they are to be proposed. */
  phrases: RowPhrases | null;
  /** Null: to be told from the question and the answer. */
  type: QuestionType | null;
  /** Null: the video is drawn by the project's seed. */
  split: Split | null;
  source: string | null;
  /** The row's own id in the file. */
  externalId: string | null;
  /** Where the rejected answer came from, when the file says so. */
  provenance: Provenance | null;
  /** What the format carries and the workbench does not use, given back by the same format's writer. */
  extra: Extra;
};

/** Marks of a row: whole phrases of the workbench, or spans on each side that are paired by their order. */
export type RowPhrases = { phrases: Phrase[] } | { chosen: TextSpan[]; rejected: TextSpan[] };

/**
 * One result of reading: a row, or why there is none. `line` counts from 1; `nth`: which object of a list it came in, from 1, where
 * several may stand in its line.
 */
export type ReadRow = ({ line: number; row: ImportRow } | { line: number; error: string }) & { nth?: number };

/** What a writer is given: one sample, and the pair when there is one. Paths are as they are to be written. */
export type ExportRow = {
  video: string;
  question: string;
  chosen: string;
  rejected: string | null;
  phrases: Phrase[];
  type: QuestionType;
  split: Split;
  source: string;
  externalId: string;
  provenance: Provenance | null;
  extra: Extra;
};

/** Which columns or keys a file has, and which of them is which field. */
export type FieldChoice = {
  /** In the order of the file; `example`: the first row's value, shortened. */
  columns: { name: string; example: string }[];
  /** The column that each field is read from. */
  mapping: ImportMapping;
  /** Fields that a person may choose a column for. */
  choosable: ImportField[];
  /** Needed fields that no column was found for. */
  missing: ImportField[];
  /** Keys that mean something to the format and cannot be chosen -> what they are, in words. */
  fixed: Record<string, string>;
};

export type ReadOptions = {
  /** Kept up to date; says where to begin when it has a layout. */
  cursor?: Cursor;
  /** Columns that a person chose, over those that are known by name. */
  mapping?: ImportMapping;
};

export type Format = {
  readonly id: ImportFormat;
  /** As a person calls it. */
  readonly name: string;
  /** Whether the beginning of a file looks like this format. */
  detect(head: Head): Detection;
  fields(head: Head, mapping?: ImportMapping): FieldChoice;
  read(chunks: AsyncIterable<string>, options?: ReadOptions): AsyncGenerator<ReadRow>;
  /** How many times `write` goes through its rows. @default 1 */
  readonly passes?: number;
  /** The whole file, piece by piece; pieces may be empty. */
  write(rows: Iterable<ExportRow>): Generator<string>;
};

/** A row is wrong in a way that can be told in one sentence; the readers turn it into an error row. */
export class RowError extends Error {
  override readonly name = 'RowError';
}

/** The first problem of a schema, as `key: what`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return `"${issue.path.join('.')}": ${issue.message}`;
}

/** Turns RowErrors of `make` into an error row; anything else is a bug and passes. */
export function rowOrError(line: number, make: () => ImportRow): ReadRow {
  try {
    return { line, row: make() };
  } catch (error) {
    if (error instanceof RowError) return { line, error: error.message };
    throw error;
  }
}
