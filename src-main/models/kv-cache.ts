/**
 * @file Keys and values of texts under way, kept on our side: a run gets them as they lie and returns only what is new, so nothing
 * is concatenated. The rows of one cache have the same capacity; each has a length of its own.
 */
import type { Tensor } from '../tensor/onnxruntime.ts';
import type { DecoderConfig } from './config.ts';

/** Capacities are multiples of this many positions, so that few different shapes are planned. */
const BUCKET = 128;

/** The capacity of a row that will hold `positions` positions. */
export function capacityFor(positions: number): number {
  return Math.ceil(positions / BUCKET) * BUCKET;
}

/** Bytes of one row's keys and values at a capacity. */
export function rowBytes({ layers, kvHeads, headDim }: DecoderConfig, capacity: number): number {
  return 2 * layers * kvHeads * capacity * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** Some rows of keys and values: arrays [rows, KV, capacity, D], `lengths[row]` positions of each row in use. */
export class KvCache {
  readonly lengths: number[] = [];
  #capacity: number;
  /** Rows that the arrays have room for. */
  #room = 0;
  readonly #text: DecoderConfig;
  /** Key and value arrays, alternating, per layer. */
  #arrays: Float32Array[];

  /** `rows` empty rows of a capacity. `room`: rows that the arrays are made for at once; more are made when they are needed. */
  constructor(text: DecoderConfig, capacity: number, rows = 0, room = rows) {
    this.#text = text;
    this.#capacity = capacity;
    this.#arrays = Array.from({ length: 2 * text.layers }, () => new Float32Array(0));
    this.#makeRoom(room);
    for (let row = 0; row < rows; row++) this.lengths.push(0);
  }

  get rows(): number {
    return this.lengths.length;
  }

  /** Positions that each row has room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Floats of one head of one row, and of one row. */
  get #head(): number {
    return this.#capacity * this.#text.headDim;
  }
  get #row(): number {
    return this.#text.kvHeads * this.#head;
  }

  #makeRoom(rows: number): void {
    if (rows <= this.#room) return;
    this.#room = Math.max(rows, 2 * this.#room);
    this.#arrays = this.#arrays.map((old) => {
      const array = new Float32Array(this.#room * this.#row);
      array.set(old.subarray(0, this.rows * this.#row));
      return array;
    });
  }

  /** Adds the cache's arrays to the feeds of a run; nothing is copied. */
  feed(feeds: Record<string, Tensor>): void {
    const shape = [this.rows, this.#text.kvHeads, this.#capacity, this.#text.headDim];
    this.#arrays.forEach((array, i) => {
      const data = array.subarray(0, this.rows * this.#row);
      feeds[`past.${i >> 1}.${i % 2 === 0 ? 'key' : 'value'}`] = { dtype: 'float32', shape, data };
    });
  }

  /**
   * Copies the keys and values that a run returned for `width` new positions a row, [rows, KV, width, D], behind those in use:
   * the first `counts[row]` of each row.
   */
  append(outputs: Readonly<Record<string, Tensor>>, width: number, counts: readonly number[]): void {
    this.#grow(Math.max(...counts.map((count, row) => this.lengths[row] + count)));
    const { kvHeads, headDim } = this.#text;
    this.#arrays.forEach((array, i) => {
      const fresh = outputs[`present.${i >> 1}.${i % 2 === 0 ? 'key' : 'value'}`].data as Float32Array;
      counts.forEach((count, row) => {
        for (let head = 0; head < kvHeads; head++) {
          const from = (row * kvHeads + head) * width * headDim;
          array.set(
            fresh.subarray(from, from + count * headDim),
            row * this.#row + head * this.#head + this.lengths[row] * headDim,
          );
        }
      });
    });
    counts.forEach((count, row) => (this.lengths[row] += count));
  }

  /** Gives every row room for so many positions. */
  #grow(positions: number): void {
    if (positions <= this.#capacity) return;
    const old = new KvCache(this.#text, this.#capacity);
    [old.#arrays, old.#room] = [this.#arrays, this.#room];
    old.lengths.push(...this.lengths.splice(0));
    this.#capacity = capacityFor(positions);
    this.#arrays = this.#arrays.map(() => new Float32Array(0));
    this.#room = 0;
    this.#makeRoom(old.rows);
    for (let row = 0; row < old.rows; row++) this.add(old, row);
  }

  /** Adds a copy of a row of another cache, whose length must fit, or an empty row. */
  add(other?: KvCache, from = 0): void {
    const row = this.rows;
    this.#makeRoom(row + 1);
    const length = other?.lengths[from] ?? 0;
    const used = length * this.#text.headDim;
    if (other !== undefined)
      this.#arrays.forEach((array, i) => {
        for (let head = 0; head < this.#text.kvHeads; head++) {
          const start = from * other.#row + head * other.#head;
          array.set(other.#arrays[i].subarray(start, start + used), row * this.#row + head * this.#head);
        }
      });
    this.lengths.push(length);
  }

  /** Takes a row out; the last row takes its place. */
  remove(row: number): void {
    const last = this.rows - 1;
    if (row !== last)
      for (const array of this.#arrays)
        array.copyWithin(row * this.#row, last * this.#row, (last + 1) * this.#row);
    this.lengths[row] = this.lengths[last];
    this.lengths.pop();
  }
}
