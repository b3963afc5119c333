/** @file The sound of a file, copied as it is into a file that is being written: read just ahead of the pictures, so that little is held. */
import { FormatContext, Packet, type Stream } from 'node-av/lib';
import * as c from 'node-av/constants';
import { codecName, must } from './common.ts';

/** What browsers play inside MP4, and the lowest rate (samples a second) that MP4 can hold of it. */
const CARRIED: Record<string, number> = { aac: 0, mp3: 16_000, flac: 0, opus: 0 };

/** Whether the sound of a proxy can be that of the original, without encoding it anew. */
export function soundCarries({ codec, sampleRate }: { codec: string; sampleRate: number }): boolean {
  return codec in CARRIED && sampleRate >= CARRIED[codec];
}

/** A file's first sound track on its way into another file. */
export class SoundCopy {
  readonly #input: FormatContext;
  readonly #from: Stream;
  readonly #to: Stream;
  readonly #output: FormatContext;
  readonly #packet = new Packet();
  #waiting = false;
  #ended = false;

  private constructor(input: FormatContext, from: Stream, output: FormatContext, to: Stream) {
    this.#input = input;
    this.#from = from;
    this.#output = output;
    this.#to = to;
    this.#packet.alloc();
  }

  /** Adds a sound track to `output`, whose header is not yet written; null when `file` has no sound that can be carried. */
  static start(file: string, output: FormatContext): SoundCopy | null {
    const input = new FormatContext();
    try {
      must(input.openInputSync(`file:${file}`), 'opening for its sound');
      must(input.findStreamInfoSync(), 'reading the header for its sound');
      const from = input.streams.find((s) => s.codecpar.codecType === c.AVMEDIA_TYPE_AUDIO);
      if (!from || !soundCarries({ codec: codecName(from), sampleRate: from.codecpar.sampleRate })) {
        input.closeInputSync();
        return null;
      }
      for (const other of input.streams) if (other.index !== from.index) other.discard = c.AVDISCARD_ALL;
      const to = output.newStream();
      must(from.codecpar.copy(to.codecpar), 'describing the sound');
      to.codecpar.codecTag = 0; // the container chooses its own
      to.timeBase = from.timeBase;
      return new SoundCopy(input, from, output, to);
    } catch (error) {
      input.closeInputSync();
      throw error;
    }
  }

  /** Writes the packets that start before `seconds`. */
  pump(seconds: number): void {
    const { num, den } = this.#from.timeBase;
    while (!this.#ended) {
      if (!this.#waiting) {
        if (this.#input.readFrameSync(this.#packet) < 0) {
          this.#ended = true; // also at a read error: the pictures go on
          return;
        }
        if (this.#packet.streamIndex !== this.#from.index || this.#packet.dts === c.AV_NOPTS_VALUE) {
          this.#packet.unref();
          continue;
        }
      }
      this.#waiting = (Number(this.#packet.dts) * num) / den >= seconds;
      if (this.#waiting) return;
      this.#packet.rescaleTs(this.#from.timeBase, this.#to.timeBase);
      this.#packet.streamIndex = this.#to.index;
      must(this.#output.interleavedWriteFrameSync(this.#packet), 'writing sound');
      this.#packet.unref();
    }
  }

  close(): void {
    this.#packet.free();
    this.#input.closeInputSync();
  }
}
