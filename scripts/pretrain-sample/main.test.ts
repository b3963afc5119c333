/** @file The pretraining command itself, a few steps of it: losses fall, a run in two parts gives the weights of a run in one, and the folder is a checkpoint. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openModel } from '../../src-main/models/model.ts';

const run = promisify(execFile);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'pretrain-'));
});
afterAll(() => rm(dir, { recursive: true }));

const pretrain = (out: string, tower: number, unbiased: number) =>
  run(process.execPath, [
    path.join(import.meta.dirname, 'main.ts'),
    ...[
      '--out',
      path.join(dir, out),
      '--tower',
      String(tower),
      '--unbiased',
      String(unbiased),
      '--biased',
      '0',
    ],
  ]);

it('goes on from where it stopped, to the same bytes', async () => {
  await pretrain('whole', 3, 2);
  await pretrain('parts', 3, 0);
  await pretrain('parts', 3, 2);
  const weights = (out: string) => readFile(path.join(dir, out, 'model', 'model.safetensors'));
  expect((await weights('parts')).equals(await weights('whole'))).toBe(true);
  const { checkpoint } = await openModel(path.join(dir, 'whole', 'model'));
  expect(checkpoint.config.family).toBe('llava-onevision');
  const log = (await readFile(path.join(dir, 'parts', 'log.jsonl'), 'utf8')).trim().split('\n');
  expect(log.filter((line) => line.includes('"event":"finished"')).length).toBe(2);
});
