/**
 * @file Text to token ids and back, exactly as Hugging Face's tokenizers does for byte-level BPE (Qwen2, Llama 3, SmolLM,
 * GPT-2 style). The merges and the regex translation are `@huggingface/tokenizers`' own; around them this file replaces
 * what the JavaScript package does differently from the reference (checked against golden files):
 *  - it returns no offsets: ours are code points of the original text, through NFC (nfc-alignment.ts);
 *  - `Digits` knows only ASCII digits, the reference every \p{N}; `ByteLevel`'s own regex uses JavaScript's \s (with
 *    U+FEFF, without U+0085): both become `Split` steps with the right pattern before the package sees them;
 *  - `(?i:'s)` does not match U+017F: such groups are spelled out;
 *  - bytes without a token are dropped after merging, in the reference before it;
 *  - decoding cuts at added tokens, so the two halves of a character around a skipped token stay broken.
 */
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { exists, readJson } from './checkpoint.ts';
import { alignedNfc } from './nfc-alignment.ts';
import {
  checkSupported,
  faithfulPreTokenizer,
  readAdded,
  readTemplate,
  sequenceOf,
} from './tokenizer-format.ts';
import type { Added, Json } from './tokenizer-format.ts';

/** [start, end) in Unicode code points of the original text. */
export type Span = [start: number, end: number];

/** Ids, vocabulary strings and source spans of one text, one of each per token. */
export type Encoded = { ids: number[]; tokens: string[]; offsets: Span[] };

export type EncodeOptions = {
  /** Whether the tokenizer's own template (bos, eos) is applied. @default true */
  addSpecialTokens?: boolean;
};

export type DecodeOptions = {
  /** Leaves special tokens out; the bytes on both sides join. @default false */
  skipSpecialTokens?: boolean;
};

/** What we call in the package. Stated here because its declarations import without extensions and so do not resolve. */
type PackageTokenizer = {
  pre_tokenizer: { pre_tokenize(text: string): string[] };
  model: { encode(pieces: string[]): string[] };
};
const PackageTokenizer = Tokenizer as unknown as new (json: Json, config: Json) => PackageTokenizer;
/** Unicode White_Space; JavaScript's \s differs from it. */
const WHITE_SPACE = /^\p{White_Space}$/u;

const { byteToChar, charToByte } = byteAlphabet();

/** The printable stand-ins of bytes that byte-level vocabularies are written in (GPT-2's bytes_to_unicode). */
function byteAlphabet() {
  const byteToChar: string[] = [];
  let extra = 0;
  for (let byte = 0; byte < 256; byte++) {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    byteToChar.push(String.fromCharCode(printable ? byte : 256 + extra++));
  }
  return { byteToChar, charToByte: new Map(byteToChar.map((char, byte) => [char, byte])) };
}

/** A stretch of text between special tokens, normalized, with the original code point of each of its code points. */
type Stretch = { chars: string[]; source: number[] };

/** A tokenizer of one checkpoint; immutable. */
export class TextTokenizer {
  /** Number of tokens, added ones included (the embedding may have more rows). */
  readonly size: number;
  /** Ids of the tokens that count as special. */
  readonly specialIds: ReadonlySet<number>;
  readonly eosId: number | undefined;
  readonly bosId: number | undefined;
  readonly padId: number | undefined;

  readonly #package: PackageTokenizer;
  readonly #added: Added[];
  readonly #rawSplitter: RegExp | undefined;
  readonly #normalizedSplitter: RegExp | undefined;
  readonly #addedByContent: ReadonlyMap<string, Added>;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: readonly (string | undefined)[];
  readonly #nfc: boolean;
  readonly #trim: { addPrefixSpace: boolean } | undefined;
  readonly #template: { before: number[]; after: number[] };
  readonly #cleanUp: boolean;

