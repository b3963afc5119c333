/** @file What the JSON formats share: which keys a preview names, rows out of objects, and a list written piece by piece. */
import type { Head } from '../text/read-text.ts';
import { firstJsonRow, jsonRows } from '../text/json-rows.ts';
import type { ExportRow, ReadRow } from './format.ts';

/** Keys of the first row that `fields` knows, with what they become. */
export function mappingOf(fields: Readonly<Record<string, string>>, head: Head): Record<string, string> {
  const keys = Object.keys(firstJsonRow(head.text) ?? {});
  return Object.fromEntries(keys.filter((key) => fields[key]).map((key) => [key, fields[key]]));
}

/** Rows of a file: what is not JSON is an error row, each JSON value is handed to `toRows`. */
export async function* readRows(
  chunks: AsyncIterable<string>,
  toRows: (line: number, value: unknown) => Iterable<ReadRow>,
): AsyncGenerator<ReadRow> {
  for await (const item of jsonRows(chunks)) {
    if ('error' in item) yield item;
    else yield* toRows(item.line, item.value);
  }
}

/** A JSON list with one object a line. */
export function* writeList(
  rows: Iterable<ExportRow>,
  toObject: (row: ExportRow) => object,
): Generator<string> {
  yield '[';
  let first = true;
  for (const row of rows) {
    yield `${first ? '\n' : ',\n'}${JSON.stringify(toObject(row))}`;
    first = false;
  }
  yield '\n]\n';
}
