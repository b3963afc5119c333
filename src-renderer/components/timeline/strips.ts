/**
 * @file The timeline's pictures, as the media worker makes them: strips by stride (`contract/filmstrip.ts`), fetched when they come into
 * view, the newest wish first, a few at a time.
 */
import { STRIP_CELLS } from '../../../src-main/contract/filmstrip.ts';

/** A cell of a strip, ready to be drawn: its place in the picture, in pixels. */
export interface Cell {
  readonly image: HTMLImageElement;
  readonly x: number;
  readonly width: number;
  readonly height: number;
}

/** Strips kept; each takes half a megabyte when it has been drawn. */
const MOST = 96;
/** The worker makes one after the other; two requests keep it busy and leave room for what comes into view next. */
const AT_ONCE = 2;
/** How much coarser a picture may be that stands in for one under way: powers of two. */
const COARSER = 12;

export class Strips {
  readonly #videoId: string;
  readonly #onLoad: () => void;
  /** By `stride/strip`; null while it loads or when there is none. In the order of last use. */
  readonly #known = new Map<string, HTMLImageElement | null>();
  #wanted: string[] = [];
  #loading = 0;

  constructor(videoId: string, onLoad: () => void) {
    this.#videoId = videoId;
    this.#onLoad = onLoad;
  }

  /** The picture of a cell, or of a coarser one around it while that is under way; null when there is neither. */
  cell(stride: number, cell: number): Cell | null {
    for (let n = 0; n <= COARSER; n++) {
      const index = Math.floor(cell / 2 ** n);
      const key = `${stride * 2 ** n}/${Math.floor(index / STRIP_CELLS)}`;
      const image = this.#known.get(key);
      if (n === 0) {
        if (image === undefined) this.#wanted.push(key);
        else this.#touch(key, image);
      }
      if (!image) continue;
      const width = image.naturalWidth / STRIP_CELLS;
      return { image, x: (index % STRIP_CELLS) * width, width, height: image.naturalHeight };
    }
    return null;
  }

  /** Call before a drawing: what the last one wished for and this one does not is not fetched. */
  begin(): void {
    this.#wanted = [];
  }

  /** Call after a drawing: fetches what it lacked. */
  end(): void {
    while (this.#loading < AT_ONCE) {
      const key = this.#wanted.find((wish) => !this.#known.has(wish));
      if (key === undefined) return;
      this.#load(key);
    }
  }

  #touch(key: string, image: HTMLImageElement | null): void {
    this.#known.delete(key);
    this.#known.set(key, image);
  }

  #load(key: string): void {
    this.#loading++;
    this.#known.set(key, null);
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
    const image = new Image();
    image.src = `/media/filmstrip/${encodeURIComponent(this.#videoId)}/${key}.jpg`;
    image.decode().then(
      () => {
        this.#known.set(key, image);
        this.#settle();
      },
      // No picture there (a damaged stretch): it stays plain.
      () => this.#settle(),
    );
  }

  #settle(): void {
    this.#loading--;
    this.#onLoad();
  }
}
