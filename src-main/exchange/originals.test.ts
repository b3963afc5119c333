/**
 * @file Files as their formats' own documentation shows them, imported and exported untouched: every field comes back as it was, with the
 * odd things that real files have: only one of two path keys, numbers as ids, tags without spaces, fields that nobody knows.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ImportFormat, ImportMapping } from '../contract/schemas.ts';
import { importSamples } from '../library/import.ts';
import { delimitedRecords } from '../library/text/delimited.ts';
import { PairService } from '../pairs/pairs.ts';
import { temporaryProject } from '../project/testing.ts';
import type { OpenProject } from '../project/project.ts';
import { exportPairs } from './pairs-export.ts';

let project: OpenProject;
let folder: string;
let dispose: () => void;
beforeEach(async () => {
  ({ project, folder, dispose } = await temporaryProject());
  for (const name of ['clips/a b.mp4', 'clips/it\'s "ü" 视频.mp4', 'top.mp4']) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), name);
  }
});
afterEach(() => dispose());

type Json = Record<string, unknown>;
type Id = (typeof ImportFormat.options)[number];

/** What a file gives when it is imported and exported as it is, beside it. */
async function roundTrip(text: string, format: Id, mapping?: ImportMapping): Promise<string> {
  const source = path.join(folder, `in.${format}`);
  writeFileSync(source, text);
  const pairs = new PairService(project);
  const report = await importSamples(project, {
    file: source,
    mapping,
    addPair: (id, row, isNew) => pairs.addImported(id, row, isNew),
  });
  expect(report.errors).toEqual([]);
  const target = path.join(folder, `out.${format}`);
  await exportPairs(project, { path: target, format });
  return readFileSync(target, 'utf8');
}

// The data files of the method's release: `video` in their description, `media_path` in their loader.
const RRPO: Json[] = [
  {
    sample_id: 'tgif_12',
    src: 'tgif',
    video: 'clips/a b.mp4',
    question: '<image>\nWhat swims?',
    answer: 'A goose swims.',
    pred: 'A dog swims.',
    answer_masked: 'A <MASK> goose </MASK> swims.',
    pred_masked: 'A <MASK> dog </MASK> swims.',
  },
  {
    question: 'What swims?\n<image>',
    answer: 'A goose, swims.',
    pred: 'A dog. A cat.',
    answer_masked: 'A <MASK>goose</MASK>, <MASK> swims. </MASK>',
    pred_masked: '<MASK>A dog.</MASK> <MASK>  A cat</MASK>.',
    src: 'star',
    sample_id: 7,
    media_path: 'clips/it\'s "ü" 视频.mp4',
    frames: [1, 2, { $: 'x' }],
    weight: 0.5,
    note: null,
    nested: { a: [{}], b: false },
  },
  {
    question: 'No marks?',
    answer: 'Yes',
    pred: 'No',
    video: '/nowhere/gone.mp4',
    type: 'yes_no',
    split: 'train',
  },
  { question: 'Only preferred?', answer: 'Yes, it does.', video: './top.mp4', type: '' },
  {
    question: 'No marks?',
    answer: 'Yes',
    pred: 'Never',
    video: '/nowhere/gone.mp4',
    sample_id: 'second',
    weight: 2,
  },
];

// VideoChat2's instruction data, with the method's `QA_NEG` beside it.
const VIDEOCHAT2: Json[] = [
  {
    video: 'clips/a b.mp4',
    QA: [
      { i: 'Watch the video.', q: 'What swims?', a: 'A goose.' },
      { i: '', q: 'Where?', a: 'In a lake.', extra: 1 },
    ],
    QA_NEG: [
      { i: 'Watch the video.', q: 'What swims?', a: 'A dog.' },
      { q: 'Where?', a: 'In the sea.' },
    ],
    sample_id: 'k710_3',
    start: 1.5,
  },
  { video: 'top.mp4', QA: [{ q: 'Alone?', a: 'Yes.' }], QA_NEG: [{ q: 'Alone?', a: 'No.' }], sample_id: 4 },
  { video: 'top.mp4', QA: [{ i: 'Only the right answers.', q: 'And here?', a: 'Also.' }] },
];

// Preference data as TRL's documentation has it: plain, conversational, with an implicit prompt; `videos` and `images` columns.
const HF: Json[] = [
  { prompt: 'What swims?', chosen: 'A goose.', rejected: 'A dog.', videos: ['clips/a b.mp4'] },
  {
    id: 3,
    prompt: [
      { role: 'system', content: 'You are kind.' },
      { role: 'user', content: [{ type: 'video' }, { type: 'text', text: 'What swims, then?' }] },
    ],
    chosen: [{ role: 'assistant', content: 'A goose.' }],
    rejected: [{ role: 'assistant', content: [{ type: 'text', text: 'A dog.' }], weight: 1 }],
    videos: [{ path: 'clips/a b.mp4', bytes: null }],
    score_chosen: 9.5,
  },
  {
    chosen: [
      { role: 'user', content: 'Who swims?' },
      { role: 'assistant', content: 'A goose.' },
    ],
    rejected: [
      { role: 'user', content: 'Who swims?' },
      { role: 'assistant', content: 'A dog.' },
    ],
    video: 'top.mp4',
  },
  {
    prompt: [
      {
        role: 'user',
        content: [
          { type: 'video', video: 'top.mp4', fps: 2 },
          { type: 'text', text: 'In the prompt?' },
        ],
      },
    ],
    chosen: [{ role: 'assistant', content: 'Yes.' }],
    rejected: [{ role: 'assistant', content: 'No.' }],
  },
];

