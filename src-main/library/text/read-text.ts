/** @file A file as a stream of text chunks, with a progress hook; refuses what is plainly not UTF-8 text. */
import { open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { UserError } from '../../platform/errors.ts';

/** Bytes of a file's beginning that formats look at. */
export const HEAD_BYTES = 1 << 18;

/** The beginning of a file, enough to tell its format. */
export type Head = {
  /** File name without the folder. */
  readonly name: string;
  /** The first {@link HEAD_BYTES} as text. */
  readonly text: string;
};

/**
 * Chunks of text. Bytes that are not UTF-8 become U+FFFD, so that they cost the row they are in and not the file.
 * `onBytes` gets the number of bytes read so far.
 */
export async function* readText(
  file: string,
  onBytes?: (bytes: number) => void,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18, signal })) {
    const data = chunk as Uint8Array;
    if (bytes === 0) refuseOtherEncodings(file, data);
    bytes += data.length;
    yield decoder.decode(data, { stream: true });
    onBytes?.(bytes);
  }
  const rest = decoder.decode();
  if (rest) yield rest;
}

/** The first {@link HEAD_BYTES} of a file as text. */
export async function readHead(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const buffer = new Uint8Array(HEAD_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, HEAD_BYTES, 0);
    const data = buffer.subarray(0, bytesRead);
    refuseOtherEncodings(file, data);
    // A character that is cut at the end is not an error: `stream` holds it back.
    return new TextDecoder('utf-8').decode(data, { stream: true });
  } finally {
    await handle.close();
  }
}

function refuseOtherEncodings(file: string, data: Uint8Array): void {
  const wide = (data[0] === 0xff && data[1] === 0xfe) || (data[0] === 0xfe && data[1] === 0xff);
  if (wide || data.subarray(0, 4096).includes(0))
    throw new UserError(
      'BAD_INPUT',
      `import: expected UTF-8 text, got ${wide ? 'UTF-16 text' : 'binary data'} in ${file}`,
      wide
        ? 'Save the file as UTF-8 and import it again.'
        : 'Choose the file with the questions and answers.',
    );
}
