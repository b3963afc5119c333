/**
 * @file Whether a file is as long as its container says. Decoders read a cut file without complaint as far as it goes; the outermost
 * boxes of MP4, Matroska and AVI carry their lengths, and a GIF ends with a mark. Only headers are read.
 */
import { open, type FileHandle } from 'node:fs/promises';

/** How long the file should be at least, and how long it is, in bytes. */
export type Shortfall = { promised: number; actual: number };

/** The shortfall of a cut file; null when the container's own length is there, or it states none. */
export async function findShortfall(file: string): Promise<Shortfall | null> {
  const handle = await open(file, 'r');
  try {
    const actual = (await handle.stat()).size;
    const promised = await promisedEnd(handle, actual);
    return promised !== null && promised > actual ? { promised, actual } : null;
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, Math.max(0, position));
  return buffer.subarray(0, bytesRead);
}

async function promisedEnd(handle: FileHandle, actual: number): Promise<number | null> {
  const head = await readAt(handle, 0, 64);
  if (head.length < 16) return null;
  if (head.toString('latin1', 4, 8) === 'ftyp') return mp4End(handle, actual);
  if (head.readUInt32BE(0) === 0x1a45dfa3) return matroskaEnd(handle);
  if (head.toString('latin1', 0, 4) === 'RIFF') return riffEnd(handle, actual);
  if (head.toString('latin1', 0, 3) === 'GIF') {
    // The trailer; some writers pad it with zeros.
    const tail = await readAt(handle, actual - 16, 16);
    const last = tail.findLast((byte) => byte !== 0);
    return last === 0x3b ? null : actual + 1;
  }
  return null;
}

/** End of the last top-level box. Its length field is 32 bits, 64 when it says 1, and "to the end" when it says 0. */
async function mp4End(handle: FileHandle, actual: number): Promise<number | null> {
  let at = 0;
  while (at + 8 <= actual) {
    const box = await readAt(handle, at, 16);
    let size = box.readUInt32BE(0);
    if (size === 0 || !/^[\w ©]{4}$/.test(box.toString('latin1', 4, 8))) return null;
    if (size === 1) {
      if (box.length < 16) return null;
      size = Number(box.readBigUInt64BE(8));
    }
    if (size < 8) return null;
    at += size;
  }
  return at;
}

/** End of the Segment, the second element. A live recording leaves its length unknown. */
async function matroskaEnd(handle: FileHandle): Promise<number | null> {
  let at = 4;
  const header = vint(await readAt(handle, at, 8));
  if (!header || header.value === null) return null;
  at += header.length + header.value;
  const segment = await readAt(handle, at, 12);
  if (segment.length < 12 || segment.readUInt32BE(0) !== 0x18538067) return null;
  const size = vint(segment.subarray(4));
  return size?.value == null ? null : at + 4 + size.length + size.value;
}

/** Matroska's number: the position of the first set bit gives its length; all ones mean unknown. */
function vint(bytes: Buffer): { value: number | null; length: number } | null {
  if (bytes.length === 0 || bytes[0] === 0) return null;
  const length = Math.clz32(bytes[0]) - 23;
  if (bytes.length < length) return null;
  let value = bytes[0] & ((1 << (8 - length)) - 1);
  for (let i = 1; i < length; i++) value = value * 256 + bytes[i];
  return { value: value === 2 ** (7 * length) - 1 ? null : value, length };
}

/** End of the last RIFF chunk; large AVI files have several. */
async function riffEnd(handle: FileHandle, actual: number): Promise<number | null> {
  let at = 0;
  while (at + 8 <= actual) {
    const chunk = await readAt(handle, at, 8);
    if (chunk.toString('latin1', 0, 4) !== 'RIFF') return at;
    const size = chunk.readUInt32LE(4);
    if (size === 0) return null; // never finished: nothing is promised
    at += 8 + size + (size % 2);
  }
  return at;
}
