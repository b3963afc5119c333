/** @file Every text, offset, decoded string and padding of the tokenizer goldens, exactly; and refusals by name. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { alignedNfc } from './nfc-alignment.ts';
import { openTokenizer, TextTokenizer } from './tokenizer.ts';

const GOLDEN = path.resolve('../shared/golden');

type Text = {
  name: string;
  text: string;
  ids: number[];
  tokens: string[];
  offsets: [number, number][];
  decoded: string;
  decoded_skip_special_tokens: string;
  normalized?: string;
  pieces?: string[];
};
type Manifest = {
  texts: Text[];
  decode: { name: string; ids: number[]; decoded: string; decoded_skip_special_tokens: string }[];
};

for (const name of ['tokenizer-qwen2-like', 'tokenizer-smollm-like'])
  describe(name, async () => {
    const dir = path.join(GOLDEN, name);
    const manifest = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as Manifest;
    const tokenizer = await openTokenizer(path.join(dir, 'hub'));

    it.each(manifest.texts)('encodes and decodes $name', (t) => {
      if (t.normalized !== undefined) expect(tokenizer.normalize(t.text)).toBe(t.normalized);
      if (t.pieces) expect(tokenizer.pieces(t.text)).toEqual(t.pieces);
      const encoded = tokenizer.encode(t.text);
      expect(encoded.tokens).toEqual(t.tokens);
      expect(encoded.ids).toEqual(t.ids);
      expect(encoded.offsets).toEqual(t.offsets);
      expect(tokenizer.decode(t.ids)).toBe(t.decoded);
      expect(tokenizer.decode(t.ids, { skipSpecialTokens: true })).toBe(t.decoded_skip_special_tokens);
    });

    it.each(manifest.decode)('decodes $name', (d) => {
      expect(tokenizer.decode(d.ids)).toBe(d.decoded);
      expect(tokenizer.decode(d.ids, { skipSpecialTokens: true })).toBe(d.decoded_skip_special_tokens);
      const stream = tokenizer.stream();
      expect(d.ids.map((id) => stream.push(id)).join('') + stream.end()).toBe(d.decoded);
    });
  });

describe('alignedNfc', () => {
  it('gives a composed character its first source and shares the source of an added one', () => {
    expect(alignedNfc('e\u0301x')).toEqual({ chars: ['\u00e9', 'x'], source: [0, 2] });
    // U+0958 is excluded from composition: one character becomes two.
    expect(alignedNfc('a\u0958b')).toEqual({ chars: ['a', '\u0915', '\u093c', 'b'], source: [0, 1, 1, 2] });
    expect(alignedNfc('\u1112\u1161\u11ab.')).toEqual({ chars: ['\ud55c', '.'], source: [0, 3] });
  });
});

describe('TextTokenizer', () => {
  // Values of tokenizers 0.22 on the same files, found by comparing 12,000 random strings with it.
  it('slips behind dropped bytes as the library does', async () => {
    const tokenizer = await openTokenizer(path.join(GOLDEN, 'tokenizer-smollm-like/hub'));
    // U+E0041 is f3 a0 81 81, and f3 has no token.
    expect(tokenizer.encode('\u{e0041}!!!!').offsets).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    expect(tokenizer.encode('\u{e0041}]\ufeff').offsets).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 2],
      [2, 3],
      [2, 3],
    ]);
  });

  it('gives what a composition leaves over to its own character', async () => {
    const tokenizer = await openTokenizer(path.join(GOLDEN, 'tokenizer-qwen2-like/hub'));
    // U+0344 is two marks: the first goes into the a-umlaut, the second stays.
    expect(tokenizer.encode('a\u0344\u{4e2d}').offsets).toEqual([
      [0, 1],
      [0, 1],
      [1, 2],
      [1, 2],
      [2, 3],
    ]);
  });

  it('refuses tokenizers of another kind by key', () => {
    expect(
      () => new TextTokenizer({ model: { type: 'Unigram', vocab: [] } }, {}, 'x/tokenizer.json'),
    ).toThrow('x/tokenizer.json: model.type: expected "BPE", got "Unigram"');
  });
});
