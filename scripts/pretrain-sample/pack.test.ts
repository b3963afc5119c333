/** @file Tokenizer and packing: the trained tokenizer.json read by the project's reader, and rows in which questions cannot see each other. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../src-main/platform/random.ts';
import { openTokenizer, type TextTokenizer } from '../../src-main/models/tokenizer.ts';
import { askMany } from '../../resources/world/questions.ts';
import { BALANCED, makeScene } from '../../resources/world/scene.ts';
import { VIDEO_TOKENS, writeModelFiles } from './model-files.ts';
import { PackedRows } from './pack.ts';
import { corpus, trainTokenizer, WorldTokenizer } from './tokenizer.ts';

let dir: string;
let world: WorldTokenizer;
let real: TextTokenizer;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'sample-tokenizer-'));
  const vocabulary = trainTokenizer(corpus(600, 1));
  world = new WorldTokenizer(vocabulary);
  await writeModelFiles(dir, vocabulary);
  real = await openTokenizer(dir);
});
afterAll(() => rm(dir, { recursive: true }));

it('gives the ids that the tokenizer.json gives', () => {
  const random = new Random(5);
  for (let i = 0; i < 40; i++)
    for (const q of askMany(makeScene(random, BALANCED), random, 16, 0.5)) {
      expect(real.encode(`\n${q.question}`).ids).toEqual(world.encode(`\n${q.question}`));
      expect(real.encode(q.answer).ids).toEqual(world.encode(q.answer));
      expect(world.decode(world.encode(q.answer))).toBe(q.answer);
    }
});

it('encodes any text: all 256 bytes are tokens', () => {
  const text = 'Zażółć gęślą jaźń, 漢字 🙂 \u0000\u007f';
  expect(real.decode(real.encode(text).ids)).toBe(text);
  expect(world.vocabulary.tokens.length).toBeLessThan(600);
});

it('packs a question as the chat template would put it', () => {
  const rows = new PackedRows(world, 1, 160, 32);
  const question = {
    aspect: 'count',
    type: 'short',
    question: 'How many shapes are there?',
    answer: 'two',
    bias: null,
  } as const;
  rows.fill(0, [question]);
  const chat = `<|im_start|>user ${'<video>'.repeat(VIDEO_TOKENS)}\nHow many shapes are there?<|im_end|><|im_start|>assistant\ntwo<|im_end|>`;
  const { ids } = real.encode(chat);
  expect([...rows.ids.subarray(0, ids.length)]).toEqual(ids);
  expect([...rows.positions.subarray(0, ids.length)]).toEqual(ids.map((_, i) => i));
});

it('lets a question see the video and itself, and nothing else', () => {
  const T = 240;
  const rows = new PackedRows(world, 2, T, 48);
  const random = new Random(6);
  const questions = askMany(makeScene(random, BALANCED), random, 12, 0.5);
  const taken = rows.fill(1, questions);
  expect(taken.length).toBeGreaterThan(3);
  const sees = (i: number, j: number) => rows.mask[(T + i) * T + j] === 0;
  // Starts of questions: where positions fall back to the end of the prefix.
  const starts: number[] = [];
  for (let i = rows.prefix; i < T; i++) if (rows.positions[T + i] === rows.prefix) starts.push(i);
  expect(starts.length).toBe(taken.length);
  for (const [n, start] of starts.entries()) {
    const end = starts[n + 1] ?? start + 3;
    for (let i = start; i < end; i++)
      for (let j = 0; j < T; j++) expect(sees(i, j)).toBe(j <= i && (j < rows.prefix || j >= start));
  }
  // Every label slot points at the token before its label.
  for (const { question, first, end } of taken) {
    const said = Array.from({ length: end - first }, (_, k) => rows.labels[48 + first + k]);
    expect(world.decode(said.slice(0, -1))).toBe(question.answer);
    for (let k = first; k < end; k++) expect(rows.ids[rows.at[48 + k] + 1]).toBe(rows.labels[48 + k]);
  }
});
