/**
 * @file The one room that knows FFmpeg (node-av, in process): open and decode a video stream, write a video file, encode one
 * picture. Calls are synchronous and short; the files beside this one loop over them, yield and cancel. Runs in a worker.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import {
  Codec,
  CodecContext,
  FFmpegError,
  FormatContext,
  Frame,
  Log,
  Packet,
  Rational,
  SoftwareScaleContext,
  type Stream,
  avGetCodecName,
  avGetPixFmtName,
  getFFmpegInfo,
} from 'node-av/lib';
import * as c from 'node-av/constants';
import { UserError } from '../platform/errors.ts';
import type { TimeBase } from './pts.ts';

Log.setLevel(c.AV_LOG_FATAL); // failures come back as return codes, with the file's name; stderr stays clean

/** What the header of a file says about its video stream. Sizes in pixels as coded, before rotation. */
export type StreamInfo = {
  container: string;
  codec: string;
  /** FFmpeg's name of the pixel layout, such as `yuv420p10le`. */
  pixelFormat: string;
  width: number;
  height: number;
  /** width : height of one pixel; {1,1} when the file does not say. */
  pixelAspect: TimeBase;
  timeBase: TimeBase;
  /** The header's average frame rate, frames per second; null when it gives none. */
  averageRate: number | null;
  /** The header's frame count; null when it gives none. */
  declaredFrames: number | null;
  /** First timestamp and length in ticks, as the header says; null when it does not. */
  declaredStart: number | null;
  declaredDuration: number | null;
  /** Length in seconds of the whole file by its header; null when it does not say. */
  containerSeconds: number | null;
  /** Nine 16.16 fixed-point numbers (a b u c d v x y w), or null: shown as coded. */
  displayMatrix: Int32Array | null;
  audio: { codec: string } | null;
};

/** One decoded frame; the picture itself stays in the source until the next call. */
export type DecodedFrame = {
  /** FFmpeg's best-effort timestamp in ticks; null when it has none. */
  pts: number | null;
  /** False: FFmpeg guessed the timestamp from the order of packets (AVI has none). */
  ownPts: boolean;
  /** Ticks; 0 when unknown. */
  duration: number;
  key: boolean;
  /** The decoder says that parts of it are guessed. */
  corrupt: boolean;
};

/** Name and versions of the FFmpeg in use, for run records. */
export function ffmpegVersion(): string {
  return getFFmpegInfo().version;
}

/** Thrown inside this room; callers with a file name turn it into a {@link UserError}. */
class Fault extends Error {
  readonly code: number;
  constructor(code: number, doing: string) {
    super(`${doing}: ${FFmpegError.strerror(code)}`);
    this.code = code;
  }
}

function must(code: number, doing: string): number {
  if (code < 0) throw new Fault(code, doing);
  return code;
}

type EncoderName = Parameters<typeof Codec.findEncoderByName>[0];
type Space = CodecContext['colorSpace'];
type Range = CodecContext['colorRange'];
type Primaries = CodecContext['colorPrimaries'];
type Transfer = CodecContext['colorTrc'];

/** Options by name. Not through a Dictionary: node-av 6.1.1 frees one twice once FFmpeg has taken an entry from it. */
function setOptions(target: CodecContext | FormatContext, options: Record<string, string>): void {
  for (const [name, value] of Object.entries(options))
    must(target.setOption(name, value), `setting ${name}=${value}`);
}

const ticks = (value: bigint): number | null => (value === c.AV_NOPTS_VALUE ? null : Number(value));

function startsAsMp4(file: string): boolean {
  const head = Buffer.alloc(8);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, 8, 0);
  } finally {
    closeSync(descriptor);
  }
  return head.toString('latin1', 4) === 'ftyp';
}

function readable(file: string, error: unknown): UserError {
  const what = error instanceof Error ? error.message : String(error);
  const unfinished = error instanceof Fault && error.code === c.AVERROR_INVALIDDATA && startsAsMp4(file);
  return new UserError(
    'CORRUPT',
    unfinished
      ? `${file}: expected a complete MP4 file, got one without its index (moov): it was cut off or never finished`
      : `${file}: expected a video file that FFmpeg can read, got "${what}"`,
    'Play the file in another player; if it does not play there, copy or download it again.',
    { cause: error },
  );
}

