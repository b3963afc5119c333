/** @file Broken lists: every break costs its row, with its place, whatever the chunk borders. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cursor } from './cursor.ts';
import { firstJsonRow, jsonRows, type JsonRow } from './json-rows.ts';

async function* chunked(text: string, size: number): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield await Promise.resolve(text.slice(i, i + size));
}
/** Reads with several chunk sizes, which must not matter. */
async function rows(text: string, maxRow?: number): Promise<JsonRow[]> {
  const results: JsonRow[][] = [];
  for (const size of [1, 3, 7, 1 << 20]) {
    const out: JsonRow[] = [];
    for await (const row of jsonRows(chunked(text, size), { maxRow })) out.push(row);
    results.push(out);
  }
  for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  return results[0];
}
/** `line:value` for good rows, `line!` for bad ones. */
const short = (list: JsonRow[]): string[] =>
  list.map((r) => ('value' in r ? `${r.line}:${JSON.stringify(r.value)}` : `${r.line}!`));

test('a list, however it is laid out', async () => {
  const expected = ['{"a":1}', '{"b":"x, ] \\" }"}', '[1,{"c":[]}]', '7', '"s"', 'null'];
  expect(short(await rows(`[${expected.join(',')}]`))).toEqual(expected.map((e) => `1:${e}`));
  const pretty = JSON.stringify(
    expected.map((e) => JSON.parse(e) as unknown),
    null,
    2,
  );
  expect(short(await rows(`\ufeff${pretty}\n`)).map((r) => r.replace(/^\d+:/, ''))).toEqual(expected);
  expect(short(await rows('[\r\n{"a":1},\r\n{"a":2}\r\n]\r\n'))).toEqual(['2:{"a":1}', '3:{"a":2}']);
  expect(await rows('[]')).toEqual([]);
  expect(await rows(' \n')).toEqual([]);
});

test('JSON lines, with blank lines and a bad one', async () => {
  const list = await rows('{"a":1}\n\n{"a":}\n{"a":3}');
  expect(short(list)).toEqual(['1:{"a":1}', '3!', '4:{"a":3}']);
  expect(list[1]).toEqual({
    line: 3,
    error:
      'not valid JSON: Unexpected token \'}\', "{"a":}" is not valid JSON in the row that begins in line 3',
  });
});

test('a syntax error names line and column', async () => {
  const [, bad, good] = await rows('[\n  {"a": 1},\n  {"a": 1,\n   "b" 2},\n  {"a": 3}\n]');
  expect(bad).toEqual({
    line: 3,
    error: "not valid JSON: Expected ':' after property name in line 4, column 8",
  });
  expect(good).toEqual({ line: 5, value: { a: 3 } });
});

test('a missing quote ends at its line', async () => {
  const list = await rows('[\n  {"q": "one"},\n  {"q": "two,\n   "a": "x"},\n  {"q": "three"}\n]');
  expect(short(list)).toEqual(['2:{"q":"one"}', '3!', '5:{"q":"three"}']);
  expect(list[1]).toMatchObject({
    error: 'a text that begins in line 3 is not closed by a quote in that line',
  });
});

test('a row that is not closed is cut where the next one begins', async () => {
  const list = await rows('[\n{"q": "one", "v": [1},\n{"q": "two",\n{"q": "three"},\n{"q": "four"}\n]');
  expect(short(list)).toEqual(['2!', '3!', '4:{"q":"three"}', '5:{"q":"four"}']);
  const pretty = '[\n  {\n    "q": "one"\n  ,\n  {\n    "q": "two"\n  },\n  {\n    "q": 3\n  }\n]\n';
  expect(short(await rows(pretty))).toEqual(['2!', '5:{"q":"two"}', '8:{"q":3}']);
});

test('too many closing brackets cost their row only', async () => {
  expect(short(await rows('[\n{"a":1}},\n{"a":2},\n{"a":3}]\n,{"a":4}\n]'))).toEqual([
    '2!',
    '3:{"a":2}',
    '4:{"a":3}',
    '5!',
    '5:{"a":4}',
  ]);
});

