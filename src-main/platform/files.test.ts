/** @file Files that are written whole or not at all, and what a full disk, a forbidden place or a folder in the way is told as. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError, toPlainError } from './errors.ts';
import { appendDurably, explainWriteError, writeFileAtomic } from './files.ts';
import { runWithFileLimit } from './testing.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'files-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const filesModule = JSON.stringify(path.join(import.meta.dirname, 'files.ts'));

test('a file is replaced whole, also from pieces', async () => {
  const file = path.join(folder, 'deep', 'a.bin');
  await writeFileAtomic(file, 'first');
  await writeFileAtomic(
    file,
    ['sec', 'ond'].map((part) => Buffer.from(part)),
  );
  expect(readFileSync(file, 'utf8')).toBe('second');
  expect(readdirSync(path.dirname(file))).toEqual(['a.bin']);
});

test('a source that fails in the middle leaves the old file and nothing else', async () => {
  const file = path.join(folder, 'a.txt');
  writeFileSync(file, 'old');
  function* pieces(): Generator<Uint8Array> {
    yield Buffer.from('half of the ne');
    throw new Error('no more');
  }
  await expect(writeFileAtomic(file, pieces())).rejects.toThrow('no more');
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['a.txt']);
});

test.runIf(process.platform !== 'win32')(
  'no room in the middle of a write: the file is named, the old one stays, and no part of the new one does',
  async () => {
    const file = path.join(folder, 'pairs.json');
    writeFileSync(file, 'old');
    const said = await runWithFileLimit(
      16,
      `import { writeFileAtomic } from ${filesModule};
       await writeFileAtomic(${JSON.stringify(file)}, 'x'.repeat(200_000)).catch((e) => console.log(JSON.stringify([e.name, e.code, e.message, e.hint])));`,
    );
    const [name, code, message, hint] = JSON.parse(said) as string[];
    expect([name, code]).toEqual(['UserError', 'DISK_FULL']);
    expect(message).toBe(`${file}: expected room to write this file, got EFBIG: file too large, write`);
    expect(hint).toContain('Free some space');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['pairs.json']);
  },
);

test.runIf(process.platform !== 'win32')(
  'no room for a whole line: the lines before it stay whole',
  async () => {
    const file = path.join(folder, 'metrics.jsonl');
    const said = await runWithFileLimit(
      4,
      `import { appendDurably } from ${filesModule};
     const line = JSON.stringify({ text: 'x'.repeat(1500) }) + '\\n';
     try { for (;;) await appendDurably(${JSON.stringify(file)}, line); } catch (e) { console.log(e.code, e.message); }`,
    );
    expect(said).toContain(`DISK_FULL ${file}: expected room`);
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.length).toBe(2);
    for (const line of lines) expect((JSON.parse(line) as { text: string }).text.length).toBe(1500);
    await appendDurably(file, 'more\n');
    expect(readFileSync(file, 'utf8').endsWith('}\nmore\n')).toBe(true);
  },
);

test.runIf(process.platform === 'linux')("the system's own ENOSPC is a full disk", async () => {
  const handle = await open('/dev/full', 'w');
  const error: unknown = await handle.writeFile('x').catch((e: unknown) => e);
  await handle.close();
  const explained = explainWriteError('run/optimizer.safetensors', error);
  expect(explained).toBeInstanceOf(UserError);
  expect(toPlainError(explained)).toEqual({
    code: 'DISK_FULL',
    message:
      'run/optimizer.safetensors: expected room to write this file, got ENOSPC: no space left on device, write',
    hint: 'Free some space on this disk and try again; nothing that was saved before is lost.',
  });
  expect(toPlainError(error).code).toBe('DISK_FULL');
});

test('a folder in the way, or a file where a folder should be, is told with the path', async () => {
  mkdirSync(path.join(folder, 'taken'));
  writeFileSync(path.join(folder, 'plain'), '');
  for (const file of [path.join(folder, 'taken'), path.join(folder, 'plain', 'x.json')]) {
    const error: unknown = await writeFileAtomic(file, 'x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(`${file}: expected`);
  }
  expect(readdirSync(folder).sort()).toEqual(['plain', 'taken']);
});

test('our own faults and other errors stay what they are', () => {
  const fault = new Error('internal: x');
  expect(explainWriteError('f', fault)).toBe(fault);
  const other = Object.assign(new Error('EIO'), { code: 'EIO' });
  expect(explainWriteError('f', other)).toBe(other);
});
