/**
 * @file What goes wrong with files of samples, format by format: what cannot be read at all is told with the file and what to do, a bad
 * row costs itself and is told with its line, and what is only odd (HTML, control characters, a megabyte of text) comes in as it is.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ImportReport } from '../contract/schemas.ts';
import type { OpenProject } from '../project/project.ts';
import { temporaryProject } from '../project/testing.ts';
import { importSamples, previewImport, type ImportOptions } from './import.ts';
import { SampleLibrary } from './samples.ts';
import { VideoLibrary } from './videos.ts';

let home: string;
let project: OpenProject;
let dispose: () => void;
beforeEach(async () => {
  ({ project, folder: home, dispose } = await temporaryProject());
});
afterEach(() => dispose());

const write = (name: string, content: string | Uint8Array): string => {
  const file = path.join(home, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};
const run = (file: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importSamples(project, { file, addPair: () => true, ...options });
const row = (n: number, more: object = {}): object => ({
  question: `Question ${n}?`,
  answer: `Answer ${n}`,
  pred: 'Wrong.',
  video: 'v.mp4',
  ...more,
});
const json = (n: number, more: object = {}): string => JSON.stringify(row(n, more));

describe('a file that cannot be read at all', () => {
  const samples = Buffer.from(`[${json(1)}]`);
  test.each<[string, string | Uint8Array, RegExp, RegExp]>([
    ['empty.json', '', /got the empty file .*empty\.json/, /Choose another/],
    ['blank.json', ' \n\t\n', /expected a file in a known format/, /choose the format/],
    ['packed.json', gzipSync(samples), /expected text, got a gzip archive in .*packed\.json/, /gunzip/],
    ['sheet.csv', Buffer.from('PK\u0003\u0004xlsx'), /got a ZIP archive or spreadsheet/, /save as CSV/],
    ['table.json', Buffer.from('PAR1....'), /got a Parquet file/, /JSON lines/],
    ['nul.json', Buffer.from(`[{"question": "a\0b"}]`), /got binary data/, /Choose the file/],
    ['root.json', '{"data": [1, 2', /expected a file in a known format/, /choose the format/],
    ['number.json', '42', /expected a file in a known format/, /choose the format/],
    ['text.csv', 'just a sentence', /expected a file in a known format/, /choose the format/],
  ])('%s', async (name, content, message, hint) => {
    const file = write(name, content);
    for (const attempt of [() => run(file), () => previewImport(project, file)])
      await expect(attempt()).rejects.toEqual(
        expect.objectContaining({
          message: expect.stringMatching(message) as string,
          hint: expect.stringMatching(hint) as string,
        }),
      );
    expect(project.info().counts).toMatchObject({ samples: 0, videos: 0 });
  });

  test('a folder, nothing, and what may not be read', async () => {
    await expect(run(home)).rejects.toThrow(`got the folder ${home}`);
    await expect(run(path.join(home, 'none.json'))).rejects.toThrow('got none');
    const secret = write('secret.json', samples);
    chmodSync(secret, 0o000);
    // Root may read everything: become somebody else for the moment of the attempt.
    const root = process.geteuid?.() === 0;
    chmodSync(home, 0o755);
    if (root) process.seteuid!(65534);
    try {
      await expect(run(secret)).rejects.toThrow(/EACCES/);
    } finally {
      if (root) process.seteuid!(0);
    }
  });
});

describe('a bad row costs itself', () => {
  const lone = json(2).replace('Answer 2', 'half \\ud83d');
  const bytes = (text: string): Buffer => Buffer.concat([Buffer.from(text)]);
  const invalid = Buffer.concat([
    Buffer.from(`${json(1)}\n{"question": "`),
    Buffer.from([0xff, 0xc3]),
    Buffer.from(`"}\n${json(3)}\n`),
  ]);
  test.each<[string, Uint8Array, number, [number, string][]]>([
    [
      'broken in the middle.json',
      bytes(`[\n${json(1)},\n{"question": "x" "a"},\n${json(3)}\n]`),
      2,
      [[3, "Expected ',' or '}'"]],
    ],
    [
      'cut off.json',
      bytes(`[\n${json(1)},\n{"question": "x`),
      1,
      [[3, 'the file ends inside the row that begins in line 3']],
    ],
    ['broken line.jsonl', bytes(`${json(1)}\n{"question":\n${json(3)}\n`), 2, [[2, 'not valid JSON']]],
    [
      'half a character.jsonl',
      bytes(`${json(1)}\n${lone}\n${json(3)}`),
      2,
      [[2, '"answer": expected Unicode text, got half a character']],
    ],
    ['not UTF-8.jsonl', invalid, 2, [[2, 'bytes that are not UTF-8 text']]],
    [
      'NUL.jsonl',
      bytes(`${json(1)}\n${json(2, { answer: 'a\0b' })}\n`),
      1,
      [[2, '"answer": expected text, got one with a NUL character in it']],
    ],
    [
      'raw NUL far down.jsonl',
      bytes(`${json(1, { answer: 'x'.repeat(5000) })}\n${json(2).replace('Answer 2', 'a\0b')}\n`),
      1,
      [[2, 'not valid JSON']],
    ],
    [
      'wrong kinds.jsonl',
      bytes(`${json(1)}\n[1]\n"text"\n${json(4, { question: ['x'] })}\n`),
      1,
      [
        [2, 'expected an object'],
        [3, 'expected an object'],
        [4, '"question": expected text, got a list'],
      ],
    ],
    [
      'columns.csv',
      bytes('video,question,answer\nv,q\nv,q1,a\nv,"q2,a\nv,q3,a\n'),
      2,
      [
        [2, 'expected 3 columns'],
        [4, 'a quote (") is opened and never closed'],
      ],
    ],
  ])('%s', async (name, content, imported, errors) => {
    const report = await run(write(name, content));
    expect(report.imported).toBe(imported);
    expect(report.errors.map(({ line }) => line)).toEqual(errors.map(([line]) => line));
    for (const [i, [, reason]] of errors.entries()) expect(report.errors[i].reason).toContain(reason);
  });

  test.each([
    ['list.json', (big: string) => `[\n${json(1)},\n${big},\n${json(3)}\n]`],
    ['one-line.json', (big: string) => `[${json(1)}, ${big}, ${json(3)}]`],
    ['lines.jsonl', (big: string) => `${json(1)}\n${big}\n${json(3)}\n`],
    [
      'table.csv',
      (big: string) => `video,question,answer\nv,q1,a\nv,q2,${big.replace(/[",{}[\]]/g, '')}\nv,q3,a\n`,
    ],
  ])('%s: a row of 40 MB', async (name, around) => {
    // Commas and brackets inside of it must not be taken for rows.
    const file = write(name, around(json(2, { answer: 'word, {"x": [1]} '.repeat(2_400_000) })));
    const before = process.memoryUsage().rss;
    const report = await run(file);
    expect(report).toMatchObject({ imported: 2, failed: 1 });
    expect(report.errors[0].reason).toMatch(/longer than 16,777,216 characters/);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});

describe('what is only odd comes in as it is', () => {
  test('HTML, control characters, right-to-left, emoji, a megabyte', async () => {
    const odd = [
      '<script>alert(1)</script> <b onmouseover="x()">bold</b> &amp;',
      'bell \u0007 escape \u001b[31m tab \t line\r\nend \u0085 \u202e gnirts',
      'שלום 🧑🏽‍🚀 ก้ำ e\u0301 مرحبا',
      'long '.repeat(200_000),
    ];
    const report = await run(
      write('odd.jsonl', odd.map((text, n) => json(n, { answer: text, question: `${text}?` })).join('\n')),
    );
    expect(report).toMatchObject({ imported: odd.length, failed: 0 });
    expect(new SampleLibrary(project).all().map((s) => s.chosen)).toEqual(odd);
    expect(new SampleLibrary(project).list({ text: '<script>' }, { offset: 0, limit: 9 }).total).toBe(1);
    const preview = await previewImport(project, path.join(home, 'odd.jsonl'));
    expect(preview.rows[3].chosen.length).toBe(1001); // shortened, with an ellipsis
  });

  test('the same id on two rows is no error: both come in', async () => {
    const report = await run(
      write('ids.jsonl', [1, 2].map((n) => json(n, { sample_id: 'same' })).join('\n')),
    );
    expect(report).toMatchObject({ imported: 2, failed: 0 });
  });

  test.each([
    'with space.mp4',
    `it's "quoted".mp4`,
    'Ünïcødé 视频 🎬.mp4',
    'per%20cent #1?.mp4',
    'back\\slash.mp4',
  ])('a video named %s', async (name) => {
    write(path.join('clips of mine', name), 'x');
    const data = write('data.json', JSON.stringify([row(1, { video: `clips of mine/${name}` })]));
    expect(await run(data)).toMatchObject({ imported: 1, missingVideos: 0 });
    expect(new VideoLibrary(project).list()[0].path).toBe(path.join(home, 'clips of mine', name));
  });

  test.each([
    ['UTF-16 little-endian', 'utf16le', [0xff, 0xfe]],
    ['UTF-8 with a byte order mark', 'utf8', [0xef, 0xbb, 0xbf]],
  ] as const)('%s, as spreadsheets write it', async (_, encoding, mark) => {
    const text = `video\tquestion\tanswer\r\n${Array.from({ length: 3000 }, (_, i) => `v.mp4\tWas 视频 🎬 ${i}?\tÜ ${i}\r\n`).join('')}`;
    const report = await run(write('t.tsv', Buffer.concat([Buffer.from(mark), Buffer.from(text, encoding)])));
    expect(report).toMatchObject({ imported: 3000, failed: 0 });
    expect(new SampleLibrary(project).all()[2999].question).toBe('Was 视频 🎬 2999?');
  });
});

describe('fields chosen by hand', () => {
  const table = 'Datei;Frage;Antwort;Falsch\nv.mp4;Was?;Gans;Hund\n';

  test('names that no format knows are asked for, and chosen ones are read', async () => {
    const file = write('t.csv', table);
    const before = await previewImport(project, file);
    expect(before).toMatchObject({
      format: 'csv',
      missing: ['video', 'question', 'chosen'],
      mapping: {},
      rows: [],
      columns: [
        { name: 'Datei', example: 'v.mp4' },
        { name: 'Frage', example: 'Was?' },
        { name: 'Antwort', example: 'Gans' },
        { name: 'Falsch', example: 'Hund' },
      ],
    });
    const mapping = { video: 'Datei', question: 'Frage', chosen: 'Antwort', rejected: 'Falsch' };
    expect(await previewImport(project, file, { mapping })).toMatchObject({
      missing: [],
      mapping,
      rows: [{ question: 'Was?', chosen: 'Gans', rejected: 'Hund' }],
    });
    expect(await run(file, { mapping })).toMatchObject({ imported: 1, failed: 0 });
  });

  test.each(['json', 'jsonl'])('%s objects', async (kind) => {
    const object = { clip: 'v.mp4', ask: 'What?', good: 'A', bad: 'B', question: 'not this' };
    const file = write(`o.${kind}`, kind === 'json' ? JSON.stringify([object]) : JSON.stringify(object));
    const preview = await previewImport(project, file);
    expect(preview).toMatchObject({ format: 'rrpo-json', missing: ['video', 'chosen'] });
    const mapping = { video: 'clip', question: 'ask', chosen: 'good', rejected: 'bad' };
    const rejected: string[] = [];
    const report = await run(file, { mapping, addPair: (_, r) => rejected.push(r.rejected) > 0 });
    expect(report).toMatchObject({ imported: 1, failed: 0 });
    expect(new SampleLibrary(project).all()[0]).toMatchObject({ question: 'What?', chosen: 'A' });
    expect(rejected).toEqual(['B']);
  });

  test('a field can be left out; a column that is not there is refused with those that are', async () => {
    const file = write('k.csv', 'video,question,answer,pred\nv,q,a,b\n');
    const found: string[] = [];
    await run(file, { mapping: { rejected: '' }, addPair: (_, r) => found.push(r.rejected) > 0 });
    expect(found).toEqual([]);
    await expect(run(file, { mapping: { question: 'Frage' } })).rejects.toThrow(
      /for the field "question", got "Frage"; it has "video", "question", "answer", "pred"/,
    );
    const nested = write('n.json', JSON.stringify([{ video: 'v', QA: [{ q: 'x', a: 'y' }] }]));
    await expect(run(nested, { mapping: { question: 'QA' } })).rejects.toThrow(
      /one of video, source, id, got "question", which VideoChat2 JSON has in its own place/,
    );
  });
});