  /** From the parsed `tokenizer.json` and `tokenizer_config.json`; `file` is only used in messages. */
  constructor(json: Json, config: Json, file: string) {
    checkSupported(json, file);
    this.#added = readAdded(json, config);
    this.#package = new PackageTokenizer(
      { ...json, pre_tokenizer: faithfulPreTokenizer(json.pre_tokenizer as Json), added_tokens: [] },
      {},
    );
    this.#ids = new Map([
      ...Object.entries((json.model as { vocab: Record<string, number> }).vocab),
      ...this.#added.map((a): [string, number] => [a.content, a.id]),
    ]);
    const tokens: string[] = [];
    for (const [token, id] of this.#ids) tokens[id] = token;
    this.#tokens = tokens;
    this.size = this.#ids.size;
    this.specialIds = new Set(this.#added.filter((a) => a.special).map((a) => a.id));
    this.#addedByContent = new Map(this.#added.map((a) => [a.content, a]));
    this.#rawSplitter = splitter(this.#added.filter((a) => !a.normalized));
    this.#normalizedSplitter = splitter(this.#added.filter((a) => a.normalized));
    this.#nfc = json.normalizer != null;
    const steps = sequenceOf(json.post_processor as Json | null, 'processors');
    const byteLevel = steps.find((s) => s.type === 'ByteLevel');
    this.#trim =
      byteLevel && (byteLevel.trim_offsets ?? true) === true
        ? { addPrefixSpace: (byteLevel.add_prefix_space ?? true) === true }
        : undefined;
    this.#template = readTemplate(
      steps.find((s) => s.type === 'TemplateProcessing'),
      this.#ids,
    );
    this.#cleanUp = config.clean_up_tokenization_spaces === true;
    this.eosId = this.#special(config.eos_token);
    this.bosId = this.#special(config.bos_token);
    this.padId = this.#special(config.pad_token);
  }

  #special(token: unknown): number | undefined {
    const text = typeof token === 'string' ? token : (token as Json | null | undefined)?.content;
    return typeof text === 'string' ? this.#ids.get(text) : undefined;
  }

  /** Id of a vocabulary string. */
  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** Vocabulary string of an id; undefined for rows of the embedding that no token uses. */
  token(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** Encodes a text. A character whose bytes have no token at all gives none, as in the reference. */
  encode(text: string, options: EncodeOptions = {}): Encoded {
    const out: Encoded = { ids: [], tokens: [], offsets: [] };
    const points = [...text];
    for (const part of this.#split(points, this.#rawSplitter)) {
      if (part.added) {
        push(out, part.added.id, part.added.content, [part.start, part.end]);
        continue;
      }
      const stretch = this.#normalized(points, part.start, part.end);
      for (const inner of this.#split(stretch.chars, this.#normalizedSplitter))
        if (inner.added)
          push(out, inner.added.id, inner.added.content, spanOf(stretch, inner.start, inner.end));
        else this.#encodeStretch(stretch, inner.start, inner.end, out);
    }
    if (this.#trim) trimOffsets(out, this.#trim.addPrefixSpace);
    return options.addSpecialTokens === false ? out : this.#withTemplate(out);
  }

  /** The text after the normalizer; only meaningful for texts without added tokens. */
  normalize(text: string): string {
    return this.#nfc ? text.normalize('NFC') : text;
  }

  /** The pieces after the pre-tokenizer in the byte alphabet; only meaningful for texts without added tokens. */
  pieces(text: string): string[] {
    return this.#preTokenize(this.normalize(text));
  }

  /** The text of tokens: their bytes joined and read as UTF-8, invalid bytes as U+FFFD. Ids without a token give nothing. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const bytes: number[] = [];
    for (const id of ids) bytes.push(...this.bytes(id, options));
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array(bytes));
    return this.#cleanUp ? cleanUp(text) : text;
  }

  /** The bytes one token stands for. */
  bytes(id: number, options: DecodeOptions = {}): number[] | Uint8Array {
    const token = this.#tokens[id];
    if (token === undefined || (options.skipSpecialTokens && this.specialIds.has(id))) return [];
    const bytes: number[] = [];
    for (const char of token) {
      const byte = charToByte.get(char);
      // A token with any character outside the alphabet stands for its own text (added tokens may).
      if (byte === undefined) return new TextEncoder().encode(token);
      bytes.push(byte);
    }
    return bytes;
  }

  /** A decoder for streaming: each call returns the text that became certain; half characters wait for their rest. */
  stream(options: DecodeOptions = {}): { push(id: number): string; end(): string } {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return {
      push: (id) => decoder.decode(Uint8Array.from(this.bytes(id, options)), { stream: true }),
      end: () => decoder.decode(),
    };
  }

  #normalized(points: readonly string[], start: number, end: number): Stretch {
    const chars = points.slice(start, end);
    if (!this.#nfc) return { chars, source: chars.map((_, i) => start + i) };
    const aligned = alignedNfc(chars.join(''));
    return { chars: aligned.chars, source: aligned.source.map((i) => start + i) };
  }

  #preTokenize(text: string): string[] {
    if (text === '') return [];
    return this.#package.pre_tokenizer.pre_tokenize(text);
  }

  #encodeStretch(stretch: Stretch, start: number, end: number, out: Encoded): void {
    const chars = stretch.chars.slice(start, end);
    // The library counts positions in the UTF-8 bytes of the byte alphabet's text, where most bytes above 0x7f take two; behind
    // bytes without a token positions slip by what those took, and we slip with it.
    const owner: number[] = [];
    const encoder = new TextEncoder();
    chars.forEach((char, i) => {
      for (const byte of encoder.encode(char))
        for (let n = Buffer.byteLength(byteToChar[byte]); n > 0; n--) owner.push(start + i);
    });
    let pieceStart = 0;
    for (const piece of this.#preTokenize(chars.join(''))) {
      const known = [...piece].filter((char) => this.#ids.has(char)).join('');
      let position = pieceStart;
      for (const token of known === '' ? [] : this.#package.model.encode([known])) {
        const next = position + Buffer.byteLength(token);
        push(out, this.#ids.get(token)!, token, spanOf(stretch, owner[position], owner[next - 1] + 1));
        position = next;
      }
      pieceStart += Buffer.byteLength(piece);
    }
  }

  /** Cuts code points at added tokens: leftmost, then longest. */
  *#split(points: readonly string[], pattern: RegExp | undefined) {
    const text = points.join('');
    let done = 0;
    let units = 0;
    for (const match of pattern ? text.matchAll(pattern) : []) {
      const added = this.#addedByContent.get(match[0])!;
      let start = done + [...text.slice(units, match.index)].length;
      let end = start + [...match[0]].length;
      if (added.singleWord && (isWord(points[start - 1]) || isWord(points[end]))) continue;
      units = match.index + match[0].length;
      if (added.lstrip) while (start > done && WHITE_SPACE.test(points[start - 1])) start--;
      const matchEnd = end;
      if (added.rstrip) while (end < points.length && WHITE_SPACE.test(points[end])) end++;
      if (start > done) yield { start: done, end: start, added: undefined };
      yield { start, end, added };
      units += points.slice(matchEnd, end).join('').length;
      done = end;
    }
    if (done < points.length) yield { start: done, end: points.length, added: undefined };
  }

  #withTemplate(encoded: Encoded): Encoded {
    const { before, after } = this.#template;
    if (before.length + after.length === 0) return encoded;
    const none = (ids: number[]) => ids.map((): Span => [0, 0]);
    const names = (ids: number[]) => ids.map((id) => this.#tokens[id] ?? '');
    return {
      ids: [...before, ...encoded.ids, ...after],
      tokens: [...names(before), ...encoded.tokens, ...names(after)],
      offsets: [...none(before), ...encoded.offsets, ...none(after)],
    };
  }
}

function push(out: Encoded, id: number, token: string, span: Span): void {
  out.ids.push(id);
  out.tokens.push(token);
  out.offsets.push(span);
}

/** Original span of normalized code points [start, end): a composed character counts as its first source only. */
function spanOf(stretch: Stretch, start: number, end: number): Span {
  return [stretch.source[start], stretch.source[end - 1] + 1];
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}_]/u.test(char);
}

