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
  sound,
  stripMediaMarker,
  writeExtension,
  type JsonObject,
} from './fields.ts';
import { asIs, extraOf, fieldSlot, fill, ownForm, questionSlot, type Form } from './form.ts';
import { RowError, rowOrError, type Format, type ImportRow, type ReadOptions } from './format.ts';
import { fieldNamed, jsonFields, readRows, renamed, type Keys } from './json-format.ts';

const ID = 'hf-preference-jsonl';

const KEYS: Keys = {
  video: ['videos', 'video', 'video_path', 'media_path'],
  question: ['prompt'],
  chosen: ['chosen'],
  rejected: ['rejected'],
  source: ['source', 'src'],
  id: ['id', 'sample_id'],
};
const FIXED = { [EXTENSION_KEY]: 'type, split, phrases, provenance' };

// Conversational, because that is what chat templates of video models are applied to.
const USUAL: Form = {
  id: { $: 'id' },
  source: { $: 'source' },
  videos: [{ $: 'video' }],
  prompt: [{ role: 'user', content: [{ type: 'video' }, { type: 'text', text: { $: 'question' } }] }],
  chosen: [{ role: 'assistant', content: [{ type: 'text', text: { $: 'chosen' } }] }],
  rejected: [{ role: 'assistant', content: [{ type: 'text', text: { $: 'rejected' } }] }],
};

export const hfPreferenceJsonl: Format = {
  id: ID,
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

  // The video may stand in the prompt, the prompt in the answers.
  fields: (head, mapping) => jsonFields(head, KEYS, ['chosen', 'rejected'], FIXED, mapping),

  read: (chunks, options = {}) =>
    readRows(chunks, options, (line, value) => [rowOrError(line, () => toRow(asObject(value), options))]),

  *write(rows) {
    for (const row of rows) {
      const own = ownForm(row, ID);
      // A form of its own is complete: a "prompt" beside conversations that begin with it would ask twice.
      const object = { ...(own?.chosen === undefined ? fill(USUAL, row) : {}), ...fill(own ?? {}, row) };
      yield `${JSON.stringify({ ...object, [EXTENSION_KEY]: writeExtension(row, ID) })}\n`;
    }
  },
};

type Turn = { role: string; text: string; videos: string[] };

function toRow(original: JsonObject, { mapping }: ReadOptions): ImportRow {
  const object = renamed(original, KEYS, mapping);
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
  const row = importRow({
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
  const form: Form = {};
  for (const [key, value] of Object.entries(original))
    if (key !== EXTENSION_KEY) form[key] = formOf(fieldNamed(key, KEYS, mapping), value, row);
  return { ...row, extra: extraOf(ID, form, USUAL, row) };
}

/** A value of the row with places for what the workbench may change. */
function formOf(field: ReturnType<typeof fieldNamed>, value: unknown, row: ImportRow): unknown {
  switch (field) {
    case 'question':
      return typeof value === 'string' ? questionSlot(value, row.question) : turnsForm(value, row, null);
    case 'chosen':
    case 'rejected':
      return value === row[field] ? { $: field } : turnsForm(value, row, field);
    case 'video':
      return placed(value, row.video, 'video');
    default:
      return field === undefined ? asIs(value) : fieldSlot(field, value);
  }
}

/** A conversation whose user asks the row's question and whose last turn, when `answer` is given, is that answer. */
function turnsForm(value: unknown, row: ImportRow, answer: 'chosen' | 'rejected' | null): unknown {
  if (!Array.isArray(value)) return asIs(value);
  return (value as JsonObject[]).map((turn, i) => {
    const last = answer !== null && i === value.length - 1;
    const said = (text: unknown): unknown =>
      last && text === row[answer]
        ? { $: answer }
        : turn.role === 'user' && typeof text === 'string' && stripMediaMarker(text) === row.question
          ? questionSlot(text, row.question)
          : asIs(text);
    if (!last && turn.role !== 'user') return asIs(turn);
    const { content } = turn;
    if (typeof content === 'string') return { ...turn, content: said(content) };
    if (!Array.isArray(content)) return asIs(turn);
    const parts = (content as JsonObject[]).map((part) => {
      if (part.type === 'text') return { ...part, text: said(part.text) };
      return part.type === 'video' ? placed(part, row.video, 'video') : asIs(part);
    });
    return { ...turn, content: parts };
  });
}

/** The value with a slot wherever this very text stands. */
function placed(value: unknown, text: string, $: 'video'): unknown {
  if (value === text) return { $ };
  if (Array.isArray(value)) return value.map((item) => placed(item, text, $));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, placed(item, text, $)]));
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
    return [{ role: key === 'prompt' ? 'user' : 'assistant', text: sound(value, key), videos: [] }];
  if (!Array.isArray(value))
    throw new RowError(`"${key}": expected text or a list of turns, got ${kindOf(value)}`);
  return value.map((turn, i) => {
    const { role, content } = asObject(turn, `"${key}" turn ${i + 1}`);
    if (typeof role !== 'string')
      throw new RowError(`"${key}" turn ${i + 1}: expected a "role", got ${kindOf(role)}`);
    if (typeof content === 'string') return { role, text: sound(content, key), videos: [] };
    if (!Array.isArray(content))
      throw new RowError(
        `"${key}" turn ${i + 1}: expected "content" as text or a list, got ${kindOf(content)}`,
      );
    const parts = content.map((part) => asObject(part, `"${key}" turn ${i + 1} content`));
    return {
      role,
      text: parts
        .filter((part) => part.type === 'text')
        .map((part) => (typeof part.text === 'string' ? sound(part.text, key) : ''))
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
