/** @file Copies into the project: whole and checked, names made safe, nothing left of what failed. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runWithFileLimit } from '../platform/testing.ts';
import { receiveFile, safeFileName } from './copies.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'copies-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

test('a file arrives whole, with its hash, and tells how far it is', async () => {
  const bytes = randomBytes(4321);
  const seen: number[] = [];
  const at = path.join(folder, 'whole');
  const { file, sha256 } = await receiveFile(at, 'clip.mp4', bytes.length, pieces(bytes), {
    onBytes: (n) => seen.push(n),
  });
  expect(file).toBe(path.join(at, 'clip.mp4'));
  expect(readFileSync(file)).toEqual(bytes);
  expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(seen).toEqual([1000, 2000, 3000, 4000, 4321]);
  expect(path.basename((await receiveFile(at, 'clip.mp4', 4321, pieces(bytes))).file)).toBe('clip (2).mp4');
});

test('more or fewer bytes than promised, and a stop, leave nothing', async () => {
  const at = path.join(folder, 'failed');
  const bytes = randomBytes(3000);
  for (const promised of [2999, 3001])
    await expect(receiveFile(at, 'a.mp4', promised, pieces(bytes))).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: `a.mp4: expected ${promised} bytes, got 3000`,
    });
  const abort = new AbortController();
  const stopped = receiveFile(at, 'a.mp4', 3000, pieces(bytes), {
    signal: abort.signal,
    onBytes: (n) => n === 2000 && abort.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  await expect(receiveFile(at, 'a.mp4', 2 ** 52, pieces(bytes))).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringMatching(/expected room for 4503599627370496 bytes, got \d+$/) as string,
  });
  expect(readdirSync(at)).toEqual([]);
  const inAFile = path.join(folder, 'whole', 'clip.mp4');
  await expect(receiveFile(inAFile, 'a.mp4', 3000, pieces(bytes))).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringContaining(`${inAFile}: expected the path of a file inside a folder`) as string,
  });
});

test.runIf(process.platform !== 'win32')(
  'a disk that fills up in the middle: told, and nothing stays',
  async () => {
    const at = path.join(folder, 'full');
    const said = await runWithFileLimit(
      64,
      `import { receiveFile } from ${JSON.stringify(path.join(import.meta.dirname, 'copies.ts'))};
     async function* source() { for (let i = 0; i < 20; i++) yield new Uint8Array(10_000); }
     await receiveFile(${JSON.stringify(at)}, 'a.mp4', 200_000, source()).catch((e) => console.log(e.code, e.message));`,
    );
    expect(said).toContain(
      `DISK_FULL ${path.join(at, 'a.mp4')}: expected room to write this file, got EFBIG`,
    );
    expect(readdirSync(at)).toEqual([]);
  },
);

test('names', () => {
  const names: Record<string, string> = {
    'clip.mp4': 'clip.mp4',
    "Ünïcode 日本 ☃ (1) 'x'.mkv": "Ünïcode 日本 ☃ (1) 'x'.mkv",
    'a/b\\c.mp4': 'c.mp4',
    '../..': 'file',
    '': 'file',
    '.hidden.mp4': 'hidden.mp4',
    'tab\there\u0000.mp4': 'tab_here_.mp4',
    'what?<is>|"this":*.avi': 'what__is___this___.avi',
    'nul.mp4': 'nul_.mp4',
    'e\u0301.mp4': '\u00e9.mp4',
    'trailing. ': 'trailing',
  };
  expect(Object.keys(names).map(safeFileName)).toEqual(Object.values(names));
  expect(Buffer.byteLength(safeFileName(`${'😀'.repeat(100)}.mp4`))).toBeLessThanOrEqual(200);
  expect(safeFileName(`${'😀'.repeat(100)}.mp4`)).toMatch(/^(😀)+\.mp4$/u);
});
