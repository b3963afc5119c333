/** @file What the JSON formats share: which keys are which field, rows out of objects, and a list written piece by piece. */
import type { ImportField, ImportMapping } from '../../contract/schemas.ts';
import type { Head } from '../text/read-text.ts';
import { firstJsonRow, jsonRows } from '../text/json-rows.ts';
import type { JsonObject } from './fields.ts';
import type { FieldChoice, ReadOptions, ReadRow } from './format.ts';

/** Keys of each field that a person may choose; the first one is the format's own. */
export type Keys = Partial<Record<ImportField, readonly string[]>>;

/** Longest example of a column in characters. */
const EXAMPLE = 60;

/** The key a field is read from: the chosen one, or the first known one that the object has. */
function keyOf(
  field: ImportField,
  keys: Keys,
  object: JsonObject,
  mapping: ImportMapping,
): string | undefined {
  return mapping[field] ?? keys[field]?.find((key) => object[key] !== undefined && object[key] !== null);
}

/** What the first row has. `fixed`: keys of other meaning, in words. */
export function jsonFields(
  head: Head,
  keys: Keys,
  required: readonly ImportField[],
  fixed: Readonly<Record<string, string>>,
  mapping: ImportMapping = {},
): FieldChoice {
  const first = firstJsonRow(head.text);
  const object = (first !== null && typeof first === 'object' ? first : {}) as JsonObject;
  const choosable = Object.keys(keys) as ImportField[];
  const found: ImportMapping = {};
  for (const field of choosable) {
    const key = keyOf(field, keys, object, mapping);
    if (key !== undefined) found[field] = key;
  }
  const columns = Object.entries(object)
    .filter(([key]) => !(key in fixed))
    .map(([name, value]) => ({ name, example: exampleOf(value) }));
  return {
    columns,
    mapping: found,
    choosable,
    missing: required.filter((field) => !found[field]),
    fixed: Object.fromEntries(Object.entries(fixed).filter(([key]) => key in object)),
  };
}

/** A value in one short line. */
export function exampleOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const line = text.slice(0, 4 * EXAMPLE).replace(/\s+/g, ' ');
  return line.length > EXAMPLE ? `${line.slice(0, EXAMPLE - 1)}…` : line;
}

/** The object with its chosen keys under the format's own names. Without a mapping it is the object itself. */
export function renamed(object: JsonObject, keys: Keys, mapping: ImportMapping | undefined): JsonObject {
  const chosen = Object.entries(mapping ?? {}) as [ImportField, string][];
  if (chosen.length === 0) return object;
  const out = { ...object };
  for (const [field] of chosen) for (const key of keys[field] ?? []) delete out[key];
  for (const [field, key] of chosen) {
    const own = keys[field]?.[0];
    if (own !== undefined && object[key] !== undefined) out[own] = object[key];
  }
  return out;
}

/** Field that a key of the object is, or undefined: it is carried along as it is. */
export function fieldNamed(
  key: string,
  keys: Keys,
  mapping: ImportMapping | undefined,
): ImportField | undefined {
  for (const field of Object.keys(keys) as ImportField[]) {
    const chosen = mapping?.[field];
    if (chosen === undefined ? keys[field]!.includes(key) : chosen === key) return field;
  }
  return undefined;
}

/** Rows of a file: what is not JSON is an error row, each JSON value is handed to `toRows`. */
export async function* readRows(
  chunks: AsyncIterable<string>,
  { cursor }: ReadOptions,
  toRows: (line: number, value: unknown) => Iterable<ReadRow>,
): AsyncGenerator<ReadRow> {
  for await (const item of jsonRows(chunks, { cursor })) {
    if ('error' in item) {
      yield item;
      continue;
    }
    const rows = [...toRows(item.line, item.value)];
    const whole = cursor?.whole;
    for (const [i, row] of rows.entries()) {
      if (cursor && whole) cursor.whole = i === rows.length - 1;
      if (item.nth !== undefined) row.nth = item.nth;
      yield row;
    }
  }
}

/** A JSON list with one object a line. */
export function* writeList<T>(items: Iterable<T>, toObject: (item: T) => object): Generator<string> {
  yield '[';
  let first = true;
  for (const item of items) {
    yield `${first ? '\n' : ',\n'}${JSON.stringify(toObject(item))}`;
    first = false;
  }
  yield '\n]\n';
}
