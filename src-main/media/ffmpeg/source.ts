/** @file Reading: an open video file, decoded frame after frame. Calls are synchronous and short; callers yield and cancel. */
import { closeSync, openSync, readSync } from 'node:fs';
import {
  Codec,
  CodecContext,
  FFmpegError,
  FormatContext,
  Frame,
  Packet,
  SoftwareScaleContext,
  type Stream,
  avGetPixFmtName,
} from 'node-av/lib';
import * as c from 'node-av/constants';
import { UserError } from '../../platform/errors.ts';
import type { TimeBase } from '../pts.ts';
import {
  Fault,
  codecName,
  must,
  setOptions,
  ticks,
  type Primaries,
  type Range,
  type Space,
  type Transfer,
} from './common.ts';

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
  /** First timestamp and length in ticks, as the header says; null when it does not. */
  declaredStart: number | null;
  declaredDuration: number | null;
  /** Length in seconds of the whole file by its header; null when it does not say. */
  containerSeconds: number | null;
  /** Nine 16.16 fixed-point numbers (a b u c d v x y w), or null: shown as coded. */
  displayMatrix: Int32Array | null;
  /** The first sound track; its rate in samples a second. */
  audio: { codec: string; sampleRate: number } | null;
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
      // The cover of a music file is a picture, not a video.
      if (index < 0 || !stream || stream.hasDisposition(c.AV_DISPOSITION_ATTACHED_PIC)) {
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
          `${file}: expected a codec that FFmpeg decodes, got ${undecodable(stream)}`,
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

/** A codec without a decoder, in words: one that FFmpeg has no name for goes by the four letters that the file has for it. */
function undecodable(stream: Stream): string {
  const { codecId, codecTag, codecTagString } = stream.codecpar;
  if (codecId !== c.AV_CODEC_ID_NONE) return codecName(stream);
  return codecTag === 0 ? 'one that it does not know' : `${codecTagString}, which it does not know`;
}

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
    declaredStart: ticks(stream.startTime),
    declaredDuration: stream.duration > 0n ? ticks(stream.duration) : null,
    containerSeconds: format.duration > 0n ? Number(format.duration) / 1e6 : null,
    displayMatrix:
      matrix && matrix.byteLength >= 36 ? new Int32Array(new Uint8Array(matrix).buffer.slice(0, 36)) : null,
    audio: audio ? { codec: codecName(audio), sampleRate: audio.codecpar.sampleRate } : null,
  };
}
