/** @file Every import format: recognised by content, read field for field, and a bad row told with its key. */
import { describe, expect, test } from 'vitest';
import type { ImportRow, ReadRow } from './format.ts';
import { FORMATS } from './index.ts';

type Id = keyof typeof FORMATS;
async function* once(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}
async function read(id: Id, text: string): Promise<ReadRow[]> {
  const out: ReadRow[] = [];
  for await (const row of FORMATS[id].read(once(text))) out.push(row);
  return out;
}
const rows = async (id: Id, text: string): Promise<Partial<ImportRow>[]> =>
  (await read(id, text)).map((r) => ('row' in r ? r.row : { source: `line ${r.line}: ${r.error}` }));
const error = async (id: Id, row: unknown): Promise<string> => {
  const [first] = await read(id, id.endsWith('jsonl') ? JSON.stringify(row) : JSON.stringify([row]));
  return 'error' in first ? first.error : `no error: ${JSON.stringify(first.row)}`;
};

const EXAMPLES: Record<Id, string> = {
  'rrpo-json': JSON.stringify([
    {
      question: '<image>\nWhat swims?',
      answer: 'A goose.',
      pred: 'A dog.',
      answer_masked: 'A <MASK> goose </MASK>.',
      pred_masked: 'A <MASK> dog </MASK>.',
      src: 'tgif',
      sample_id: 7,
      media_path: 'a/b.mp4',
    },
  ]),
  'videochat2-json': JSON.stringify([
    {
      video: 'a/b.mp4',
      QA: [
        { i: 'Watch.', q: 'What swims?', a: 'A goose.' },
        { q: 'Where?', a: 'In a lake.' },
      ],
      QA_NEG: [
        { i: 'Watch.', q: 'What swims?', a: 'A dog.' },
        { q: 'Where?', a: 'In the sea.' },
      ],
      sample_id: 's1',
    },
  ]),
  'hf-preference-jsonl': `${JSON.stringify({ prompt: 'What swims?', chosen: 'A goose.', rejected: 'A dog.', videos: ['a/b.mp4'] })}\n${JSON.stringify(
    {
      prompt: [
        { role: 'system', content: 'You are kind.' },
        { role: 'user', content: [{ type: 'video' }, { type: 'text', text: 'What swims?' }] },
      ],
      chosen: [{ role: 'assistant', content: 'A goose.' }],
      rejected: [{ role: 'assistant', content: [{ type: 'text', text: 'A dog.' }] }],
      video: { path: 'a/b.mp4' },
    },
  )}\n`,
  'llava-json': JSON.stringify([
    {
      id: 'x',
      video: 'a/b.mp4',
      conversations: [
        { from: 'human', value: '<image>\nWhat swims?' },
        { from: 'gpt', value: 'A goose.' },
        { from: 'human', value: 'Where?' },
        { from: 'gpt', value: 'In a lake.' },
      ],
    },
  ]),
  csv: 'Video Path,Question,Answer,Pred,pred_masked,Type,Split\na/b.mp4,"What, then, swims?",A goose.,A dog.,A <MASK>dog</MASK>.,short,heldout\n',
  tsv: 'video\tquestion\tchosen\na/b.mp4\tWhat swims?\tA goose.\n',
};

describe('detection', () => {
  test.each(Object.keys(EXAMPLES) as Id[])('%s is recognised, and is the first to be', (id) => {
    const head = { name: 'file', text: EXAMPLES[id] };
    const first = Object.values(FORMATS).find((format) => format.detect(head).value);
    expect(first?.id).toBe(id);
    expect(FORMATS[id].detect(head).reason).toMatch(/^its first (row|line) (has|names)/);
    expect(FORMATS[id].fields(head).missing).toEqual([]);
    expect(Object.keys(FORMATS[id].fields(head).mapping).length).toBeGreaterThanOrEqual(2);
  });

  test('other content is none of them', () => {
    for (const text of ['', '{}', '[1, 2]', 'hello\nworld', '[{"q": 1}]', '{"chosen"'])
      for (const format of Object.values(FORMATS))
        expect(format.detect({ name: 'x', text }).value).toBe(false);
  });
});