test('a truncated file keeps what is whole', async () => {
  const list = await rows('[\n{"a":1},\n{"a":2},\n{"a":');
  expect(short(list)).toEqual(['2:{"a":1}', '3:{"a":2}', '4!']);
  expect(list[2]).toMatchObject({ error: 'the file ends inside the row that begins in line 4' });
  expect(short(await rows('[{"a":1},\n'))).toEqual(['1:{"a":1}', '2!']);
});

test('a row that never ends is given up at the limit', async () => {
  const list = await rows(`[\n{"a":1},\n{"b":"${'x'.repeat(500)}"},\n{"c":3}\n]`, 1000);
  expect(short(list).length).toBe(3);
  const lines = await rows(`{"a":1}\n{"b":"${'x'.repeat(2000)}"}\n{"c":3}\n`, 1000);
  expect(short(lines)).toEqual(['1:{"a":1}', '2!', '3:{"c":3}']);
});

test('bytes that are not UTF-8 cost their row', async () => {
  expect(await rows('{"a":"\ufffd"}\n{"a":1}')).toEqual([
    { line: 1, error: 'the row has bytes that are not UTF-8 text' },
    { line: 2, value: { a: 1 } },
  ]);
});

test('any JSON list reads back, in any layout and chunking', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue({ maxDepth: 3 })),
      fc.constantFrom(undefined, 1, '\t'),
      fc.integer({ min: 1, max: 40 }),
      async (values, indent, size) => {
        const text = JSON.stringify(values, null, indent);
        const out: unknown[] = [];
        for await (const row of jsonRows(chunked(text, size)))
          out.push('value' in row ? row.value : row.error);
        expect(JSON.stringify(out)).toBe(JSON.stringify(values));
      },
    ),
    { numRuns: 150 },
  );
});

test('rows of one line are told apart by their number, those that begin a line are not', async () => {
  const read = async (text: string): Promise<JsonRow[]> => {
    const rows: JsonRow[] = [];
    for await (const row of jsonRows(chunked(text, 3))) rows.push(row);
    return rows;
  };
  expect(await read('[{"a":1},{b}, {"c":3},\n{"d":4},5]')).toMatchObject([
    { line: 1, nth: 1, value: { a: 1 } },
    { line: 1, nth: 2, error: expect.stringContaining('not valid JSON') as string },
    { line: 1, nth: 3, value: { c: 3 } },
    { line: 2, value: { d: 4 } },
    { line: 2, nth: 5, value: 5 },
  ]);
  expect((await read('[\n{"a":1},\n{"b":2}\n]\n')).some((row) => 'nth' in row)).toBe(false);
  expect((await read('{"a":1}\n{"b":2}\n')).some((row) => 'nth' in row)).toBe(false);
});

test('the first row of a head', () => {
  expect(firstJsonRow('[{"a":1},{"b"')).toEqual({ a: 1 });
  expect(firstJsonRow('{"a":1}\n{"b"')).toEqual({ a: 1 });
  expect(firstJsonRow('{"a":1}')).toEqual({ a: 1 });
  expect(firstJsonRow('video,question')).toBeUndefined();
});

test('reading begins again wherever a cursor stood, also behind the end', async () => {
  const texts = [
    '[{"a":1},{"b":"x, ]"},\n  {"c":3}]',
    '[\n  {"a":1},\n  {"b"\n  ,\n  {"c":3}\n]\n',
    '{"a":1}\n\n{"b":\n{"c":"ü"}',
    '[\n{"a":1},\n{"b":2',
    '[{"a":1},{b},{"c":3},{d}]',
    '[\n  {"a":1},\n  {"b":"open,\n  {"c":3},{"d":4}\n]',
  ];
  for (const text of texts) {
    const whole: JsonRow[] = [];
    const places: { offset: number; line: number; layout: Cursor['layout'] }[] = [];
    const cursor = new Cursor();
    for await (const row of jsonRows(chunked(text, 1 << 20), { cursor })) {
      whole.push(row);
      places.push({ offset: cursor.offset, line: cursor.line, layout: cursor.layout });
    }
    for (const [i, { offset, line, layout }] of places.entries()) {
      const rest: JsonRow[] = [];
      const from = Cursor.at(line, layout!);
      for await (const row of jsonRows(chunked(text.slice(offset), 5), { cursor: from })) rest.push(row);
      expect(rest).toEqual(whole.slice(i + 1));
    }
  }
});
