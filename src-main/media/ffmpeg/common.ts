/** @file What the FFmpeg files share: return codes as errors, options, quiet logs. */
import { getSystemErrorName } from 'node:util';
import {
  type Codec,
  type CodecContext,
  FFmpegError,
  type FormatContext,
  type Frame,
  Log,
  type Stream,
  avGetCodecName,
  getFFmpegInfo,
} from 'node-av/lib';
import * as c from 'node-av/constants';

Log.setLevel(c.AV_LOG_FATAL); // failures come back as return codes, with the file's name; stderr stays clean

/** Name and versions of the FFmpeg in use, for run records. */
export function ffmpegVersion(): string {
  return getFFmpegInfo().version;
}

/** Thrown inside this room; callers with a file name turn it into a {@link UserError}. */
export class Fault extends Error {
  readonly code: number;
  constructor(code: number, doing: string) {
    super(`${doing}: ${FFmpegError.strerror(code)}`);
    this.code = code;
  }
}

/** A fault that has the code of a system error (no space, no permission, ...) as that error; anything else unchanged. */
export function asSystemError(error: unknown): unknown {
  // FFmpeg's own codes are four letters, far below any errno.
  if (!(error instanceof Fault) || error.code < -4096) return error;
  const code = getSystemErrorName(error.code);
  return Object.assign(new Error(`${code}: ${error.message}`, { cause: error }), { code });
}

export function must(code: number, doing: string): number {
  if (code < 0) throw new Fault(code, doing);
  return code;
}

export type EncoderName = Parameters<typeof Codec.findEncoderByName>[0];
export type Space = CodecContext['colorSpace'];
export type Range = CodecContext['colorRange'];
export type Primaries = CodecContext['colorPrimaries'];
export type Transfer = CodecContext['colorTrc'];

/** Options by name. Not through a Dictionary: node-av 6.1.1 frees one twice once FFmpeg has taken an entry from it. */
export function setOptions(target: CodecContext | FormatContext, options: Record<string, string>): void {
  for (const [name, value] of Object.entries(options))
    must(target.setOption(name, value), `setting ${name}=${value}`);
}

/**
 * Copies RGB bytes [height, width, 3] into the frame's own memory. Not through `fromBuffer`: node-av 6.1.1 points the frame at the given
 * bytes instead, and swscale, which reads past the end of a row, then now and then reads past the end of all memory.
 */
export function fillRgb(frame: Frame, rgb: Uint8Array): void {
  const row = frame.width * 3;
  const [stride] = frame.linesize;
  const plane = frame.data?.[0];
  if (!plane) throw new Error('internal: filling a frame: expected one with memory of its own, got none');
  for (let y = 0; y < frame.height; y++) plane.set(rgb.subarray(y * row, (y + 1) * row), y * stride);
}

/** A timestamp as a number; null for "none". */
export const ticks = (value: bigint): number | null => (value === c.AV_NOPTS_VALUE ? null : Number(value));

/** FFmpeg's short name of a stream's codec. */
export const codecName = (stream: Stream): string =>
  avGetCodecName(stream.codecpar.codecId) ?? `codec ${stream.codecpar.codecId}`;
