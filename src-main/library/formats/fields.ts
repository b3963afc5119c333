/** @file Reading named fields of JSON objects, with errors that name the key and what was there instead. */
import { z } from 'zod';
import { Phrase, Provenance, QuestionType, Split } from '../../contract/schemas.ts';
import { UserError } from '../../platform/errors.ts';
import { parseTagged, type TextSpan } from '../../platform/tagged-text.ts';
import { firstIssue, RowError, type ExportRow, type ImportRow } from './format.ts';
import type { Extra } from './form.ts';

export type JsonObject = Record<string, unknown>;

/** The value as an object. */
export function asObject(value: unknown, what = 'row'): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new RowError(`${what}: expected an object {...}, got ${kindOf(value)}`);
  return value as JsonObject;
}

/** The first of `keys` that is there, as text. */
export function text(object: JsonObject, ...keys: string[]): string {
  const key = keys.find((k) => object[k] !== undefined && object[k] !== null);
  if (key === undefined)
    throw new RowError(
      `missing key ${keys.map((k) => `"${k}"`).join(' or ')}: the row has ${
        Object.keys(object)
          .slice(0, 12)
          .map((k) => `"${k}"`)
          .join(', ') || 'no keys'
      }`,
    );
  const value = object[key];
  if (typeof value !== 'string') throw new RowError(`"${key}": expected text, got ${kindOf(value)}`);
  return sound(value, key);
}

/** Like {@link text}, but null when none of the keys is there. Numbers are taken as text: ids often are numbers. */
export function optionalText(object: JsonObject, ...keys: string[]): string | null {
  for (const key of keys) {
    const value = object[key];
    if (typeof value === 'number') return String(value);
    if (value !== undefined && value !== null) return text(object, key);
  }
  return null;
}

/** One of a few words, or null when the key is not there. */
export function choice<T extends string>(
  object: JsonObject,
  key: string,
  schema: z.ZodType<T> & { options: readonly T[] },
): T | null {
  const value = optionalText(object, key)?.trim();
  if (value === undefined || value === '') return null;
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new RowError(
      `"${key}": expected ${schema.options.join(', ')} or nothing, got ${JSON.stringify(value)}`,
    );
  return parsed.data;
}

/** Text that can be stored and searched. */
export function sound(value: string, key: string): string {
  if (!value.isWellFormed())
    throw new RowError(`"${key}": expected Unicode text, got half a character (an unpaired surrogate)`);
  if (value.includes('\0')) throw new RowError(`"${key}": expected text, got one with a NUL character in it`);
  return value;
}

/** Text that may not be blank. */
export function filled(value: string, key: string): string {
  if (value.trim() === '') throw new RowError(`"${key}": expected text, got an empty one`);
  return value;
}

/** "a list", "a number", ... for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string')
    return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === 'object') return 'an object';
  return value === undefined ? 'nothing' : `${typeof value} ${JSON.stringify(value)}`;
}

/** The question without the placeholder of the video, which every format puts in front or behind. */
export function stripMediaMarker(question: string): string {
  return question.replace(/^(?:<(?:image|video)>\s*\n?)+/, '').replace(/(?:\n?\s*<(?:image|video)>)+$/, '');
}

/** Tagged text against its plain text, as spans; what is wrong with the tags is the row's error. */
export function spansOf(tagged: string, plain: string, key: string): TextSpan[] {
  try {
    return parseTagged(tagged, plain);
  } catch (error) {
    if (error instanceof UserError) throw new RowError(`"${key}": ${error.message}`, { cause: error });
    throw error;
  }
}

/** The key under which our own exports carry what a foreign format has no place for. Other programs ignore it. */
export const EXTENSION_KEY = 'workbench';

const Extension = z.object({
  type: QuestionType.optional(),
  split: Split.optional(),
  phrases: z.array(Phrase).optional(),
  provenance: Provenance.optional(),
  extra: z
    .object({
      format: z.string().optional(),
      form: z.record(z.string(), z.unknown()).optional(),
      part: z.tuple([z.number().int(), z.number().int(), z.number().int()]).optional(),
      video: z.string().optional(),
    })
    .optional(),
});

/**
 * What an export of this workbench says beyond the format; empty for files of other programs. An object that gives `count` rows says it
 * for each of them in `parts`.
 */
export function readExtension(object: JsonObject, index = 0, count = 1): z.infer<typeof Extension> {
  const own = object[EXTENSION_KEY] as { parts?: unknown[] } | null | undefined;
  const stated = count > 1 ? own?.parts?.[index] : own;
  if (stated === undefined) return {};
  const parsed = Extension.safeParse(stated);
  if (!parsed.success) throw new RowError(`"${EXTENSION_KEY}": ${firstIssue(parsed.error)}`);
  return parsed.data;
}

/** The counterpart of {@link readExtension}. A form of the format itself is filled, not carried along. */
export function writeExtension(row: ExportRow, ...formats: string[]): z.infer<typeof Extension> {
  const extra: Extra = formats.includes(row.extra.format ?? '') ? {} : row.extra;
  return {
    type: row.type,
    split: row.split,
    ...(row.rejected === null ? {} : { phrases: row.phrases }),
    // Through the schema for its order of keys, so that an export of an import is the same text.
    ...(row.provenance ? { provenance: Provenance.parse(row.provenance) } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** An import row from its required parts; everything else is absent unless given. */
export function importRow(
  required: Pick<ImportRow, 'video' | 'question' | 'chosen'> & Partial<ImportRow>,
): ImportRow {
  return {
    rejected: null,
    phrases: null,
    type: null,
    split: null,
    source: null,
    externalId: null,
    provenance: null,
    extra: {},
    ...required,
  };
}
