/** @file Tables: quoting, line ends, wrong quotes, and any chunking. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { delimitedRecords, firstRecord, writeRecord } from './delimited.ts';

async function* chunked(text: string, size: number): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield await Promise.resolve(text.slice(i, i + size));
}
async function read(text: string, delimiter: ',' | '\t' = ','): Promise<unknown[][]> {
  const results: unknown[][][] = [];
  for (const size of [1, 2, 5, 1000]) {
    const out: unknown[][] = [];
    for await (const { line, fields, error } of delimitedRecords(chunked(text, size), delimiter))
      out.push([line, error ?? fields]);
    results.push(out);
  }
  for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  return results[0];
}

test('records, quotes and line ends', async () => {
  expect(await read('\ufeffa,b\r\n1,"x, ""y"""\n\n"two\nlines",\n')).toEqual([
    [1, ['a', 'b']],
    [2, ['1', 'x, "y"']],
    [4, ['two\nlines', '']],
  ]);
  expect(await read('a\tb\n1\t2, 3', '\t')).toEqual([
    [1, ['a', 'b']],
    [2, ['1', '2, 3']],
  ]);
  expect(await read('a,b\n5" wide,x\n')).toEqual([
    [1, ['a', 'b']],
    [2, ['5" wide', 'x']],
  ]);
});

test('wrong quotes cost their line', async () => {
  expect(await read('a,b\n"x"y,1\n2,3\n')).toEqual([
    [1, ['a', 'b']],
    [2, 'expected a separator after a closing quote, got "y"'],
    [3, ['2', '3']],
  ]);
  expect(await read('a,b\n"never,1\n2,3\n')).toEqual([
    [1, ['a', 'b']],
    [2, 'a quote (") is opened and never closed'],
    [3, ['2', '3']],
  ]);
});

test('what is written reads back, whatever the text', async () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '"', ',', '\t', '\n', '\r', ' ', '🦢'),
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constant('x'), text, text), { minLength: 1, maxLength: 6 }),
      fc.constantFrom(',' as const, '\t' as const),
      fc.integer({ min: 1, max: 20 }),
      async (rows, delimiter, size) => {
        const written = rows.map((row) => writeRecord(row, delimiter)).join('');
        const out: string[][] = [];
        for await (const record of delimitedRecords(chunked(written, size), delimiter)) {
          expect(record.error).toBeNull();
          out.push(record.fields);
        }
        expect(out).toEqual(rows);
        expect(firstRecord(written, delimiter)).toEqual(rows[0]);
      },
    ),
  );
});

test('a field that is kept does not keep the text around it', async () => {
  // V8 hands its collector out only by flag.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  async function* file(): AsyncGenerator<string> {
    for (let i = 0; i < 400; i++)
      yield await Promise.resolve(`"clips/number ${i}.mp4","${'a long answer ё '.repeat(8_000)}"\n`);
  }
  const kept: string[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for await (const { fields } of delimitedRecords(file(), ',')) kept.push(fields[0]);
  collect();
  // 400 answers are 102 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
  expect(kept[399]).toBe('clips/number 399.mp4');
});
