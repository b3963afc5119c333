/**
 * @file What an import needs to know about one video: its streams, its PTS table, its hash, whether a browser will play it, and
 * everything odd about it in plain words. One damaged file throws one UserError and nothing else.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Finding } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { sha256File } from '../platform/files.ts';
import { findShortfall, type Shortfall } from './container-end.ts';
import { makeBreather, openVideo } from './decode.ts';
import { soundCarries, type StreamInfo, type VideoSource } from './ffmpeg.ts';
import { readOrientation, turnedSize } from './orientation.ts';
import { PtsTable } from './pts.ts';

/** Everything an import keeps about a video. */
export type ProbeReport = {
  file: string;
  sha256: string;
  bytes: number;
  container: string;
  codec: string;
  pixelFormat: string;
  /** Pixels as shown, after rotation; pixels of the frames that a model is given. */
  width: number;
  height: number;
  /** Clockwise degrees that were applied to get there. */
  rotation: number;
  /** width : height of one pixel; other than 1 the player stretches the picture, the model does not. */
  pixelAspect: number;
  audioCodec: string | null;
  frameRate: 'constant' | 'variable';
  pts: PtsTable;
  /** Whether the browser is expected to play the file itself, and why. Final truth is to try. */
  playable: { value: boolean; reason: string };
  findings: Finding[];
};

export type ProbeOptions = {
  signal?: AbortSignal;
  /** From 0 to 1; a guess where the header does not say how long the video is. */
  onProgress?: (fraction: number) => void;
};

/** What one pass over the frames tells besides the table. */
type Scan = { table: PtsTable; missing: number; duplicate: number; backwards: number; corrupt: number };

/**
 * Probes a video: one decoding pass for the table, one reading pass for the hash.
 * @throws UserError NOT_FOUND, CORRUPT, BAD_INPUT (no picture), UNSUPPORTED (no decoder); AbortError
 */
export async function probeVideo(file: string, options: ProbeOptions = {}): Promise<ProbeReport> {
  const source = openVideo(file, true);
  try {
    const scan = await scanFrames(source, options);
    options.signal?.throwIfAborted();
    const { info } = source;
    const turned = readOrientation(info.displayMatrix);
    const findings = describeFindings(source, scan, await findShortfall(file));
    if (info.displayMatrix && /not applied/.test(turned.reason))
      findings.push({
        code: 'rotation-ignored',
        severity: 'warning',
        message: `Rotation: ${turned.reason}.`,
      });
    const container = containerName(file, info.container);
    const playable = guessPlayable(container, info);
    if (!playable.value && info.audio && !soundCarries(info.audio))
      findings.push({
        code: 'proxy-without-sound',
        severity: 'info',
        message: `The player shows a stand-in for this file, without its sound: browsers do not play ${info.audio.codec} at ${info.audio.sampleRate} Hz in MP4.`,
      });
    options.onProgress?.(1);
    return {
      file,
      sha256: await sha256File(file, options.signal),
      bytes: (await stat(file)).size,
      container,
      codec: info.codec,
      pixelFormat: info.pixelFormat,
      ...turnedSize(info.width, info.height, turned.value),
      rotation: turned.value.degrees,
      pixelAspect: info.pixelAspect.num / info.pixelAspect.den,
      audioCodec: info.audio?.codec ?? null,
      frameRate: frameRateKind(scan.table),
      pts: scan.table,
      playable,
      findings,
    };
  } finally {
    source.close();
  }
}

/** Decodes the whole stream once for its timestamps. @throws UserError CORRUPT when not one frame can be decoded */
async function scanFrames(source: VideoSource, options: ProbeOptions = {}): Promise<Scan> {
  const { info } = source;
  const breathe = makeBreather(options.signal);
  const ticks: number[] = [];
  const keys: number[] = [];
  const scan = { missing: 0, duplicate: 0, backwards: 0, corrupt: 0 };
  const span =
    info.declaredDuration ?? ((info.containerSeconds ?? 60) * info.timeBase.den) / info.timeBase.num;
  const usual = info.averageRate ? info.timeBase.den / (info.timeBase.num * info.averageRate) : 1;
  let lastDuration = 0;
  let guessed = 0;
  for (let frame = source.next(); frame; frame = source.next()) {
    const last = ticks.at(-1);
    const guess =
      last === undefined ? (info.declaredStart ?? 0) : last + (lastDuration || Math.round(usual) || 1);
    const pts = frame.pts ?? guess;
    if (frame.pts === null) scan.missing++;
    else if (last !== undefined && pts === last) scan.duplicate++;
    else if (last !== undefined && pts < last) scan.backwards++;
    if (!frame.ownPts) guessed++;
    if (frame.corrupt) scan.corrupt++;
    if (frame.key) keys.push(ticks.length);
    ticks.push(pts);
    lastDuration = frame.duration;
    await breathe();
    if (ticks.length % 64 === 0) options.onProgress?.(Math.min(0.99, (pts - ticks[0]) / span));
  }
  if (ticks.length === 0)
    throw new UserError(
      'CORRUPT',
      source.packets.read === 0
        ? `${source.file}: expected video frames, got an empty ${info.codec} track: its recording ended before the first frame`
        : `${source.file}: expected video frames, got none that can be decoded (${source.packets.read} packets of ${info.codec})`,
      'Play the file in another player; if it does not play there, copy or download it again.',
    );
  // The last frame ends after its own length, or as long as the one before it was shown, or at the header's end.
  const last = ticks.at(-1)!;
  const before = ticks.length > 1 ? last - ticks.at(-2)! : Math.round(usual) || 1;
  const end = last + (lastDuration > 0 ? lastDuration : Math.max(before, 1));
  const seekable = guessed === 0 && scan.duplicate + scan.backwards === 0;
  return { table: new PtsTable({ timeBase: info.timeBase, ticks, keys, end, seekable }), ...scan };
}

