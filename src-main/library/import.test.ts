/** @file Imports into a real project: bad rows, missing videos, splits, a full disk, cancel. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ImportReport } from '../contract/schemas.ts';
import { createProject, type OpenProject } from '../project/project.ts';
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

const file = (name: string, content: string): string => {
  const target = path.join(home, name);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, content);
  return target;
};
const run = (source: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importSamples(project, { file: source, addPair: () => true, ...options });
const row = (video: string, n: number, more: object = {}): object => ({
  question: `What happens, number ${n}?`,
  answer: 'It moves.',
  pred: 'It stops.',
  video,
  ...more,
});

test('good rows go in, bad ones are listed with line and reason, the list is saved', async () => {
  file('clips/a.mp4', 'a');
  const source = file(
    'data.json',
    `[\n${JSON.stringify(row('clips/a.mp4', 1))},\n{"question": "broken,\n "answer": "x"},\n${JSON.stringify({ ...row('clips/a.mp4', 2), answer: undefined })},\n${JSON.stringify(row('clips/gone.mp4', 3))},\n${JSON.stringify(row('clips/a.mp4', 1))}\n]`,
  );
  const pairs: string[] = [];
  const report = await run(source, {
    addPair: (sampleId, { rejected }) => {
      const key = `${sampleId} ${rejected}`;
      return pairs.includes(key) ? false : pairs.push(key) > 0;
    },
  });
  expect(report).toEqual({
    imported: 2,
    duplicates: 1,
    failed: 2,
    errors: [
      { line: 3, reason: 'a text that begins in line 3 is not closed by a quote in that line' },
      { line: 5, reason: 'missing key "answer": the row has "question", "pred", "video"' },
    ],
    errorsFile: expect.stringContaining(path.join('project', 'imports', 'data.json-')) as string,
    missingVideos: 1,
    continuedAfter: 0,
  });
  expect(readFileSync(report.errorsFile!, 'utf8').split('\n')).toEqual([
    'line,reason',
    '3,a text that begins in line 3 is not closed by a quote in that line',
    '5,"missing key ""answer"": the row has ""question"", ""pred"", ""video"""',
    '',
  ]);
  const videos = new VideoLibrary(project).list();
  expect(videos.map((v) => [v.name, v.state])).toEqual([
    ['a.mp4', 'queued'],
    ['gone.mp4', 'missing'],
  ]);
  expect(videos[1].findings[0].message).toContain(path.join(home, 'clips', 'gone.mp4'));
  // The same file again is all duplicates.
  expect(await run(source, { addPair: () => false })).toMatchObject({
    imported: 0,
    duplicates: 3,
    failed: 2,
  });
});

test('a preview shows the rows and changes nothing', async () => {
  file('a.mp4', 'a');
  const source = file(
    'data.jsonl',
    `${JSON.stringify(row('a.mp4', 1))}\n${JSON.stringify(row('b.mp4', 2))}\n{"x"\n`,
  );
  const preview = await previewImport(project, source);
  expect(preview).toMatchObject({
    format: 'rrpo-json',
    reason: 'its first row has "question", "answer", "pred"',
  });
  expect(preview.mapping).toEqual({
    video: 'video',
    question: 'question',
    chosen: 'answer',
    rejected: 'pred',
  });
  expect(preview.columns).toEqual([
    { name: 'question', example: 'What happens, number 1?' },
    { name: 'answer', example: 'It moves.' },
    { name: 'pred', example: 'It stops.' },
    { name: 'video', example: 'a.mp4' },
  ]);
  expect(preview).toMatchObject({ missing: [], stopped: null, changed: false });
  expect(preview.rows.map((r) => [r.line, r.video, r.videoFound, r.error?.slice(0, 14) ?? null])).toEqual([
    [1, 'a.mp4', true, null],
    [2, 'b.mp4', false, null],
    [3, '', false, 'not valid JSON'],
  ]);
  expect(project.info().counts).toMatchObject({ videos: 0, samples: 0 });
});

test('what cannot be imported at all is told with the file', async () => {
  await expect(run(path.join(home, 'none.json'))).rejects.toThrow(
    `expected a file at ${path.join(home, 'none.json')}`,
  );
  await expect(run(home)).rejects.toThrow('got the folder');
  await expect(run(file('e.json', ''))).rejects.toThrow('got the empty file');
  await expect(run(file('b.json', 'a\0b'))).rejects.toThrow('got binary data');
  await expect(run(file('k.json', '[{"q": "x", "a": "y"}]'))).rejects.toThrow(
    /expected a file in a known format, got .*k\.json.*Official RRPO JSON: its first row has no "question" and "answer"/,
  );
  await expect(run(file('h.csv', 'video,text\n'), { format: 'csv' })).rejects.toThrow(
    /line 1: expected a header.*h\.csv/,
  );
  await expect(run(file('r.json', '{"a": [1, 2'))).rejects.toThrow('none');
});

test('videos are found under the chosen folder, beside the file, and by name', async () => {
  file('data/x.mp4', 'x');
  file('videos/deep/y.mp4', 'y');
  file('videos/z.mp4', 'z');
  const elsewhere = file('elsewhere/w.mp4', 'w');
  await new VideoLibrary(project).add([elsewhere]);
  const source = file(
    'data/d.json',
    JSON.stringify(
      ['x.mp4', 'deep/y.mp4', '/cluster/scratch/z.mp4', 'C:\\data\\w.mp4'].map((v, i) => row(v, i)),
    ),
  );
  expect(await run(source, { videoRoot: path.join(home, 'videos') })).toMatchObject({
    imported: 4,
    missingVideos: 0,
  });
  expect(
    new VideoLibrary(project)
      .list()
      .map((v) => v.path)
      .sort(),
  ).toEqual(
    ['data/x.mp4', 'elsewhere/w.mp4', 'videos/deep/y.mp4', 'videos/z.mp4'].map((p) => path.join(home, p)),
  );
});

test('a stated split is of the whole video; a row that contradicts it fails', async () => {
  const source = file(
    'd.json',
    JSON.stringify([
      row('a.mp4', 1, { split: 'heldout' }),
      row('a.mp4', 2),
      row('a.mp4', 3, { split: 'train' }),
      row('b.mp4', 4, { split: 'train' }),
    ]),
  );
  const report = await run(source);
  expect(report).toMatchObject({ imported: 3, failed: 1 });
  expect(report.errors[0].reason).toBe(
    'row 3 of the list: split: expected "heldout" for video a.mp4, as an earlier row says, got "train" — a split is by video, give all its rows the same one',
  );
  expect(new SampleLibrary(project).list({ split: 'heldout' }, { offset: 0, limit: 9 }).total).toBe(2);
});

test('a full disk ends the import with words; what was in before stays', async () => {
  await run(file('a.json', JSON.stringify([row('a.mp4', 1)])));
  project.db.exec('PRAGMA max_page_count = 1'); // SQLite takes the present size when this is smaller
  const many = Array.from({ length: 1000 }, (_, i) => row('a.mp4', i, { answer: 'x'.repeat(300) }));
  await expect(run(file('b.json', JSON.stringify(many)))).rejects.toThrow(
    expect.objectContaining({ code: 'DISK_FULL' }),
  );
  expect(project.db.integrityCheck()).toEqual([]);
  project.db.exec('PRAGMA max_page_count = 1000000');
  expect(await run(path.join(home, 'b.json'))).toMatchObject({ failed: 0 });
  expect(new SampleLibrary(project).list({}, { offset: 0, limit: 1 }).total).toBe(1001);
});

/** Rows in every layout that reading can begin again in. */
const many = Array.from({ length: 500 }, (_, i) => row(`v${i % 7}.mp4`, i, { answer: `Ü ${i} 走る 🦢` }));
const multi = Array.from({ length: 160 }, (_, i) => ({
  video: 'm.mp4',
  QA: [0, 1, 2].map((k) => ({ q: `Question ${i}/${k}?`, a: `Answer ${i}/${k}` })),
}));
const LAYOUTS: Record<string, string> = {
  'one-line.json': JSON.stringify(many),
  'pretty.json': `\ufeff${JSON.stringify(many, null, 2)}\n`,
  'lines.jsonl': many.map((r) => JSON.stringify(r)).join('\r\n'),
  'multi.json': JSON.stringify(multi),
  'table.csv': `\ufeffvideo;question;answer\r\n${many.map((_, i) => `v.mp4;"Line ${i}\n;""x"" ü?";走る ${i}\r\n`).join('')}`,
  'bad-one-line.json': JSON.stringify(many.map((r, i) => (i % 9 === 4 ? { ...r, answer: undefined } : r))),
  'bad.json': `[\n${many.map((r, i) => (i % 9 === 4 ? '{"question": "open,\n "b": 1},' : `${JSON.stringify(r)},`)).join('\n')}\n{}]`,
};

