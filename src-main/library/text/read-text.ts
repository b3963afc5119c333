/** @file A file as a stream of text with the byte at which each character stands; refuses what is plainly no text. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { UserError } from '../../platform/errors.ts';

/** Bytes of a file's beginning that formats look at. */
export const HEAD_BYTES = 1 << 18;
/** Bytes read at a time. */
const CHUNK_BYTES = 1 << 18;

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** The beginning of a file, enough to tell its format. */
export type Head = {
  /** File name without the folder. */
  readonly name: string;
  /** The first {@link HEAD_BYTES} as text. */
  readonly text: string;
};

/**
 * Reads a text file from a byte on. UTF-8, or UTF-16 with a byte order mark (what spreadsheets call "Unicode text"). Bytes that are
 * no text become U+FFFD, so that they cost the row they are in and not the file.
 */
export class TextFile {
  readonly #file: string;
  readonly #from: number;
  /** Characters before the present piece, and the byte at which it begins. */
  #piece: { chars: number; at: number; data: Uint8Array; text: string } | null = null;
  #encoding: Encoding = 'utf-8';

  /** `from`: a byte at which a character begins, as {@link byteOf} gave it. */
  constructor(file: string, from = 0) {
    this.#file = file;
    this.#from = from;
  }

  /** The text, piece by piece; a piece never ends inside a character. */
  async *pieces(signal?: AbortSignal): AsyncGenerator<string> {
    this.#encoding = encodingOf(this.#file, await firstBytes(this.#file, 4096));
    const decoder = new TextDecoder(this.#encoding, { ignoreBOM: true });
    let rest: Uint8Array = new Uint8Array(0);
    let at = this.#from;
    let chars = 0;
    const source = createReadStream(this.#file, { start: at, highWaterMark: CHUNK_BYTES, signal });
    for await (const chunk of source) {
      const data = rest.length > 0 ? Buffer.concat([rest, chunk as Uint8Array]) : (chunk as Uint8Array);
      const end = wholeCharacters(data, this.#encoding);
      const whole = data.subarray(0, end);
      const text = decoder.decode(whole);
      this.#piece = { chars, at, data: whole, text };
      if (end > 0) yield text;
      chars += text.length;
      at += end;
      rest = data.subarray(end);
    }
    if (rest.length > 0) yield decoder.decode(rest);
  }

  /**
   * The byte at which character `offset` of this reading stands; null where that is not known: before the present piece, or when
   * it has bytes that are no text.
   */
  byteOf(offset: number): number | null {
    const piece = this.#piece;
    if (!piece) return null;
    const chars = offset - piece.chars;
    if (chars < 0 || chars > piece.text.length) return null;
    if (this.#encoding !== 'utf-8') return piece.at + 2 * chars;
    if (piece.data.length === piece.text.length) return piece.at + chars; // ASCII
    // A replaced byte is shorter than its replacement.
    if (piece.text.includes('\ufffd')) return null;
    return piece.at + Buffer.byteLength(piece.text.slice(0, chars));
  }
}

/** The first {@link HEAD_BYTES} of a file as text. */
export async function readHead(file: string): Promise<string> {
  const data = await firstBytes(file, HEAD_BYTES);
  const encoding = encodingOf(file, data);
  // A character that is cut at the end is not an error: `stream` holds it back.
  return new TextDecoder(encoding).decode(data, { stream: true });
}

/** Up to `count` bytes of a file's beginning. */
export async function firstBytes(file: string, count: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const buffer = new Uint8Array(count);
    const { bytesRead } = await handle.read(buffer, 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Length of `data` without a character that is cut at its end. */
function wholeCharacters(data: Uint8Array, encoding: Encoding): number {
  if (encoding === 'utf-8') {
    // At most three bytes can be the beginning of a longer character.
    for (let back = 1; back <= Math.min(3, data.length); back++) {
      const byte = data[data.length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      return length > back ? data.length - back : data.length;
    }
    return data.length;
  }
  const even = data.length - (data.length % 2);
  if (even < 2) return even;
  const high = data[encoding === 'utf-16le' ? even - 1 : even - 2];
  return high >= 0xd8 && high <= 0xdb ? even - 2 : even;
}

/** What a file is when its first bytes are these, and what to do with it. */
const NO_TEXT: { magic: readonly number[]; what: string; hint: string }[] = [
  {
    magic: [0x1f, 0x8b],
    what: 'a gzip archive',
    hint: 'Unpack it (gunzip FILE) and import what was in it.',
  },
  { magic: [0x50, 0x4b, 3, 4], what: 'a ZIP archive or spreadsheet', hint: 'Unpack it, or save as CSV.' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], what: 'a Zstandard archive', hint: 'Unpack it (unzstd FILE).' },
  {
    magic: [0x50, 0x41, 0x52, 0x31],
    what: 'a Parquet file',
    hint: 'Save it as JSON lines: datasets.Dataset.from_parquet(FILE).to_json(...).',
  },
];

/** @throws UserError BAD_INPUT when these first bytes are no text */
function encodingOf(file: string, data: Uint8Array): Encoding {
  if (data[0] === 0xff && data[1] === 0xfe) return 'utf-16le';
  if (data[0] === 0xfe && data[1] === 0xff) return 'utf-16be';
  const kind = NO_TEXT.find(({ magic }) => magic.every((byte, i) => data[i] === byte));
  if (kind || data.subarray(0, 4096).includes(0))
    throw new UserError(
      'BAD_INPUT',
      `import: expected text, got ${kind?.what ?? 'binary data'} in ${file}`,
      kind?.hint ?? 'Choose the file with the questions and answers.',
    );
  return 'utf-8';
}