/** Constant when every interval is within one tick (at least 1 ms, as Matroska rounds) of the average. */
function frameRateKind(table: PtsTable): 'constant' | 'variable' {
  const n = table.length;
  if (n < 3) return 'constant';
  const tick = table.timeBase.num / table.timeBase.den;
  const first = table.start(0);
  const step = (table.start(n - 1) - first) / (n - 1);
  const slack = Math.max(tick, 0.001) * 1.01;
  for (let i = 1; i < n; i++) if (Math.abs(table.start(i) - first - i * step) > slack) return 'variable';
  return 'constant';
}

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

function describeFindings(source: VideoSource, scan: Scan, shortfall: Shortfall | null): Finding[] {
  const { info, packets } = source;
  const { table } = scan;
  const out: Finding[] = [];
  const add = (code: string, severity: Finding['severity'], message: string): void => {
    out.push({ code, severity, message });
  };
  if (frameRateKind(table) === 'variable') {
    let shortest = Infinity;
    let longest = 0;
    for (let i = 0; i + 1 < table.length; i++) {
      const length = table.stop(i) - table.start(i);
      shortest = Math.min(shortest, length);
      longest = Math.max(longest, length);
    }
    add(
      'variable-frame-rate',
      'info',
      `Variable frame rate: frames are shown for ${(shortest * 1000).toFixed(1)} to ${(longest * 1000).toFixed(1)} ms each.`,
    );
  }
  if (scan.missing)
    add(
      'missing-timestamps',
      'warning',
      `${count(scan.missing, 'frame')} without a timestamp: their times are continued from the frame before.`,
    );
  if (scan.duplicate)
    add(
      'duplicate-timestamps',
      'warning',
      `${count(scan.duplicate, 'frame')} with the same timestamp as the frame before: a player shows only the last of them.`,
    );
  if (scan.backwards)
    add(
      'backward-timestamps',
      'warning',
      `${count(scan.backwards, 'frame')} with a timestamp before the previous frame's.`,
    );
  const truncated = truncation(table, packets, shortfall);
  if (truncated) add('truncated', 'error', truncated);
  // The frame at which a file was cut is not a second fault.
  const damaged = truncated ? 0 : packets.refused + scan.corrupt;
  if (damaged)
    add(
      'damaged',
      'warning',
      `${count(damaged, 'place')} could not be decoded cleanly; the picture may be wrong there.`,
    );
  if (table.length === 1)
    add('single-frame', 'warning', 'The video has one frame only: there is nothing to shuffle in time.');
  if (info.pixelAspect.num !== info.pixelAspect.den)
    add(
      'non-square-pixels',
      'info',
      `Pixels are not square (${info.pixelAspect.num}:${info.pixelAspect.den}): players stretch the picture, models are given it as stored.`,
    );
  return out;
}

/**
 * Words for a file that ends early, or null. Counts and lengths in headers are no evidence: AVI counts empty frames, and MP4 counts
 * frames that its edit list hides.
 */
function truncation(
  table: PtsTable,
  packets: VideoSource['packets'],
  shortfall: Shortfall | null,
): string | null {
  const kept = `${count(table.length, 'frame')} could be read`;
  if (shortfall)
    return `The file is cut off: it should have at least ${shortfall.promised} bytes and has ${shortfall.actual}; ${kept}.`;
  return packets.cut > 0 ? `The file is cut off in the middle of a frame; ${kept}.` : null;
}

/** One everyday name for FFmpeg's list of names. */
function containerName(file: string, format: string): string {
  if (format.startsWith('mov,')) return path.extname(file).toLowerCase() === '.mov' ? 'mov' : 'mp4';
  if (format.startsWith('matroska')) return path.extname(file).toLowerCase() === '.webm' ? 'webm' : 'mkv';
  return format;
}

const BROWSER_CONTAINERS = ['mp4', 'mov', 'mkv', 'webm'];
const BROWSER_CODECS = ['h264', 'vp8', 'vp9', 'av1'];

/** What Chromium 156 plays without a hardware decoder, measured: H.264 (8 and 10 bit, 4:4:4), VP8, VP9, AV1 in MP4, MOV, MKV, WebM. */
function guessPlayable(
  container: string,
  info: Pick<StreamInfo, 'codec'>,
): { value: boolean; reason: string } {
  if (!BROWSER_CONTAINERS.includes(container))
    return { value: false, reason: `browsers do not open ${container.toUpperCase()} files` };
  if (!BROWSER_CODECS.includes(info.codec))
    return { value: false, reason: `browsers do not decode ${info.codec} without hardware for it` };
  return { value: true, reason: `browsers play ${info.codec} in ${container.toUpperCase()}` };
}
