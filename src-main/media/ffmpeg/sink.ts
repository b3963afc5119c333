/** @file Writing: a video file from RGB frames or from the frames of a source, with the sound of another file copied along if wanted. */
import {
  Codec,
  CodecContext,
  FormatContext,
  Frame,
  Packet,
  Rational,
  SoftwareScaleContext,
  type Stream,
} from 'node-av/lib';
import * as c from 'node-av/constants';
import { UserError } from '../../platform/errors.ts';
import type { TimeBase } from '../pts.ts';
import { fillRgb, must, setOptions, type EncoderName } from './common.ts';
import { SoundCopy } from './sound.ts';
import type { VideoSource } from './source.ts';

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
  /** Copy the sound of this file, if it has one that browsers play in MP4. @default none */
  soundOf?: string;
};

/** A video file being written: frames with rising timestamps in, `finish()` at the end, `close()` always. */
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
  #sound: SoundCopy | null = null;
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
      // A sound track that the container refuses must not cost the picture.
      if (options.soundOf !== undefined) return VideoSink.create(file, { ...options, soundOf: undefined });
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
    if (this.#options.soundOf) this.#sound = SoundCopy.start(this.#options.soundOf, this.#format);
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
    fillRgb(this.#rgb, rgb);
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
    const { num, den } = this.#options.timeBase;
    this.#sound?.pump((pts * num) / den);
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
    this.#sound?.pump(Infinity);
    must(this.#format.writeTrailerSync(), 'finishing the file');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sound?.close();
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
