/**
 * @file LLaVA files: a list of `{id, video, conversations: [{from: 'human', value}, {from: 'gpt', value}]}`. A conversation of several
 * questions gives one row per question. A wrong answer may stand beside it as `rejected`.
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
  text,
  writeExtension,
  type JsonObject,
} from './fields.ts';
import { RowError, rowOrError, type Format, type ReadRow } from './format.ts';
import { mappingOf, readRows, writeList } from './json-format.ts';

const FIELDS: Record<string, string> = {
  video: 'video',
  conversations: 'questions (human) and preferred answers (gpt)',
  rejected: 'non-preferred answer',
  data_source: 'source',
  id: 'id in the file',
  [EXTENSION_KEY]: 'type, split, phrases, provenance',
};

export const llavaJson: Format = {
  id: 'llava-json',
  name: 'LLaVA conversations JSON',

  detect(head) {
    const first = firstJsonRow(head.text) as JsonObject | undefined | null;
    const value = Array.isArray(first?.conversations);
    return {
      value,
      reason: value
        ? 'its first row has a list "conversations"'
        : 'its first row has no list "conversations"',
    };
  },

  mapping: (head) => mappingOf(FIELDS, head),

  read: (chunks) => readRows(chunks, toRows),

  write: (rows) =>
    writeList(rows, (row) => {
      return {
        id: row.externalId,
        data_source: row.source,
        video: row.video,
        conversations: [
          { from: 'human', value: `<image>\n${row.question}` },
          { from: 'gpt', value: row.chosen },
        ],
        ...(row.rejected === null ? {} : { rejected: row.rejected }),
        [EXTENSION_KEY]: writeExtension(row),
      };
    }),
};

const HUMAN = new Set(['human', 'user']);
const MODEL = new Set(['gpt', 'assistant', 'model']);

/** One row per question and answer. */
function* toRows(line: number, value: unknown): Generator<ReadRow> {
  let object: JsonObject;
  let exchanges: { question: string; answer: string }[];
  try {
    object = asObject(value);
    exchanges = pairUp(object.conversations);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    yield { line, error: error.message };
    return;
  }
  for (const [k, { question, answer }] of exchanges.entries()) {
    yield rowOrError(line, () => {
      const extension = readExtension(object);
      const rejected = exchanges.length === 1 ? optionalText(object, 'rejected') : null;
      const id = optionalText(object, 'id');
      return importRow({
        video: filled(text(object, 'video', 'media_path'), 'video'),
        question: filled(stripMediaMarker(question), 'conversations'),
        chosen: filled(answer, 'conversations'),
        rejected: rejected === '' ? null : rejected,
        phrases: extension.phrases && rejected ? { phrases: extension.phrases } : null,
        type: extension.type ?? null,
        split: extension.split ?? null,
        source: optionalText(object, 'data_source', 'source'),
        externalId: id !== null && exchanges.length > 1 ? `${id}/${k}` : id,
        provenance: extension.provenance ?? null,
        extra: extension.extra ?? {},
      });
    });
  }
}

function pairUp(conversations: unknown): { question: string; answer: string }[] {
  if (!Array.isArray(conversations))
    throw new RowError(`missing key "conversations": expected a list of turns, got ${kindOf(conversations)}`);
  const out: { question: string; answer: string }[] = [];
  let question: string | null = null;
  for (const [i, item] of conversations.entries()) {
    const turn = asObject(item, `conversations[${i}]`);
    const from = text(turn, 'from', 'role');
    const said = text(turn, 'value', 'content');
    if (HUMAN.has(from)) {
      if (question !== null)
        throw new RowError(`conversations[${i}]: expected an answer, got another question`);
      question = said;
    } else if (MODEL.has(from)) {
      if (question === null) throw new RowError(`conversations[${i}]: expected a question before the answer`);
      out.push({ question, answer: said });
      question = null;
    } else if (from !== 'system')
      throw new RowError(`conversations[${i}]: expected "from" to be human or gpt, got ${kindOf(from)}`);
  }
  if (out.length === 0) throw new RowError('"conversations": expected a question and an answer, got none');
  return out;
}