test.each(Object.keys(LAYOUTS))(
  '%s: an import that is cancelled again and again gives the same as one that is not',
  async (name) => {
    const source = file(name, LAYOUTS[name]);
    const kept = (from: OpenProject): unknown => ({
      samples: new SampleLibrary(from)
        .all()
        .map(({ question, chosen, source, videoName }) => [question, chosen, source, videoName]),
      waiting: from.db.prepare('SELECT count(*) AS n FROM imports').get(),
      errors: from.db.prepare('SELECT count(*) AS n FROM import_errors').get(),
    });
    const whole = await run(source);
    const expected = kept(project);
    const other = await createProject(path.join(home, 'other'), 'other');
    try {
      let stops = 0;
      let report: ImportReport | null = null;
      let done = 0;
      while (!report) {
        const stop = new AbortController();
        let reports = 0;
        const preview = await previewImport(other, source);
        expect(preview.stopped?.rows ?? 0).toBe(done);
        report = await importSamples(other, {
          file: source,
          addPair: () => true,
          signal: stop.signal,
          onProgress: () => ++reports === 2 && stop.abort(),
        }).catch(() => null);
        if (report) break;
        stops++;
        const state = (await previewImport(other, source)).stopped;
        expect(state!.rows).toBeGreaterThan(done);
        expect(state!.fraction).toBeGreaterThan(0);
        done = state!.rows;
      }
      expect(stops).toBeGreaterThan(1);
      // Nothing was read twice: a row that is read twice counts as there already.
      expect({ ...report, errorsFile: null }).toEqual({ ...whole, errorsFile: null, continuedAfter: done });
      if (whole.errorsFile)
        expect(readFileSync(report.errorsFile!, 'utf8')).toBe(readFileSync(whole.errorsFile, 'utf8'));
      expect(kept(other)).toEqual(expected);
    } finally {
      other.close();
    }
  },
);