/** An open video file: its best video stream, decoded frame after frame in presentation order. */
export class VideoSource {
  readonly file: string;
  readonly info: StreamInfo;
  /** Packets of the stream that were read, could not be decoded, and ended early (a cut file). */
  readonly packets = { read: 0, refused: 0, cut: 0 };
  /** FFmpeg's words for a read that failed before the end of the file, or null. */
  readError: string | null = null;
  readonly #format: FormatContext;
  readonly #stream: Stream;
  readonly #decoder: CodecContext;
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  readonly #scaled = new Frame();
  readonly #scaler = new SoftwareScaleContext();
  #drained = false;
  #closed = false;

  private constructor(file: string, format: FormatContext, stream: Stream, decoder: CodecContext) {
    this.file = file;
    this.#format = format;
    this.#stream = stream;
    this.#decoder = decoder;
    this.info = describe(format, stream);
    this.#packet.alloc();
    this.#frame.alloc();
    this.#scaled.alloc();
    this.#scaler.allocContext();
  }

  /**
   * Opens a file for decoding. `timesOnly` leaves out work that changes pixels but no timestamps: do not look at the frames then.
   * @throws UserError CORRUPT (not readable), BAD_INPUT (no video in it), UNSUPPORTED (no decoder)
   */
  static open(file: string, timesOnly = false): VideoSource {
    const format = new FormatContext();
    let decoder: CodecContext | null = null;
    try {
      must(format.openInputSync(`file:${file}`), 'opening');
      must(format.findStreamInfoSync(), 'reading the header');
      const index = format.findBestStream(c.AVMEDIA_TYPE_VIDEO);
      const stream = format.streams[index];
      if (index < 0 || !stream) {
        const audio = format.streams.some((s) => s.codecpar.codecType === c.AVMEDIA_TYPE_AUDIO);
        throw new UserError(
          'BAD_INPUT',
          `${file}: expected a video stream, got ${audio ? 'only audio' : 'none'}`,
          'Choose a file that has a picture.',
        );
      }
      for (const other of format.streams) if (other.index !== index) other.discard = c.AVDISCARD_ALL;
      const codec = Codec.findDecoder(stream.codecpar.codecId);
      if (!codec)
        throw new UserError(
          'UNSUPPORTED',
          `${file}: expected a codec that FFmpeg decodes, got ${codecName(stream)}`,
          'Convert the file to H.264 in MP4 and import that.',
        );
      decoder = new CodecContext();
      decoder.allocContext3(codec);
      must(decoder.parametersToContext(stream.codecpar), 'reading the codec parameters');
      decoder.pktTimebase = stream.timeBase;
      decoder.threadCount = 0; // FFmpeg chooses
      if (timesOnly) setOptions(decoder, { skip_loop_filter: 'all' });
      must(decoder.open2Sync(codec), `opening the ${codec.name} decoder`);
      return new VideoSource(file, format, stream, decoder);
    } catch (error) {
      decoder?.freeContext();
      format.closeInputSync();
      throw error instanceof UserError ? error : readable(file, error);
    }
  }

