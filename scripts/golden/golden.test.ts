/** @file `npm run golden` as a whole: passes on a fixture under a new name, fails on a changed number, tensor or unknown format. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyModel } from '../../src-main/tensor/testing.ts';

const GOLDEN = path.resolve(import.meta.dirname, '../../../shared/golden');
const MAIN = path.join(import.meta.dirname, 'main.ts');
let dir: string;

/** Runs the command; standard output and the exit status. */
function golden(...args: string[]): { status: number | null; output: string } {
  const run = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status: run.status, output: run.stdout + run.stderr };
}

beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-golden-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('checks a folder under a name it has never seen, and fails when one number changes', async () => {
  const fixture = path.join(dir, 'another-name');
  await copyModel(path.join(GOLDEN, 'qwen2-tiny'), fixture);
  const good = golden(dir);
  expect(good.output).toContain('0 failed');
  expect(good.output).toMatch(/ok +another-name +text\/ce_grads/);
  expect(good.status).toBe(0);

  const file = path.join(fixture, 'text/out.logits.f32');
  const bytes = await readFile(file);
  // 3 percent of one value of 12,800: an error of about 1e-3 of the whole.
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const at = values.indexOf(values.toSorted()[0]);
  values[at] *= 1.03;
  await writeFile(file, bytes);
  const bad = golden(dir);
  expect(bad.status).toBe(1);
  expect(bad.output).toMatch(/FAIL +another-name +text\/logits/);
  expect(bad.output).toContain('1 failed');
  await rm(fixture, { recursive: true });
});

it('fails on a format it does not know and on a fixture that cannot be read', async () => {
  const unknown = path.join(dir, 'unknown');
  await copyModel(path.join(GOLDEN, 'sampling'), unknown);
  await writeFile(path.join(unknown, 'manifest.json'), '{"something":"else"}');
  const broken = path.join(dir, 'broken');
  await copyModel(path.join(GOLDEN, 'llama-tiny'), broken);
  await rm(path.join(broken, 'model.safetensors'));
  const { status, output } = golden(dir);
  expect(status).toBe(1);
  expect(output).toMatch(/FAIL +unknown .*no checker knows this manifest format/);
  expect(output).toMatch(/FAIL +broken .*expected model\.safetensors/);
});

it('says so when there is nothing to check', () => {
  const { status, output } = golden(path.join(dir, 'nowhere'));
  expect(status).toBe(2);
  expect(output).toContain('expected folders with manifest.json, got none');
});