test.each(Object.keys(LAYOUTS))(
  '%s: cancelled with the very last row, it has nothing left to do',
  async (name) => {
    const source = file(name, LAYOUTS[name]);
    const { imported, failed } = await run(source);
    const other = await createProject(path.join(home, 'other'), 'other');
    try {
      const stop = new AbortController();
      const onProgress = (): void => {
        const { rows } = JSON.parse(
          other.db.prepare<{ counts: string }>('SELECT counts FROM imports').get()!.counts,
        ) as { rows: number };
        if (rows === imported + failed) stop.abort();
      };
      const options = { file: source, addPair: () => true };
      // The slices are as long as the machine is quick: the last row may end in the last one, which is not reported.
      await importSamples(other, { ...options, signal: stop.signal, onProgress }).catch(() => null);
      if (!stop.signal.aborted) return;
      expect(await importSamples(other, options)).toMatchObject({ imported, failed, duplicates: 0 });
    } finally {
      other.close();
    }
  },
);

test('a file that was changed since begins anew, and so does one with other settings', async () => {
  const source = file('m.json', JSON.stringify(many));
  const stop = new AbortController();
  await expect(run(source, { signal: stop.signal, onProgress: () => stop.abort() })).rejects.toThrow(
    /abort/i,
  );
  const kept = project.info().counts.samples;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(500);
  expect(await previewImport(project, source, { videoRoot: home })).toMatchObject({
    stopped: null,
    changed: false,
  });
  file('m.json', JSON.stringify(many.toReversed()));
  expect(await previewImport(project, source)).toMatchObject({ stopped: null, changed: true });
  const report = await run(source, { addPair: () => false });
  expect(report).toMatchObject({ imported: 500 - kept, duplicates: kept, continuedAfter: 0 });
  expect(await previewImport(project, source)).toMatchObject({ stopped: null, changed: false });
});
