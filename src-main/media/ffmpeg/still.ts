/** @file One picture as a JPEG or WebP file. */
import { Codec, CodecContext, Frame, Packet, Rational, SoftwareScaleContext } from 'node-av/lib';
import * as c from 'node-av/constants';
import { fillRgb, must, setOptions, type EncoderName } from './common.ts';

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
    fillRgb(source, rgb);
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
