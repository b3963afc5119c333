/**
 * @file Trains the sample model's tokenizer: byte-level BPE with Qwen2's splitting rule, merged until every word of the
 * sample world is one token. All 256 bytes are in the vocabulary, so any text can be encoded.
 */
import { Random } from '../../src-main/platform/random.ts';
import { askMany } from '../../resources/world/questions.ts';
import { BALANCED, makeScene } from '../../resources/world/scene.ts';

/** Qwen2's pre-tokenizer pattern, as its tokenizer.json has it. */
const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const SPLIT = new RegExp(QWEN2_PATTERN, 'gu');

/** In the order of their ids, which follow the ordinary tokens. */
export const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<image>', '<video>'] as const;
export type SpecialToken = (typeof SPECIALS)[number];

/** GPT-2's printable stand-in for each byte value. */
function byteAlphabet(): string[] {
  const out: string[] = [];
  let next = 256;
  for (let b = 0; b < 256; b++) {
    const printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    out.push(String.fromCodePoint(printable ? b : next++));
  }
  return out;
}
const ALPHABET = byteAlphabet();

/** A piece of text in the byte alphabet. */
const toBytes = (piece: string): string =>
  [...new TextEncoder().encode(piece)].map((b) => ALPHABET[b]).join('');

export type Vocabulary = {
  /** Ordinary tokens in the byte alphabet, by id. */
  tokens: string[];
  merges: [string, string][];
};

/** The texts the tokenizer is trained on: questions and answers of `scenes` scenes, and the chat frame around them. */
export function corpus(scenes: number, seed: number): string[] {
  const random = new Random(seed);
  const texts = ['user ', '\n', 'assistant\n', 'system\nYou are a helpful assistant.'];
  for (let i = 0; i < scenes; i++)
    for (const q of askMany(makeScene(random, BALANCED), random, 16, 0.5))
      texts.push(`\n${q.question}`, q.answer);
  return texts;
}

/** Learns merges, the most frequent pair first (ties: the alphabetically first), until every piece is one token. */
export function trainTokenizer(texts: readonly string[]): Vocabulary {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const [piece] of text.matchAll(SPLIT)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  let words = [...counts].map(([piece, count]) => ({ parts: [...toBytes(piece)], count }));
  const tokens = [...ALPHABET].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const merges: [string, string][] = [];
  for (;;) {
    words = words.filter((w) => w.parts.length > 1);
    const pairs = new Map<string, number>();
    for (const { parts, count } of words)
      for (let i = 0; i + 1 < parts.length; i++) {
        const key = `${parts[i]} ${parts[i + 1]}`;
        pairs.set(key, (pairs.get(key) ?? 0) + count);
      }
    let best: string | null = null;
    for (const [key, count] of pairs)
      if (best === null || count > pairs.get(best)! || (count === pairs.get(best)! && key < best)) best = key;
    if (best === null) return { tokens, merges };
    const [left, right] = best.split(' ') as [string, string];
    merges.push([left, right]);
    tokens.push(left + right);
    for (const word of words) {
      const { parts } = word;
      for (let i = 0; i + 1 < parts.length; i++)
        if (parts[i] === left && parts[i + 1] === right) parts.splice(i, 2, left + right);
    }
  }
}

/** Ids of all tokens, ordinary and special. */
export class WorldTokenizer {
  readonly vocabulary: Vocabulary;
  readonly #ids: Map<string, number>;
  readonly #cache = new Map<string, readonly number[]>();

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
    this.#ids = new Map(vocabulary.tokens.map((token, id) => [token, id]));
  }

  /** Ordinary tokens plus the special ones. */
  get size(): number {
    return this.vocabulary.tokens.length + SPECIALS.length;
  }

  special(token: SpecialToken): number {
    return this.vocabulary.tokens.length + SPECIALS.indexOf(token);
  }

  /** Ids of a text of the sample world, where each piece is one token; throws for any other text (use models/tokenizer there). */
  encode(text: string): readonly number[] {
    const cached = this.#cache.get(text);
    if (cached !== undefined) return cached;
    const ids = [...text.matchAll(SPLIT)].map(([piece]) => {
      const id = this.#ids.get(toBytes(piece));
      if (id === undefined)
        throw new Error(
          `internal: world tokenizer: expected a word of the sample world, got ${JSON.stringify(piece)}`,
        );
      return id;
    });
    if (this.#cache.size < 50_000) this.#cache.set(text, ids);
    return ids;
  }

  /** Plain text of ordinary tokens; special tokens are left out. */
  decode(ids: Iterable<number>): string {
    const bytes: number[] = [];
    for (const id of ids)
      for (const char of this.vocabulary.tokens[id] ?? '') bytes.push(ALPHABET.indexOf(char));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }
}

/** tokenizer.json as Hugging Face's tokenizers library reads it (same steps as a LLaVA-OneVision repository's). */
export function tokenizerJson(vocabulary: Vocabulary): unknown {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIALS.map((content, i) => ({
      id: vocabulary.tokens.length + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_PATTERN }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])),
      merges: vocabulary.merges.map((pair) => pair.join(' ')),
    },
  };
}
