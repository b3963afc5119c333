/**
 * @file Decoded frames of a few clips, kept as far as a number of bytes allows, so that one clip can be looked at under many recipes and is
 * decoded once. Frames that were not asked for the longest go first.
 */
import type { RgbImage } from '../models/pixels.ts';
import { frameByIndex, frames } from './decode.ts';
import type { PtsTable } from './pts.ts';

/** A video as the store tells it from others. */
export type StoredVideo = { path: string; sha256: string };

export class FrameStore {
  readonly #limit: number;
  /** By hash and index, in the order in which they were last asked for. */
  readonly #kept = new Map<string, RgbImage>();
  #bytes = 0;
  /** Hashes of videos whose frames do not fit in together: those are decoded one by one. */
  readonly #large = new Set<string>();
  readonly #decoding = new Map<string, Promise<void>>();
  #decoded = 0;

  /** @param limit bytes of pixels that are kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Frames decoded so far, for tests. */
  get decoded(): number {
    return this.#decoded;
  }

  /** Bytes of pixels that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * One frame in the size it is stored in. When it has to be decoded, `together` are decoded with it in one pass.
   * @throws as {@link frames}
   */
  async frame(
    video: StoredVideo,
    table: PtsTable,
    index: number,
    together: readonly number[],
  ): Promise<RgbImage> {
    const name = `${video.sha256} ${index}`;
    const known = this.#take(name);
    if (known) return known;
    if (!this.#large.has(video.sha256)) {
      // Several may ask for frames of one clip at a time: the first decodes for all.
      let under = this.#decoding.get(video.sha256);
      if (!under) {
        under = this.#decode(video, table, together).finally(() => this.#decoding.delete(video.sha256));
        this.#decoding.set(video.sha256, under);
      }
      await under;
      const made = this.#take(name);
      if (made) return made;
    }
    const frame = await frameByIndex(video.path, table, index);
    this.#decoded++;
    this.#keep(name, frame);
    return frame;
  }

  async #decode({ path, sha256 }: StoredVideo, table: PtsTable, together: readonly number[]): Promise<void> {
    let bytes = 0;
    for await (const frame of frames(path, table, together)) {
      this.#decoded++;
      bytes += frame.data.byteLength;
      if (bytes > this.#limit) {
        this.#large.add(sha256);
        return;
      }
      this.#keep(`${sha256} ${frame.index}`, frame);
    }
  }

  #take(name: string): RgbImage | undefined {
    const frame = this.#kept.get(name);
    if (!frame) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, frame);
    return frame;
  }

  #keep(name: string, frame: RgbImage): void {
    if (this.#take(name)) return;
    this.#kept.set(name, frame);
    this.#bytes += frame.data.byteLength;
    for (const [oldest, { data }] of this.#kept) {
      if (this.#bytes <= this.#limit || this.#kept.size === 1) break;
      this.#kept.delete(oldest);
      this.#bytes -= data.byteLength;
    }
  }
}