  /** Decodes the next frame in presentation order; null at the end. Undecodable packets are counted and skipped. */
  next(): DecodedFrame | null {
    for (;;) {
      const got = this.#decoder.receiveFrameSync(this.#frame);
      if (got >= 0) {
        const { bestEffortTimestamp, pts, duration } = this.#frame;
        return {
          pts: ticks(bestEffortTimestamp),
          ownPts: pts === bestEffortTimestamp && pts !== c.AV_NOPTS_VALUE,
          duration: Number(duration),
          key: this.#frame.hasFlags(c.AV_FRAME_FLAG_KEY),
          corrupt: this.#frame.hasFlags(c.AV_FRAME_FLAG_CORRUPT) || this.#frame.decodeErrorFlags !== 0,
        };
      }
      if (got === c.AVERROR_EOF || this.#drained) return null;
      if (got !== c.AVERROR_EAGAIN) this.packets.refused++;
      this.#feed();
    }
  }

  /** Hands one packet (or the end of the stream) to the decoder. */
  #feed(): void {
    for (;;) {
      const read = this.#format.readFrameSync(this.#packet);
      if (read < 0) {
        if (read !== c.AVERROR_EOF) this.readError = FFmpegError.strerror(read);
        this.#drained = this.#decoder.sendPacketSync(null) < 0;
        return;
      }
      const ours = this.#packet.streamIndex === this.#stream.index;
      if (ours) {
        this.packets.read++;
        if (this.#packet.hasFlags(c.AV_PKT_FLAG_CORRUPT)) this.packets.cut++;
        if (this.#decoder.sendPacketSync(this.#packet) < 0) this.packets.refused++;
      }
      this.#packet.unref();
      if (ours) return;
    }
  }

  /** Continues at the last keyframe at or before `pts` ticks. False when the container cannot seek there. */
  seek(pts: number): boolean {
    const moved = this.#format.seekFrameSync(this.#stream.index, BigInt(pts), c.AVSEEK_FLAG_BACKWARD) >= 0;
    if (moved) {
      this.#decoder.flushBuffers();
      this.#drained = false;
    }
    return moved;
  }

  /**
   * The current frame as RGB bytes [height, width, 3], in coded orientation. Colour matrix and range are the frame's own, with
   * swscale's defaults where it names none: the bytes of `ffmpeg -pix_fmt rgb24`. A size other than the frame's is scaled (bicubic).
   */
  rgb(width = this.info.width, height = this.info.height): Uint8Array {
    const out = this.#scaled;
    if (out.width !== width || out.height !== height) {
      out.unref();
      out.width = width;
      out.height = height;
      out.format = c.AV_PIX_FMT_RGB24;
      must(out.getBuffer(), 'allocating a frame');
    }
    must(this.#scaler.scaleFrameSync(out, this.#frame), `${this.file}: converting a frame`);
    return out.toBuffer();
  }

  /** Converts the current frame into a picture of another size and layout, for {@link VideoSink}. */
  convertInto(picture: Frame): void {
    must(picture.makeWritable(), 'reusing a frame');
    must(this.#scaler.scaleFrameSync(picture, this.#frame), `${this.file}: converting a frame`);
  }

  /** The stream's colour description; RGB sources (GIF) are to be written as BT.709. */
  colours(): { space: Space; range: Range; primaries: Primaries; transfer: Transfer } {
    const par = this.#stream.codecpar;
    const rgb = par.colorSpace === c.AVCOL_SPC_RGB || /rgb|bgr|pal8/.test(this.info.pixelFormat);
    if (rgb)
      return {
        space: c.AVCOL_SPC_BT709,
        range: c.AVCOL_RANGE_MPEG,
        primaries: c.AVCOL_PRI_BT709,
        transfer: c.AVCOL_TRC_BT709,
      };
    return {
      space: par.colorSpace,
      range: /yuvj/.test(this.info.pixelFormat) ? c.AVCOL_RANGE_JPEG : par.colorRange,
      primaries: par.colorPrimaries,
      transfer: par.colorTrc,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#packet.free();
    this.#frame.free();
    this.#scaled.free();
    this.#scaler.freeContext();
    this.#decoder.freeContext();
    this.#format.closeInputSync();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const codecName = (stream: Stream): string =>
  avGetCodecName(stream.codecpar.codecId) ?? `codec ${stream.codecpar.codecId}`;

function describe(format: FormatContext, stream: Stream): StreamInfo {
  const par = stream.codecpar;
  const matrix = par.getCodedSideData(c.AV_PKT_DATA_DISPLAYMATRIX);
  const audio = format.streams.find((s) => s.codecpar.codecType === c.AVMEDIA_TYPE_AUDIO);
  const rate = stream.avgFrameRate;
  const aspect = par.sampleAspectRatio;
  return {
    container: format.iformat?.name ?? 'unknown',
    codec: codecName(stream),
    pixelFormat: avGetPixFmtName(par.format as typeof c.AV_PIX_FMT_RGB24) ?? 'unknown',
    width: par.width,
    height: par.height,
    pixelAspect: aspect.num > 0 && aspect.den > 0 ? { num: aspect.num, den: aspect.den } : { num: 1, den: 1 },
    timeBase: { num: stream.timeBase.num, den: stream.timeBase.den },
    averageRate: rate.num > 0 && rate.den > 0 ? rate.num / rate.den : null,
    declaredFrames: stream.nbFrames > 0n ? Number(stream.nbFrames) : null,
    declaredStart: ticks(stream.startTime),
    declaredDuration: stream.duration > 0n ? ticks(stream.duration) : null,
    containerSeconds: format.duration > 0n ? Number(format.duration) / 1e6 : null,
    displayMatrix:
      matrix && matrix.byteLength >= 36 ? new Int32Array(new Uint8Array(matrix).buffer.slice(0, 36)) : null,
    audio: audio ? { codec: codecName(audio) } : null,
  };
}

/** How a file is to be written. */
export type SinkOptions = {
  /** 'h264': MP4, 8-bit yuv420p, index at the front. 'vp9': WebM, whose timestamps are whole milliseconds. */
  codec: 'h264' | 'vp9';
  /** Pixels; even for H.264. */
  width: number;
  height: number;
  timeBase: TimeBase;
  /** Constant quality: lower is better. @default 20 for H.264, 30 for VP9 */
  quality?: number;
  /** Frames from one keyframe to the next. @default 12 */
  gop?: number;
  /** Encoder threads; 1 gives the same bytes on every machine with the same FFmpeg, 0 lets it choose. @default 1 */
  threads?: number;
  /** x264 speed preset. @default 'medium' */
  preset?: string;
  /** Colours and display matrix are taken from this source. @default BT.709, limited range, upright */
  like?: VideoSource;
};

/** A video file being written: frames with rising timestamps in, `finish()` at the end, `close()` always. No audio. */
export class VideoSink {
  readonly #file: string;
  readonly #options: SinkOptions;
  readonly #format = new FormatContext();
  readonly #encoder = new CodecContext();
  readonly #packet = new Packet();
  readonly #rgb = new Frame();
  readonly #picture = new Frame();
  readonly #scaler = new SoftwareScaleContext();
  #stream: Stream | null = null;
  #lastPts = -Infinity;
  #closed = false;

  private constructor(file: string, options: SinkOptions) {
    this.#file = file;
    this.#options = options;
    for (const part of [this.#packet, this.#rgb, this.#picture]) part.alloc();
    this.#scaler.allocContext();
  }

  /** Starts a file (overwrites). @throws UserError BAD_INPUT for a size the codec cannot have */
  static create(file: string, options: SinkOptions): VideoSink {
    const sink = new VideoSink(file, options);
    try {
      sink.#start();
    } catch (error) {
      sink.close();
      throw error;
    }
    return sink;
  }

  #start(): void {
    const { codec: name, width, height, timeBase, like, gop = 12, threads = 1 } = this.#options;
    const h264 = name === 'h264';
    if (h264 && (width % 2 || height % 2))
      throw new UserError(
        'BAD_INPUT',
        `${this.#file}: expected an even width and height for H.264, got ${width}x${height}`,
        'Use even sizes, or VP9.',
      );
    const codec = Codec.findEncoderByName((h264 ? 'libx264' : 'libvpx-vp9') as EncoderName);
    if (!codec) throw new Error(`internal: this FFmpeg has no ${name} encoder — reinstall node-av`);
    must(
      this.#format.allocOutputContext2(null, h264 ? 'mp4' : 'webm', `file:${this.#file}`),
      'preparing the file',
    );
    const encoder = this.#encoder;
    const colours = like?.colours();
    encoder.allocContext3(codec);
    encoder.width = width;
    encoder.height = height;
    encoder.pixelFormat = c.AV_PIX_FMT_YUV420P;
    encoder.timeBase = new Rational(timeBase.num, timeBase.den);
    encoder.gopSize = gop;
    encoder.maxBFrames = 0; // decoding order = presentation order: no edit list, and the first timestamp is kept
    encoder.threadCount = threads;
    encoder.colorSpace = colours?.space ?? c.AVCOL_SPC_BT709;
    encoder.colorRange = colours?.range ?? c.AVCOL_RANGE_MPEG;
    encoder.colorPrimaries = colours?.primaries ?? c.AVCOL_PRI_BT709;
    encoder.colorTrc = colours?.transfer ?? c.AVCOL_TRC_BT709;
    if (like) encoder.sampleAspectRatio = new Rational(like.info.pixelAspect.num, like.info.pixelAspect.den);
    encoder.setFlags(c.AV_CODEC_FLAG_BITEXACT, c.AV_CODEC_FLAG_FRAME_DURATION);
    if (this.#format.oformat?.hasFlags(c.AVFMT_GLOBALHEADER)) encoder.setFlags(c.AV_CODEC_FLAG_GLOBAL_HEADER);
    const quality = String(this.#options.quality ?? (h264 ? 20 : 30));
    const options: Record<string, string> = h264
      ? { crf: quality, preset: this.#options.preset ?? 'medium' }
      : {
          crf: quality,
          b: '0',
          deadline: 'good',
          'cpu-used': '4',
          'row-mt': '0',
          'auto-alt-ref': '0',
          'lag-in-frames': '0',
        };
    setOptions(encoder, options);
    must(encoder.open2Sync(codec), `opening the ${name} encoder`);

    const stream = this.#format.newStream();
    must(stream.codecpar.fromContext(encoder), 'describing the stream');
    stream.timeBase = new Rational(timeBase.num, timeBase.den);
    const matrix = like?.info.displayMatrix;
    if (matrix)
      must(
        stream.codecpar.addCodedSideData(c.AV_PKT_DATA_DISPLAYMATRIX, Buffer.from(matrix.slice().buffer)),
        'copying the rotation',
      );
    this.#format.setFlags(c.AVFMT_FLAG_BITEXACT); // no time of writing, no version: equal input gives equal bytes
    must(this.#format.openOutputSync(), 'creating the file');
    if (h264) setOptions(this.#format, { movflags: '+faststart' });
    must(this.#format.writeHeaderSync(), 'writing the header');
    this.#stream = stream;

    this.#rgb.width = this.#picture.width = width;
    this.#rgb.height = this.#picture.height = height;
    this.#rgb.format = c.AV_PIX_FMT_RGB24;
    this.#picture.format = c.AV_PIX_FMT_YUV420P;
    this.#picture.colorSpace = encoder.colorSpace;
    this.#picture.colorRange = encoder.colorRange;
    must(this.#rgb.getBuffer(), 'allocating a frame');
    must(this.#picture.getBuffer(), 'allocating a frame');
  }

  /** Adds RGB bytes [height, width, 3] shown from `pts` ticks (rising) for `duration` ticks (0: until the next). */
  addRgb(rgb: Uint8Array, pts: number, duration = 0): void {
    const { width, height } = this.#options;
    if (rgb.byteLength !== width * height * 3)
      throw new RangeError(
        `internal: encoding a frame: expected ${width * height * 3} bytes (${width}x${height} RGB), got ${rgb.byteLength}`,
      );
    must(this.#rgb.makeWritable(), 'reusing a frame');
    must(this.#rgb.fromBuffer(Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength)), 'copying a frame');
    must(this.#picture.makeWritable(), 'reusing a frame');
    must(this.#scaler.scaleFrameSync(this.#picture, this.#rgb), 'converting a frame');
    this.#send(this.#picture, pts, duration);
  }

  /** Adds the frame that `source` has just decoded, converted to this file's size and 8-bit 4:2:0. */
  addFrom(source: VideoSource, pts: number, duration = 0): void {
    source.convertInto(this.#picture);
    this.#send(this.#picture, pts, duration);
  }

  #send(frame: Frame, pts: number, duration: number): void {
    if (!(pts > this.#lastPts))
      throw new RangeError(`internal: encoding: expected a timestamp above ${this.#lastPts}, got ${pts}`);
    this.#lastPts = pts;
    frame.pts = BigInt(pts);
    frame.duration = BigInt(duration);
    frame.pictType = c.AV_PICTURE_TYPE_NONE; // the encoder chooses keyframes, not the source
    must(this.#encoder.sendFrameSync(frame), 'encoding a frame');
    this.#drain();
  }

  #drain(): void {
    const { timeBase } = this.#options;
    while (this.#encoder.receivePacketSync(this.#packet) >= 0) {
      this.#packet.streamIndex = 0;
      this.#packet.rescaleTs(timeBase, this.#stream!.timeBase);
      must(this.#format.interleavedWriteFrameSync(this.#packet), 'writing a frame');
      this.#packet.unref();
    }
  }

  /** Writes what the encoder still holds and the index. */
  finish(): void {
    must(this.#encoder.sendFrameSync(null), 'finishing the encoding');
    this.#drain();
    must(this.#format.writeTrailerSync(), 'finishing the file');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const part of [this.#packet, this.#rgb, this.#picture]) part.free();
    this.#scaler.freeContext();
    this.#encoder.freeContext();
    this.#format.closeOutputSync();
    this.#format.freeContext();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** One picture as a JPEG or WebP file's bytes. `rgb` [height, width, 3]; `quality` 1 (poor) to 100. */
export function encodeStill(
  rgb: Uint8Array,
  width: number,
  height: number,
  format: 'jpeg' | 'webp',
  quality = 80,
): Buffer {
  const jpeg = format === 'jpeg';
  const codec = Codec.findEncoderByName((jpeg ? 'mjpeg' : 'libwebp') as EncoderName);
  if (!codec) throw new Error(`internal: this FFmpeg has no ${format} encoder — reinstall node-av`);
  const encoder = new CodecContext();
  const source = new Frame();
  const picture = new Frame();
  const packet = new Packet();
  const scaler = new SoftwareScaleContext();
  try {
    encoder.allocContext3(codec);
    for (const part of [source, picture, packet]) part.alloc();
    scaler.allocContext();
    encoder.width = source.width = picture.width = width;
    encoder.height = source.height = picture.height = height;
    encoder.pixelFormat = c.AV_PIX_FMT_YUV420P;
    encoder.timeBase = new Rational(1, 25);
    encoder.threadCount = 1;
    // JFIF means BT.601 in full range, WebP BT.601 in limited range.
    encoder.colorRange = picture.colorRange = jpeg ? c.AVCOL_RANGE_JPEG : c.AVCOL_RANGE_MPEG;
    encoder.colorSpace = picture.colorSpace = c.AVCOL_SPC_SMPTE170M;
    encoder.setFlags(c.AV_CODEC_FLAG_BITEXACT);
    if (jpeg) {
      encoder.setFlags(c.AV_CODEC_FLAG_QSCALE);
      encoder.globalQuality = Math.round(2 + ((100 - quality) / 100) * 29) * 118; // q 2..31 in FF_QP2LAMBDA units
    }
    const options: Record<string, string> = jpeg ? { strict: 'unofficial' } : { quality: String(quality) };
    setOptions(encoder, options);
    must(encoder.open2Sync(codec), `opening the ${format} encoder`);
    source.format = c.AV_PIX_FMT_RGB24;
    picture.format = c.AV_PIX_FMT_YUV420P;
    must(source.getBuffer(), 'allocating a picture');
    must(picture.getBuffer(), 'allocating a picture');
    must(source.fromBuffer(Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength)), 'copying a picture');
    must(scaler.scaleFrameSync(picture, source), 'converting a picture');
    picture.pts = 0n;
    must(encoder.sendFrameSync(picture), 'encoding a picture');
    must(encoder.sendFrameSync(null), 'encoding a picture');
    must(encoder.receivePacketSync(packet), 'encoding a picture');
    return Buffer.from(packet.data!); // a copy: the packet's memory is freed below
  } finally {
    for (const part of [source, picture, packet]) part.free();
    scaler.freeContext();
    encoder.freeContext();
  }
}
