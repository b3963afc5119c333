/** @file Objects of a file that hold several questions: a row for each under an id of its own, and the rows back in one object. */
import type { ImportMapping } from '../../contract/schemas.ts';
import { asObject, EXTENSION_KEY, writeExtension, type JsonObject } from './fields.ts';
import { asIs, fieldSlot, fill, ownForm, type Extra, type Form } from './form.ts';
import { RowError, rowOrError, type ExportRow, type ImportRow, type ReadRow } from './format.ts';
import { fieldNamed, type Keys } from './json-format.ts';

/** Which row of which object it is: the object's line, the row's index and how many there are. */
export type Part = NonNullable<Extra['part']>;

/** A row for each part that `partsOf` finds in an object; a bad part costs itself only. */
export function* rowsOfParts<T>(
  line: number,
  value: unknown,
  partsOf: (object: JsonObject) => T[],
  toRow: (object: JsonObject, content: T, part: Part) => ImportRow,
): Generator<ReadRow> {
  let object: JsonObject;
  let parts: T[];
  try {
    object = asObject(value);
    parts = partsOf(object);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    yield { line, error: error.message };
    return;
  }
  for (const [k, content] of parts.entries())
    yield rowOrError(line, () => toRow(object, content, [line, k, parts.length]));
}

/** The id of one of several questions, under which it can stand alone. */
export function partId(id: string | null, [, index, count]: Part): string | null {
  return id !== null && count > 1 ? `${id}/${index}` : id;
}

/** What is kept with a row, with its part where the object has several. */
export function partExtra(extra: Extra | undefined, part: Part): Extra {
  return part[2] > 1 ? { ...extra, part } : (extra ?? {});
}

/** The object with places for what the workbench may change. `own`: what stands at the keys that hold the parts. */
export function partForm(
  object: JsonObject,
  keys: Keys,
  mapping: ImportMapping | undefined,
  own: Form,
  [, , count]: Part,
): Form {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([key]) => key !== EXTENSION_KEY)
      .map(([key, said]) => {
        if (Object.hasOwn(own, key)) return [key, own[key]];
        const field = fieldNamed(key, keys, mapping);
        // The rows of one object share its id.
        const mine = field && (field === 'video' || count === 1);
        return [key, mine ? fieldSlot(field, said) : asIs(said)];
      }),
  );
}

/** How a format writes the rows of one object. */
export type PartsLayout = {
  format: string;
  /** What is written for a row that came otherwise. */
  usual: (row: ExportRow) => Form;
  /** The key of the object's id. */
  id: string;
  /** Keys of the lists that hold something of each part. */
  lists: readonly string[];
};

/** One object of one row, or of all the rows that came in one. */
export function objectOfParts(run: readonly ExportRow[], { format, usual, id, lists }: PartsLayout): object {
  const objects = run.map((row): JsonObject => ({
    ...fill(usual(row), row),
    ...fill(ownForm(row, format) ?? {}, row),
    [EXTENSION_KEY]: writeExtension(row, format),
  }));
  const [row] = run;
  // One of several questions stands alone under its own id.
  if (run.length === 1) return row.extra.part ? { ...objects[0], [id]: row.externalId } : objects[0];
  const joined = lists
    .map((key): [string, unknown[]] => [key, objects.flatMap((object) => object[key] ?? [])])
    .filter(([, list]) => list.length > 0);
  return {
    ...objects[0],
    ...Object.fromEntries(joined),
    [EXTENSION_KEY]: { parts: run.map((part) => writeExtension(part, format)) },
  };
}

/** Runs of rows that were one object of the file and are all there, one after the other; other rows alone. */
export function* together(rows: Iterable<ExportRow>, format: string): Generator<ExportRow[]> {
  let run: ExportRow[] = [];
  for (const row of rows) {
    const part = ownForm(row, format) && row.extra.part;
    const last = run.at(-1);
    const fits =
      part &&
      last &&
      part[1] === run.length &&
      part[0] === last.extra.part?.[0] &&
      row.source === last.source;
    if (!fits) {
      for (const alone of run) yield [alone];
      run = [];
    }
    if (!part || part[1] !== run.length) {
      yield [row];
      continue;
    }
    run.push(row);
    if (run.length < part[2]) continue;
    yield run;
    run = [];
  }
  for (const alone of run) yield [alone];
}
