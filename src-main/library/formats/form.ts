/**
 * @file The form of a row: an object with places for what the workbench may change, and everything else as the file had it. A
 * writer fills it, so that what was imported and not touched is written field for field as it was.
 */
import { formatTagged, parseTagged, type TextSpan } from '../../platform/tagged-text.ts';
import { UserError } from '../../platform/errors.ts';
import type { ExportRow, ImportRow } from './format.ts';
import { mergedSpans } from './marks.ts';

type Place =
  | 'video'
  | 'question'
  | 'chosen'
  | 'rejected'
  | 'chosen_masked'
  | 'rejected_masked'
  | 'type'
  | 'split'
  | 'source'
  | 'id';

/**
 * A place in a form. `before` and `after`: what stands around a question. `text`: tagged text as the file had it, used for as long
 * as it says the same as the marks.
 */
export type Slot = { $: Place; before?: string; after?: string; text?: string };

/** A JSON value with slots in it. An object of the file that has a key `$` itself is wrapped as `{$: 'as it is', value}`. */
export type Form = { [key: string]: unknown };

/** What is kept with a row beyond its fields. */
export type Extra = {
  /** The format whose form this is; other formats carry it along. */
  format?: string;
  form?: Form;
  /** Rows of one object of the file: its line, which of its rows this is, of how many. */
  part?: [line: number, index: number, count: number];
  /** The video's path as written, where it is not what an export beside the file would write. */
  video?: string;
};

/** A value of the file, to be given back as it is. */
export function asIs(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  return JSON.stringify(value).includes('"$":') ? { $: 'as it is', value } : value;
}

/**
 * A value that is a field as a whole. A word that the file left empty stays empty, whatever the workbench found in its place; only
 * the split is always told.
 */
export function fieldSlot(place: Place, written: unknown): unknown {
  const isWord = place === 'type' || place === 'source' || place === 'id';
  return typeof written === 'string' && !(isWord && written === '') ? { $: place } : asIs(written);
}

/** A question as the file has it, around the question without its media marker. */
export function questionSlot(written: unknown, question: string): unknown {
  if (typeof written !== 'string') return asIs(written);
  const at = written.indexOf(question);
  if (at < 0) return asIs(written);
  const before = written.slice(0, at);
  const after = written.slice(at + question.length);
  return { $: 'question', ...(before ? { before } : {}), ...(after ? { after } : {}) } satisfies Slot;
}

/** Tagged text, kept as written where the workbench would set its spaces otherwise. */
export function taggedSlot(
  place: 'chosen_masked' | 'rejected_masked',
  tagged: unknown,
  plain: string,
  spans: readonly TextSpan[],
): unknown {
  if (typeof tagged !== 'string') return asIs(tagged);
  const usual = spans.length > 0 ? formatTagged(plain, spans) : plain;
  return usual === tagged ? { $: place } : ({ $: place, text: tagged } satisfies Slot);
}

/** What to keep of a form: nothing when `usual` writes all of it anyway. */
export function extraOf(format: string, form: Form, usual: Form, row: Pick<ImportRow, 'extra'>): Extra {
  const same = Object.keys(form).every((key) => JSON.stringify(form[key]) === JSON.stringify(usual[key]));
  return same ? row.extra : { ...row.extra, format, form };
}

/** The row's own form when it came in this format. */
export function ownForm(row: ExportRow, ...formats: string[]): Form | undefined {
  return formats.includes(row.extra.format ?? '') ? row.extra.form : undefined;
}

/** The form with the row's values in its places. */
export function fill(form: Form, row: ExportRow): Record<string, unknown> {
  return fillValue(form, row) as Record<string, unknown>;
}

function fillValue(value: unknown, row: ExportRow): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => fillValue(item, row));
  if ('$' in value)
    return value.$ === 'as it is' ? (value as { value?: unknown }).value : fillSlot(value as Slot, row);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillValue(item, row)]));
}

/** What stands at a place. */
export function fillSlot(slot: Slot, row: ExportRow): string {
  switch (slot.$) {
    case 'question':
      return `${slot.before ?? ''}${row.question}${slot.after ?? ''}`;
    case 'chosen_masked':
      return tagged(row, 'chosen', slot.text);
    case 'rejected_masked':
      return tagged(row, 'rejected', slot.text);
    case 'rejected':
      return row.rejected ?? '';
    case 'id':
      return row.externalId;
    default:
      return row[slot.$];
  }
}

function tagged(row: ExportRow, side: 'chosen' | 'rejected', written: string | undefined): string {
  const plain = row[side] ?? '';
  const spans = mergedSpans(row.phrases.flatMap((p) => (p[side] ? [p[side]] : [])));
  const usual = formatTagged(plain, spans);
  return written !== undefined && saysTheSame(written, plain, usual) ? written : usual;
}

function saysTheSame(written: string, plain: string, usual: string): boolean {
  try {
    return formatTagged(plain, parseTagged(written, plain)) === usual;
  } catch (error) {
    if (error instanceof UserError) return false; // of a text that was edited since
    throw error;
  }
}
