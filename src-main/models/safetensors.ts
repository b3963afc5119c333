/**
 * @file The safetensors container: header table, single tensors read by offset, and an atomic streamed writer.
 * A file is never read whole, so a header of a 15 GB shard costs a few hundred kilobytes.
 * Format: 8 bytes little-endian header length, that many bytes of JSON, then the tensors' bytes back to back.
 */
import { open } from 'node:fs/promises';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';

/** Element types of the format that this project can meet in a checkpoint. */
export type SafetensorsDtype =
  'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL';

/** Bytes of one element. */
const DTYPE_BYTES: Readonly<Record<SafetensorsDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** Where one tensor lies. */
export type TensorEntry = {
  name: string;
  dtype: SafetensorsDtype;
  shape: readonly number[];
  /** Path of the file that holds it. */
  file: string;
  /** Absolute position in the file, in bytes; the format does not promise alignment. */
  offset: number;
  /** Length in bytes. */
  bytes: number;
};

/** One file's table of contents. */
export type SafetensorsHeader = {
  file: string;
  /** Size of the whole file, in bytes. */
  size: number;
  /** The raw JSON header, for hashing. */
  json: string;
  metadata: Readonly<Record<string, string>>;
  tensors: ReadonlyMap<string, TensorEntry>;
};

/** Headers above this size are refused, as the reference implementation does (100 MB). */
const MAX_HEADER = 100_000_000;

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function corrupt(file: string, what: string): UserError {
  return new UserError(
    'CORRUPT',
    `${file}: ${what}`,
    'Download or copy the file again; it is damaged or not a safetensors file.',
  );
}

/**
 * Reads the table of contents of `file` and checks that every tensor's bytes are really there.
 * Throws a UserError naming file and tensor for a truncated, foreign or inconsistent file.
 */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  const handle = await openForReading(file);
  try {
    const { size } = await handle.stat();
    const prefix = Buffer.alloc(8);
    if (size < 8) throw corrupt(file, `safetensors header: expected at least 8 bytes, got ${size}`);
    await handle.read(prefix, 0, 8, 0);
    const length = Number(prefix.readBigUInt64LE(0));
    if (length > MAX_HEADER || length + 8 > size)
      throw corrupt(
        file,
        `safetensors header: expected ${length} bytes of header, got a file of ${size} bytes`,
      );
    const buffer = Buffer.alloc(length);
    await handle.read(buffer, 0, length, 8);
    const json = buffer.toString('utf8');
    return { file, size, json, ...parseHeader(file, json, 8 + length, size) };
  } finally {
    await handle.close();
  }
}

async function openForReading(file: string) {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw new UserError(
      'NOT_FOUND',
      `${file}: expected a readable safetensors file, got ${cause instanceof Error ? cause.message : String(cause)}`,
      'Check that the checkpoint was copied completely.',
      { cause },
    );
  }
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

function parseHeader(file: string, json: string, dataStart: number, size: number) {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw corrupt(file, 'safetensors header: expected JSON, got something else');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw corrupt(file, 'safetensors header: expected a JSON object');
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') {
      metadata = value as Record<string, string>;
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
    if (!isDtype(dtype))
      throw new UserError(
        'UNSUPPORTED',
        `${file}: tensor "${name}": expected a dtype among ${Object.keys(DTYPE_BYTES).join(', ')}, got ${JSON.stringify(dtype)}`,
        'Use a checkpoint saved as float32, float16 or bfloat16; quantised checkpoints are not supported.',
      );
    if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2)
      throw corrupt(file, `tensor "${name}": expected shape and data_offsets, got ${JSON.stringify(value)}`);
    const [begin, end] = offsets as [number, number];
    const expected = elementCount(shape) * DTYPE_BYTES[dtype];
    if (end - begin !== expected)
      throw corrupt(
        file,
        `tensor "${name}" ${dtype} [${shape.join(', ')}]: expected ${expected} bytes, got ${end - begin}`,
      );
    if (dataStart + end > size)
      throw corrupt(
        file,
        `tensor "${name}" ${dtype} [${shape.join(', ')}]: expected bytes up to ${dataStart + end}, got a file of ${size} bytes (truncated)`,
      );
    tensors.set(name, { name, dtype, shape, file, offset: dataStart + begin, bytes: expected });
  }
  checkLayout(file, tensors, dataStart, size);
  return { metadata, tensors };
}