describe('reading', () => {
  test('official RRPO JSON: tags become spans, both path keys, ids as text', async () => {
    expect(await rows('rrpo-json', EXAMPLES['rrpo-json'])).toMatchObject([
      {
        video: 'a/b.mp4',
        question: 'What swims?',
        chosen: 'A goose.',
        rejected: 'A dog.',
        phrases: { chosen: [{ start: 2, end: 7 }], rejected: [{ start: 2, end: 5 }] },
        source: 'tgif',
        externalId: '7',
      },
    ]);
    const [plain] = await rows(
      'rrpo-json',
      '[{"question":"q","answer":"a","video":"v","type":"short","bias":2}]',
    );
    expect(plain).toMatchObject({
      rejected: null,
      phrases: null,
      type: 'short',
      extra: { form: { bias: 2 } },
    });
  });

  test('how a wrong answer was made is kept', async () => {
    const provenance = {
      model: 'abc',
      steps: [{ kind: 'reverse' }],
      seed: 3,
      frame_indices: [0, 2],
      decoding: { temperature: 0 },
    };
    const [row] = await rows(
      'rrpo-json',
      JSON.stringify([{ question: 'q', answer: 'a', pred: 'b', video: 'v', provenance }]),
    );
    expect(row.provenance).toMatchObject({
      kind: 'generated',
      modelHash: 'abc',
      seed: 3,
      frameIndices: [0, 2],
      original: 'b',
    });
  });

  test('VideoChat2: each question is a row with its wrong answer', async () => {
    expect(await rows('videochat2-json', EXAMPLES['videochat2-json'])).toMatchObject([
      {
        question: 'What swims?',
        chosen: 'A goose.',
        rejected: 'A dog.',
        externalId: 's1/0',
        extra: { part: [1, 0, 2], form: { QA: [{ i: 'Watch.' }] } },
      },
      {
        question: 'Where?',
        chosen: 'In a lake.',
        rejected: 'In the sea.',
        externalId: 's1/1',
        phrases: null,
      },
    ]);
  });

  test('Hugging Face preference data, plain and conversational', async () => {
    const expected = { video: 'a/b.mp4', question: 'What swims?', chosen: 'A goose.', rejected: 'A dog.' };
    expect(await rows('hf-preference-jsonl', EXAMPLES['hf-preference-jsonl'])).toMatchObject([
      expected,
      expected,
    ]);
    // The prompt may be part of both conversations.
    const turns = (answer: string): unknown => [
      { role: 'user', content: 'What swims?' },
      { role: 'assistant', content: answer },
    ];
    const implicit = { chosen: turns('A goose.'), rejected: turns('A dog.'), videos: ['a/b.mp4'] };
    expect(await rows('hf-preference-jsonl', JSON.stringify(implicit))).toMatchObject([expected]);
  });

  test('LLaVA conversations: one row per question', async () => {
    expect(await rows('llava-json', EXAMPLES['llava-json'])).toMatchObject([
      { question: 'What swims?', chosen: 'A goose.', rejected: null, externalId: 'x/0' },
      { question: 'Where?', chosen: 'In a lake.', externalId: 'x/1' },
    ]);
  });

  test('tables: columns by name', async () => {
    expect(await rows('csv', EXAMPLES.csv)).toMatchObject([
      {
        question: 'What, then, swims?',
        type: 'short',
        split: 'heldout',
        phrases: { chosen: [], rejected: [{ start: 2, end: 5 }] },
      },
    ]);
    expect(await rows('tsv', EXAMPLES.tsv)).toMatchObject([{ video: 'a/b.mp4', chosen: 'A goose.' }]);
  });
});

describe('bad rows', () => {
  const good = { question: 'q', answer: 'a b', pred: 'a c', video: 'v.mp4' };
  test.each<[Id, unknown, string]>([
    [
      'rrpo-json',
      { ...good, answer: undefined },
      'missing key "answer": the row has "question", "pred", "video"',
    ],
    ['rrpo-json', { ...good, video: undefined }, 'missing key "video" or "media_path"'],
    ['rrpo-json', { ...good, question: 5 }, '"question": expected text, got number 5'],
    ['rrpo-json', { ...good, answer: ' ' }, '"answer": expected text, got an empty one'],
    ['rrpo-json', { ...good, pred: undefined, pred_masked: 'x' }, 'missing key "pred"'],
    [
      'rrpo-json',
      { ...good, pred_masked: 'a <MASK> c' },
      '"pred_masked": tagged text: expected a </MASK>, got an unclosed <MASK> at character 2',
    ],
    [
      'rrpo-json',
      { ...good, answer_masked: 'a <MASK> x </MASK>' },
      '"answer_masked": tagged text: expected the plain text "a b"',
    ],
    ['rrpo-json', { ...good, split: 'test' }, '"split": expected train, heldout or nothing, got "test"'],
    ['rrpo-json', { ...good, workbench: { phrases: 3 } }, '"workbench": "phrases": Invalid input'],
    ['rrpo-json', 'text', 'row: expected an object {...}, got the text "text"'],
    ['videochat2-json', { video: 'v', QA: [{ q: 'x' }] }, 'missing key "a": the row has "q"'],
    [
      'videochat2-json',
      { video: 'v', QA: [{ q: 'x', a: 'y' }], QA_NEG: [{}, {}] },
      '"QA_NEG": expected 1 answers as in "QA", got 2',
    ],
    ['videochat2-json', { video: 'v', QA: 'x' }, '"QA": expected a list, got the text "x"'],
    ['hf-preference-jsonl', { chosen: 'a', rejected: 'b', videos: ['v'] }, 'missing key "prompt"'],
    [
      'hf-preference-jsonl',
      { prompt: 'q', rejected: 'b' },
      'missing key "chosen": the row has "prompt", "rejected"',
    ],
    ['hf-preference-jsonl', { prompt: 'q', chosen: 'a', rejected: 'b' }, 'missing key "videos"'],
    [
      'hf-preference-jsonl',
      { prompt: 'q', chosen: 'a', rejected: 'b', videos: ['v', 'w'] },
      '"videos": expected one video, got 2',
    ],
    [
      'llava-json',
      { video: 'v', conversations: [{ from: 'gpt', value: 'x' }] },
      'conversations[0]: expected a question before the answer',
    ],
    [
      'llava-json',
      { video: 'v', conversations: [] },
      '"conversations": expected a question and an answer, got none',
    ],
    [
      'llava-json',
      {
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'gpt', value: 'a' },
        ],
      },
      'missing key "video" or "media_path"',
    ],
  ])('%s %j', async (id, row, message) => {
    expect(await error(id, row)).toContain(message);
  });

  test('tables: wrong number of columns, and a header without the needed ones', async () => {
    const list = await rows('csv', 'video,question,answer\nv,q\nv,q,a\n');
    expect(list[0].source).toBe('line 2: expected 3 columns as in the header, got 2');
    expect(list[1]).toMatchObject({ chosen: 'a' });
    await expect(read('csv', 'video,text\nv,q\n')).rejects.toThrow(
      'line 1: expected a header with columns for question (question, prompt, q, query); preferred answer',
    );
  });
});
