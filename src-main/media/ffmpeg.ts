/**
 * @file The door to FFmpeg (node-av, in process). The files behind it are the only ones that know it: open and decode a video, write a
 * video, encode a picture. Calls are synchronous and short; the files beside this one loop over them, yield and cancel.
 */
export { asSystemError, ffmpegVersion } from './ffmpeg/common.ts';
export { VideoSource, type DecodedFrame, type StreamInfo } from './ffmpeg/source.ts';
export { soundCarries } from './ffmpeg/sound.ts';
export { VideoSink, type SinkOptions } from './ffmpeg/sink.ts';
export { encodeStill } from './ffmpeg/still.ts';