/** Tensors lie back to back and fill the file, as the reference reader demands: else one of them is not what it was. */
function checkLayout(
  file: string,
  tensors: ReadonlyMap<string, TensorEntry>,
  dataStart: number,
  size: number,
): void {
  let end = dataStart;
  for (const { name, offset, bytes } of [...tensors.values()].sort(
    (a, b) => a.offset - b.offset || a.bytes - b.bytes,
  )) {
    if (offset !== end)
      throw corrupt(file, `tensor "${name}": expected its bytes to begin at ${end}, got ${offset}`);
    end += bytes;
  }
  if (end !== size) throw corrupt(file, `expected a file of ${end} bytes, got ${size}`);
}

/** The bytes of one tensor as stored, in a buffer of its own (aligned for any typed array). */
export async function readTensorBytes(entry: TensorEntry): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await openForReading(entry.file);
  try {
    const bytes = new Uint8Array(entry.bytes);
    let done = 0;
    while (done < entry.bytes) {
      const { bytesRead } = await handle.read(bytes, done, entry.bytes - done, entry.offset + done);
      if (bytesRead === 0)
        throw corrupt(entry.file, `tensor "${entry.name}": expected ${entry.bytes} bytes, got ${done}`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Values of a floating-point tensor as float32 (float16 and bfloat16 are widened exactly, float64 rounded). */
export async function readTensorFloat32(entry: TensorEntry): Promise<Float32Array> {
  const { buffer } = await readTensorBytes(entry);
  switch (entry.dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return Float32Array.from(new Float16Array(buffer));
    case 'BF16': {
      const half = new Uint16Array(buffer);
      const wide = new Uint32Array(half.length);
      for (let i = 0; i < half.length; i++) wide[i] = half[i] << 16;
      return new Float32Array(wide.buffer);
    }
    default:
      throw new UserError(
        'UNSUPPORTED',
        `${entry.file}: tensor "${entry.name}": expected a floating-point dtype, got ${entry.dtype}`,
        'Use a checkpoint saved as float32, float16 or bfloat16.',
      );
  }
}

/** A tensor to write. `data` may be a function, called when its turn comes, so that only one tensor is in memory. */
export type TensorToWrite = {
  name: string;
  dtype: SafetensorsDtype;
  shape: readonly number[];
  data: ArrayBufferView | (() => ArrayBufferView | Promise<ArrayBufferView>);
};

/**
 * Writes a safetensors file atomically, tensor after tensor. Tensors are laid out in the order given; the header is
 * padded with spaces to a multiple of 8 bytes, so 4-byte tensors stay aligned, as the reference writer does.
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const table: Record<string, unknown> = { __metadata__: metadata };
  let position = 0;
  for (const { name, dtype, shape } of tensors) {
    if (Object.hasOwn(table, name)) throw new Error(`internal: safetensors writer: "${name}" given twice`);
    const end = position + elementCount(shape) * DTYPE_BYTES[dtype];
    table[name] = { dtype, shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(table), 'utf8');
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8), 0);
  json.copy(header, 8);

  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield header;
    for (const { name, dtype, shape, data } of tensors) {
      const view = typeof data === 'function' ? await data() : data;
      const expected = elementCount(shape) * DTYPE_BYTES[dtype];
      if (view.byteLength !== expected)
        throw new Error(
          `internal: safetensors writer: "${name}" ${dtype} [${shape.join(', ')}]: expected ${expected} bytes, got ${view.byteLength}`,
        );
      yield new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    }
  }
  await writeFileAtomic(file, chunks());
}
