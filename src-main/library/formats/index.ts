/** @file All import formats, and which of them a file is in. */
import path from 'node:path';
import type { z } from 'zod';
import type { ImportFormat } from '../../contract/schemas.ts';
import { UserError } from '../../platform/errors.ts';
import { firstJsonRow } from '../text/json-rows.ts';
import { readHead, type Head } from '../text/read-text.ts';
import { csv, tsv } from './csv.ts';
import type { Format } from './format.ts';
import { hfPreferenceJsonl } from './hf-preference-jsonl.ts';
import { llavaJson } from './llava-json.ts';
import { rrpoJson } from './rrpo-json.ts';
import { videochat2Json } from './videochat2-json.ts';

/** By id; the order is the order of trying. */
export const FORMATS: Record<z.infer<typeof ImportFormat>, Format> = {
  'rrpo-json': rrpoJson,
  'videochat2-json': videochat2Json,
  'llava-json': llavaJson,
  'hf-preference-jsonl': hfPreferenceJsonl,
  csv,
  tsv,
};

/**
 * The format of a file, by its content and never by its name. `lenient`: a file whose names no format knows is taken for objects or a
 * table of which a person will choose the fields.
 * @throws UserError BAD_INPUT listing what each format missed.
 */
export async function detectFormat(
  file: string,
  stated?: z.infer<typeof ImportFormat>,
  lenient = false,
): Promise<{ format: Format; reason: string; head: Head }> {
  const head: Head = { name: path.basename(file), text: await readHead(file) };
  if (stated) return { format: FORMATS[stated], reason: 'chosen by hand', head };
  const tried: string[] = [];
  for (const format of Object.values(FORMATS)) {
    const { value, reason } = format.detect(head);
    if (value) return { format, reason, head };
    tried.push(`${format.name}: ${reason}`);
  }
  const format = lenient ? unnamed(head) : null;
  if (format) return { format, reason: 'its columns have names of their own: choose the fields below', head };
  throw new UserError(
    'BAD_INPUT',
    `import: expected a file in a known format, got ${file}, which is none (${tried.join('; ')})`,
    'Name the fields as one of these formats does, or choose the format and the fields by hand.',
  );
}

/** What reads objects or a table of unknown names; null when it is neither. */
function unnamed(head: Head): Format | null {
  const first = firstJsonRow(head.text);
  if (first !== null && typeof first === 'object' && !Array.isArray(first)) return rrpoJson;
  if (/^\s*[[{]/.test(head.text)) return null;
  return [csv, tsv].find((format) => format.fields(head).columns.length > 2) ?? null;
}
