/** @file What goes out comes back: every format's round trip, field for field, and exports that are whole or not there. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImportFormat, type Pair, type Phrase } from '../contract/schemas.ts';
import { importSamples } from '../library/import.ts';
import { FORMATS } from '../library/formats/index.ts';
import { SampleLibrary } from '../library/samples.ts';
import { VideoLibrary } from '../library/videos.ts';
import { PairService } from '../pairs/pairs.ts';
import { seedPair } from '../pairs/testing.ts';
import { temporaryProject } from '../project/testing.ts';
import { createProject, type OpenProject } from '../project/project.ts';
import { exportAdapter } from './adapter-export.ts';
import { exportPairs } from './pairs-export.ts';

let project: OpenProject;
let folder: string;
let dispose: () => void;
const opened: OpenProject[] = [];
beforeEach(async () => {
  ({ project, folder, dispose } = await temporaryProject());
});
afterEach(() => {
  for (const other of opened.splice(0)) other.close();
  dispose();
});

const phrase = (
  number: number,
  chosen: [number, number] | null,
  rejected: [number, number] | null,
  texts: [string, string],
  origin: Phrase['origin'] = 'person',
): Phrase => {
  const span = (text: string, at: [number, number] | null): Phrase['chosen'] =>
    at && { start: at[0], end: at[1], quote: [...text].slice(...at).join('') };
  return {
    id: `ph-${number}`,
    number,
    origin,
    chosen: span(texts[0], chosen),
    rejected: span(texts[1], rejected),
  };
};

/** Pairs with everything that a format could lose: Unicode, quotes, line ends, one-sided, crossing and overlapping marks. */
function fill(): void {
  const nasty: {
    chosen: string;
    rejected: string;
    phrases: (t: [string, string]) => Phrase[];
    question?: string;
    video?: string;
    split?: 'train' | 'heldout';
  }[] = [
    {
      chosen: 'The circle moves left.',
      rejected: 'The circle moves right.',
      phrases: (t) => [phrase(1, [17, 21], [17, 22], t)],
    },
    {
      chosen: '🦢 A "goose", swims;\tfast',
      rejected: "🦆 A 'duck', swims;\n\nfast ",
      phrases: (t) => [phrase(1, [0, 1], [0, 1], t), phrase(2, [5, 10], [5, 9], t, 'proposed')],
    },
    {
      chosen: 'one two three',
      rejected: 'four five six',
      phrases: (t) => [
        phrase(1, [0, 3], [10, 13], t),
        { ...phrase(2, [4, 7], null, t), kind: 'count' },
        phrase(3, null, [0, 4], t),
      ],
    },
    {
      chosen: 'overlap here',
      rejected: 'overlap there',
      phrases: (t) => [phrase(1, [0, 7], [0, 7], t), phrase(2, [3, 12], [8, 13], t)],
    },
    {
      chosen: '红色的圆',
      rejected: '蓝色的圆',
      question: '什么颜色?\n(A) 红\n(B) 蓝',
      phrases: (t) => [phrase(1, [0, 1], [0, 1], t)],
      video: 'zwei, "drei".mp4',
    },
    { chosen: 'Yes', rejected: 'No', phrases: () => [], video: 'held.webm', split: 'heldout' },
  ];
  for (const { chosen, rejected, phrases, ...rest } of nasty) {
    const { pairId, pairs } = seedPair(project, { chosen, rejected, ...rest });
    const pair = pairs.get(pairId);
    pairs.save({ pairId, baseVersion: pair.version, chosen, rejected, phrases: phrases([chosen, rejected]) });
    pairs.setStatus([pairId], 'accepted');
  }
}

async function importInto(file: string, name: string): Promise<OpenProject> {
  const other = await createProject(path.join(folder, name), name);
  opened.push(other);
  const pairs = new PairService(other);
  const report = await importSamples(other, { file, addPair: (id, row) => pairs.addImported(id, row) });
  expect(report.errors).toEqual([]);
  return other;
}

/** Everything about a pair that a file can carry. */
const fields = (from: OpenProject): unknown[] => {
  const samples = new SampleLibrary(from);
  const videos = new VideoLibrary(from);
  return [...new PairService(from).all()].map((pair) => ({
    video: videos.get(pair.videoId).path,
    question: pair.question,
    type: pair.type,
    split: pair.split,
    chosen: pair.chosen,
    rejected: pair.rejected,
    phrases: pair.phrases,
    source: samples.get(pair.sampleId).source,
  }));
};

