/** @file The processors' goldens: every array of the 32-pixel settings, and every array of the real sizes for LLaVA-OneVision and SigLIP. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { preprocessChecker } from './preprocess.ts';
import { samplingChecker } from './sampling.ts';
import type { Checker } from './types.ts';

const GOLDEN = path.resolve(import.meta.dirname, '../../../shared/golden');

async function rows(
  checker: Checker,
  fixture: string,
  only?: RegExp,
): Promise<{ total: number; failed: string[] }> {
  const dir = path.join(GOLDEN, fixture);
  const manifest = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  if (only) manifest.cases = (manifest.cases as { name: string }[]).filter((c) => only.test(c.name));
  expect(checker.matches(manifest)).toBe(true);
  const result = { total: 0, failed: [] as string[] };
  for await (const row of checker.check(dir, manifest, { device: 'cpu' })) {
    result.total++;
    if (!row.pass) result.failed.push(`${row.fixture} ${row.output}: ${row.error}`);
  }
  return result;
}

test('LLaVA-OneVision frames', async () => {
  expect(await rows(preprocessChecker, 'preprocess-llava-onevision-video')).toEqual({
    total: 93,
    failed: [],
  });
});

test('SigLIP images', async () => {
  expect(await rows(preprocessChecker, 'preprocess-siglip-image')).toEqual({ total: 93, failed: [] });
});

test('SmolVLM frames, resized twice', async () => {
  expect(await rows(preprocessChecker, 'preprocess-smolvlm-video', /^32\//)).toEqual({
    total: 107,
    failed: [],
  });
});

test('frame sampling', async () => {
  expect(await rows(samplingChecker, 'sampling')).toEqual({ total: 11, failed: [] });
});