/** Removes leading and trailing white space from spans, as ByteLevel's `trim_offsets` does. */
function trimOffsets(out: Encoded, addPrefixSpace: boolean): void {
  const isSpace = (char: string) => char === byteToChar[0x20] || WHITE_SPACE.test(char);
  out.tokens.forEach((token, i) => {
    const chars = [...token];
    const span = out.offsets[i];
    const first = chars.findIndex((c) => !isSpace(c));
    const leading = first < 0 ? chars.length : first;
    const last = chars.findLastIndex((c) => !isSpace(c));
    const trailing = chars.length - 1 - last;
    if (leading > 0 && !(addPrefixSpace && (i === 0 || span[0] === 0)))
      span[0] = Math.min(span[0] + leading, span[1]);
    if (trailing > 0 && span[1] >= trailing) span[1] = Math.max(span[1] - trailing, span[0]);
  });
}

/** transformers' clean_up_tokenization. */
function cleanUp(text: string): string {
  return text
    .replace(/ ([.?!,])/g, '$1')
    .replaceAll(" ' ", "'")
    .replace(/ (n't|'m|'s|'ve|'re)/g, '$1');
}

function splitter(added: readonly Added[]): RegExp | undefined {
  if (added.length === 0) return undefined;
  const longestFirst = added.map((a) => a.content).sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((c) => c.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')).join('|'), 'gu');
}

/** Opens the tokenizer of a checkpoint directory. */
export async function openTokenizer(dir: string): Promise<TextTokenizer> {
  const file = path.join(dir, 'tokenizer.json');
  const configFile = path.join(dir, 'tokenizer_config.json');
  const hint = 'Copy tokenizer.json and tokenizer_config.json from where the checkpoint was published.';
  const json = (await readJson(file, hint)) as Json;
  const config = (await exists(configFile)) ? ((await readJson(configFile, hint)) as Json) : {};
  return new TextTokenizer(json, config, file);
}