test.each(ImportFormat.options)(
  '%s: import of an untouched export equals field for field',
  async (format) => {
    fill();
    const first = path.join(folder, `out.${format}`);
    expect(await exportPairs(project, { path: first, format, status: 'accepted' })).toEqual({
      path: first,
      count: 6,
    });
    const other = await importInto(first, 'other');
    expect(fields(other)).toEqual(fields(project));
    // And out again: the same bytes.
    const second = path.join(folder, `again.${format}`);
    await exportPairs(other, { path: second, format });
    expect(readFileSync(second, 'utf8')).toBe(readFileSync(first, 'utf8'));
    const head = { name: 'x', text: readFileSync(first, 'utf8') };
    expect(Object.values(FORMATS).find((f) => f.detect(head).value)?.id).toBe(format);
  },
);

test('official RRPO JSON is what the official loaders read', async () => {
  const { pairId } = seedPair(project);
  const file = path.join(folder, 'rrpo.json');
  await exportPairs(project, { path: file, format: 'rrpo-json' });
  const [row] = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>[];
  expect(row).toMatchObject({
    sample_id: pairId,
    src: 'test',
    video: 'project/clip.mp4',
    media_path: 'project/clip.mp4',
    question: '<image>\nWhat does the circle do?',
    answer: 'The red circle moves to the left.',
    pred: 'The red circle moves to the right.',
    answer_masked: 'The red circle moves to the <MASK> left </MASK>.',
    pred_masked: 'The red circle moves to the <MASK> right </MASK>.',
  });
});

test('tags that were edited by hand count more than our own field', async () => {
  seedPair(project);
  const file = path.join(folder, 'edited.json');
  await exportPairs(project, { path: file, format: 'rrpo-json' });
  const text = readFileSync(file, 'utf8')
    .replace('<MASK> right </MASK>', 'right')
    .replace('"pred_masked":"The red circle', '"pred_masked":"The <MASK> red </MASK> circle');
  writeFileSync(file, text);
  const [pair] = [...new PairService(await importInto(file, 'other')).all()];
  expect(pair.phrases.map((p) => [p.chosen?.quote, p.rejected?.quote])).toEqual([['left', 'red']]);
});

test('what is exported is exactly what was accepted', async () => {
  fill();
  const pairs = new PairService(project);
  const [a, b, c] = pairs.list({}, { offset: 0, limit: 9 }).rows;
  pairs.setStatus([a.id], 'rejected');
  pairs.setStatus([b.id], 'pending');
  const file = path.join(folder, 'out.jsonl');
  expect(
    (await exportPairs(project, { path: file, format: 'hf-preference-jsonl', status: 'accepted' })).count,
  ).toBe(4);
  const ids = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id);
  expect(ids).toEqual([...pairs.all('accepted')].map((p) => p.id));
  expect(ids[0]).toBe(c.id);
});

test('a lost mark stops the export, names the pair and leaves no file', async () => {
  const { pairId, pairs } = seedPair(project);
  const pair: Pair = pairs.get(pairId);
  pairs.save({ ...pair, pairId, baseVersion: 1, rejected: 'Gone.' });
  const file = path.join(folder, 'sub', 'out.json');
  await expect(exportPairs(project, { path: file, format: 'rrpo-json' })).rejects.toThrow(
    new RegExp(`pair ${pairId} \\(clip.mp4.*Phrase 1 lost its mark`),
  );
  expect(existsSync(file)).toBe(false);
  expect(readdirSync(path.dirname(file))).toEqual([]);
});

test('an adapter is copied whole, and nothing is overwritten', async () => {
  const adapter = path.join(folder, 'adapter');
  mkdirSync(adapter);
  writeFileSync(path.join(adapter, 'adapter_config.json'), '{}');
  const target = path.join(folder, 'out', 'my-adapter');
  await expect(exportAdapter(adapter, target)).rejects.toThrow('without adapter_model.safetensors');
  expect(existsSync(target)).toBe(false);
  writeFileSync(path.join(adapter, 'adapter_model.safetensors'), new Uint8Array(100_000).fill(7));
  mkdirSync(target, { recursive: true });
  expect(await exportAdapter(adapter, target)).toEqual({ path: target });
  expect(readdirSync(path.dirname(target))).toEqual(['my-adapter']);
  expect(readFileSync(path.join(target, 'adapter_model.safetensors')).length).toBe(100_000);
  await expect(exportAdapter(adapter, target)).rejects.toThrow('expected a new or empty folder');
});