// LLaVA's instruction data: several rounds in one conversation.
const LLAVA: Json[] = [
  {
    id: 'x_1',
    data_source: 'academic',
    video: 'clips/a b.mp4',
    conversations: [
      { from: 'human', value: '<image>\nWhat swims?' },
      { from: 'gpt', value: 'A goose.' },
      { from: 'human', value: 'Where?' },
      { from: 'gpt', value: 'In a lake.' },
    ],
    time: '0-10',
  },
  {
    id: 5,
    video: 'top.mp4',
    conversations: [
      { from: 'system', value: 'Be short.' },
      { from: 'human', value: '<video>\nWhat is it?', lang: 'en' },
      { from: 'gpt', value: 'A test.' },
    ],
  },
  {
    video: 'top.mp4',
    conversations: [
      { from: 'human', value: 'Plain?' },
      { from: 'gpt', value: 'Yes.' },
    ],
    rejected: 'No.',
  },
];

const parse = (text: string, id: Id): Json[] =>
  id === 'hf-preference-jsonl'
    ? text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Json)
    : (JSON.parse(text) as Json[]);

test.each<[Id, Json[], string[]]>([
  ['rrpo-json', RRPO, ['media_path', 'video', 'src', 'sample_id', 'pred', 'answer_masked', 'pred_masked']],
  ['videochat2-json', VIDEOCHAT2, ['sample_id', 'src']],
  ['hf-preference-jsonl', HF, []],
  ['llava-json', LLAVA, ['id', 'data_source']],
])('%s: what was not touched comes back field for field', async (id, original, added) => {
  const text =
    id === 'hf-preference-jsonl'
      ? original.map((row) => JSON.stringify(row)).join('\n')
      : JSON.stringify(original, null, 4);
  const back = parse(await roundTrip(text, id), id);
  expect(back.length).toBe(original.length);
  for (const [i, row] of back.entries()) {
    expect(Object.fromEntries(Object.keys(original[i]).map((key) => [key, row[key]]))).toEqual(original[i]);
    // What is more is ours, or what the official loaders want.
    const more = Object.keys(row).filter((key) => !(key in original[i]) && key !== 'workbench');
    expect(more.filter((key) => !added.includes(key))).toEqual([]);
  }
});

async function records(text: string, separator: string): Promise<string[][]> {
  const out: string[][] = [];
  const pieces = async function* (): AsyncGenerator<string> {
    yield await Promise.resolve(text);
  };
  for await (const { fields } of delimitedRecords(pieces(), separator)) out.push(fields);
  return out;
}

test.each<[string, Id, string, string, ImportMapping | undefined]>([
  [
    'quotes, line ends inside, unknown columns',
    'csv',
    ',',
    'Video Path,Question,Answer,Pred,pred_masked,note,id\r\nclips/a b.mp4,"What, ""then"",\nswims?",A goose.,A dog.,A <MASK>dog</MASK>.,"  spaced ",7\r\ntop.mp4,"<image>\nWho?",Me,,,=1+1,\r\n',
    undefined,
  ],
  [
    'semicolons and a byte order mark, columns chosen by hand',
    'csv',
    ';',
    '\ufeffDatei;Frage;Antwort;Falsch;Kommentar\nclips/a b.mp4;Was schwimmt?;Eine Gans.;Ein Hund.;3,5\n',
    { video: 'Datei', question: 'Frage', chosen: 'Antwort', rejected: 'Falsch' },
  ],
  ['tabs', 'tsv', '\t', 'video\tquestion\tchosen\trejected\ntop.mp4\tWhat, then?\t"A ""b"""\tc\n', undefined],
])('tables, %s: every cell comes back', async (_, id, separator, text, mapping) => {
  const [header, ...rows] = await records(text, separator);
  const [outHeader, ...outRows] = await records(
    await roundTrip(text, id, mapping),
    id === 'tsv' ? '\t' : ',',
  );
  expect(outHeader.slice(0, header.length)).toEqual(header);
  expect(outRows.map((row) => row.slice(0, header.length))).toEqual(rows);
});

test('a row that was edited is written with the edit, in its own form', async () => {
  await roundTrip(JSON.stringify(HF.slice(0, 1)), 'hf-preference-jsonl');
  const pairs = new PairService(project);
  const [pair] = [...pairs.all()];
  pairs.save({ ...pair, pairId: pair.id, baseVersion: 1, rejected: 'A cat.', phrases: [] });
  const target = path.join(folder, 'edited.jsonl');
  await exportPairs(project, { path: target, format: 'hf-preference-jsonl' });
  expect(JSON.parse(readFileSync(target, 'utf8'))).toMatchObject({ ...HF[0], rejected: 'A cat.' });
});
