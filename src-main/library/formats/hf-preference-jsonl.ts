/**
 * @file Hugging Face preference data, one JSON object per line: `{prompt, chosen, rejected, videos}`, each of the first three
 * plain text or conversational (a list of `{role, content}`, `content` being text or a list of typed parts).
 */
import { firstJsonRow } from '../text/json-rows.ts';
import {
  asObject,
  EXTENSION_KEY,
  filled,
  importRow,
  kindOf,
  optionalText,
  readExtension,
  stripMediaMarker,
  writeExtension,
  type JsonObject,
} from './fields.ts';
import { RowError, rowOrError, type Format, type ImportRow } from './format.ts';
import { mappingOf, readRows } from './json-format.ts';

const FIELDS: Record<string, string> = {
  prompt: 'question',
  chosen: 'preferred answer',
  rejected: 'non-preferred answer',
  videos: 'video',
  video: 'video',
  source: 'source',
  id: 'id in the file',
  [EXTENSION_KEY]: 'type, split, phrases, provenance',
};

export const hfPreferenceJsonl: Format = {
  id: 'hf-preference-jsonl',
  name: 'Hugging Face preference JSONL',

  detect(head) {
    const first = firstJsonRow(head.text);
    const keys = first !== null && typeof first === 'object' ? Object.keys(first) : [];
    const value = keys.includes('chosen') && keys.includes('rejected') && !keys.includes('conversations');
    const conversational = value && Array.isArray((first as JsonObject).chosen);
    return {
      value,
      reason: value
        ? `its first line has "chosen" and "rejected"${conversational ? ' as conversations' : ''}`
        : 'its first line has no "chosen" and "rejected"',
    };
  },

  mapping: (head) => mappingOf(FIELDS, head),

  read: (chunks) => readRows(chunks, (line, value) => [rowOrError(line, () => toRow(asObject(value)))]),

  // Conversational, because that is what chat templates of video models are applied to.
  *write(rows) {
    for (const row of rows) {
      const content = [{ type: 'video' }, { type: 'text', text: row.question }];
      const answer = (text: string): unknown => [{ role: 'assistant', content: [{ type: 'text', text }] }];
      yield `${JSON.stringify({
        id: row.externalId,
        source: row.source,
        videos: [row.video],
        prompt: [{ role: 'user', content }],
        chosen: answer(row.chosen),
        rejected: answer(row.rejected ?? ''),
        [EXTENSION_KEY]: writeExtension(row),
      })}\n`;
    }
  },
};

type Turn = { role: string; text: string; videos: string[] };

function toRow(object: JsonObject): ImportRow {
  const chosen = turns(object, 'chosen');
  const rejected = turns(object, 'rejected');
  // Without "prompt" the conversations carry it: everything before the last answer.
  const prompt = object.prompt === undefined ? chosen.slice(0, -1) : turns(object, 'prompt');
  const users = prompt.filter((turn) => turn.role === 'user');
  if (users.length === 0)
    throw new RowError('missing key "prompt": expected a question of the user, got none');
  if (users.length > 1)
    throw new RowError(`"prompt": expected one question, got a conversation of ${users.length} questions`);
  const extension = readExtension(object);
  const rejectedText = rejected.at(-1)?.text ?? '';
  return importRow({
    video: findVideo(object, prompt),
    question: filled(stripMediaMarker(users[0].text), 'prompt'),
    chosen: filled(chosen.at(-1)?.text ?? '', 'chosen'),
    rejected: rejectedText === '' ? null : rejectedText,
    phrases: extension.phrases ? { phrases: extension.phrases } : null,
    type: extension.type ?? null,
    split: extension.split ?? null,
    source: optionalText(object, 'source', 'src'),
    externalId: optionalText(object, 'id', 'sample_id'),
    provenance: extension.provenance ?? null,
    extra: extension.extra ?? {},
  });
}

/** A text, or a list of turns, as turns. */
function turns(object: JsonObject, key: string): Turn[] {
  const value = object[key];
  if (value === undefined || value === null)
    throw new RowError(
      `missing key "${key}": the row has ${Object.keys(object)
        .slice(0, 12)
        .map((k) => `"${k}"`)
        .join(', ')}`,
    );
  if (typeof value === 'string')
    return [{ role: key === 'prompt' ? 'user' : 'assistant', text: value, videos: [] }];
  if (!Array.isArray(value))
    throw new RowError(`"${key}": expected text or a list of turns, got ${kindOf(value)}`);
  return value.map((turn, i) => {
    const { role, content } = asObject(turn, `"${key}" turn ${i + 1}`);
    if (typeof role !== 'string')
      throw new RowError(`"${key}" turn ${i + 1}: expected a "role", got ${kindOf(role)}`);
    if (typeof content === 'string') return { role, text: content, videos: [] };
    if (!Array.isArray(content))
      throw new RowError(
        `"${key}" turn ${i + 1}: expected "content" as text or a list, got ${kindOf(content)}`,
      );
    const parts = content.map((part) => asObject(part, `"${key}" turn ${i + 1} content`));
    return {
      role,
      text: parts
        .filter((part) => part.type === 'text')
        .map((part) => (typeof part.text === 'string' ? part.text : ''))
        .join('\n'),
      videos: parts
        .filter((part) => part.type === 'video')
        .flatMap((part) => [part.video, part.path, part.url].filter((p) => typeof p === 'string')),
    };
  });
}

function findVideo(object: JsonObject, prompt: Turn[]): string {
  const stated = object.videos ?? object.video ?? object.video_path ?? object.media_path;
  const all = stated === undefined ? prompt.flatMap((turn) => turn.videos) : [stated].flat();
  const paths = all.map((item) =>
    item !== null && typeof item === 'object' ? (item as JsonObject).path : item,
  );
  if (paths.length === 0) throw new RowError('missing key "videos": expected the path of a video, got none');
  if (paths.length > 1) throw new RowError(`"videos": expected one video, got ${paths.length}`);
  if (typeof paths[0] !== 'string')
    throw new RowError(`"videos": expected the path of a video, got ${kindOf(paths[0])}`);
  return filled(paths[0], 'videos');
}
