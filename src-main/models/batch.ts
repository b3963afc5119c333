/**
 * @file Many texts at once. Rows join and leave between two steps, each with a cache, a length and a random stream of its own, and the
 * start that prompts about one video share (up to its last feature) is computed once.
 *
 * A text does not depend on who shares the batch. Every run's shape along a row (capacity, padded width) follows from that row alone,
 * and the runtime computes each row of a product on the CPU in the same order whatever their number, from two rows on. So a text that
 * is generated again alone is the same to the bit on the same machine; `batch.test.ts` holds it to that.
 */
import { setImmediate as nextTick } from 'node:timers/promises';
import { Random } from '../platform/random.ts';
import { checkPrompt } from './generation.ts';
import type { Features, FinishReason, GenerateOptions, LanguageModel, Prompt } from './generation.ts';
import { KvCache, capacityFor, rowBytes } from './kv-cache.ts';
import { chooseToken } from './sampling.ts';

/** One text to generate. */
export type BatchRequest = {
  prompt: Prompt;
  options: Pick<GenerateOptions, 'maxNewTokens' | 'sampling' | 'stopIds' | 'signal'>;
};

/** A generated text; the stop token that ended it is the last of `ids`. */
export type BatchedText = { ids: number[]; finish: FinishReason };

/** Options of {@link BatchDecoder}. */
export type BatchOptions = {
  /** Most texts under way. @default 32: beyond, a step of a small model costs about as much more as it gives */
  width?: number;
  /** Most bytes of keys and values; one text is always under way. @default 2 GiB */
  cacheBytes?: number;
};

/** Prompts run in widths that are multiples of this, so that questions of different lengths share a run. */
const PROMPT_STEP = 4;

type Row = {
  request: BatchRequest;
  ids: number[];
  random: Random | undefined;
  stop: ReadonlySet<number>;
  resolve: (text: BatchedText) => void;
  reject: (reason: unknown) => void;
};

/** Rows under way with caches of one capacity. */
type Group = { cache: KvCache; rows: Row[] };

/** The part of a prompt up to its last feature, and the logits behind it. */
type Start = { ids: readonly number[]; cache: KvCache; logits: Float32Array };

/** Generates texts in a shared batch. The model's adapter must not change while any are under way. */
export class BatchDecoder {
  readonly #language: LanguageModel;
  readonly #width: number;
  readonly #cacheBytes: number;
  readonly #groups = new Map<number, Group>();
  readonly #starts = new Map<Features, Start>();
  #waiting: Row[] = [];
  #onRoom: (() => void)[] = [];
  #working = false;
  /** Runs of the model so far, by what they were for: rows per step tell how full the batch is. */
  readonly counts = { starts: 0, prompts: 0, steps: 0, stepRows: 0 };

  constructor(language: LanguageModel, { width = 32, cacheBytes = 2 * 2 ** 30 }: BatchOptions = {}) {
    this.#language = language;
    this.#width = language.batches ? width : 1;
    this.#cacheBytes = cacheBytes;
  }

  /** Resolves when few enough texts wait that it is time to prepare more: what waits holds features in memory. */
  async room(): Promise<void> {
    while (this.#waiting.length >= this.#width)
      await new Promise<void>((resolve) => this.#onRoom.push(resolve));
  }

  /** Resolves with the text when it has ended; rejects with the signal's reason after an abort. */
  generate(request: BatchRequest): Promise<BatchedText> {
    const { prompt, options } = request;
    checkPrompt(prompt, this.#language.config);
    const { promise, resolve, reject } = Promise.withResolvers<BatchedText>();
    this.#waiting.push({
      request,
      ids: [],
      random: options.sampling && new Random(options.sampling.seed),
      stop: new Set(options.stopIds),
      resolve,
      reject,
    });
    if (!this.#working) void this.#work();
    return promise;
  }

  /** Runs until nothing is left. Between two runs the event loop turns, so that requests and aborts arrive. */
  async #work(): Promise<void> {
    this.#working = true;
    try {
      for (;;) {
        await nextTick();
        this.#dropAborted();
        if (this.#waiting.length === 0 && this.#groups.size === 0) return;
        await this.#admit();
        for (const wake of this.#onRoom.splice(0)) wake();
        for (const group of [...this.#groups.values()]) await this.#step(group);
      }
    } catch (error) {
      // A run that fails (memory, driver) leaves caches in an unknown state: nobody's text can go on.
      for (const row of [...this.#waiting, ...this.#active()]) row.reject(error);
      this.#waiting = [];
      this.#groups.clear();
    } finally {
      this.#starts.clear();
      this.#working = false;
      for (const wake of this.#onRoom.splice(0)) wake();
    }
  }

  #active(): Row[] {
    return [...this.#groups.values()].flatMap(({ rows }) => rows);
  }

  #dropAborted(): void {
    const aborted = (row: Row): boolean => {
      const signal = row.request.options.signal;
      if (signal?.aborted !== true) return false;
      row.reject(signal.reason);
      return true;
    };
    this.#waiting = this.#waiting.filter((row) => !aborted(row));
    for (const group of [...this.#groups.values()])
      for (let i = group.rows.length - 1; i >= 0; i--) if (aborted(group.rows[i])) this.#remove(group, i);
  }

  /** Gives waiting texts the free places, once a quarter of them is free: prompts in company cost less than one by one. */
  async #admit(): Promise<void> {
    const active = this.#active();
    if (active.length > 0 && this.#width - active.length < Math.ceil(this.#width / 4)) return;
    const bytesOf = ({ request: { prompt, options } }: Row) =>
      rowBytes(this.#language.text, capacityFor(prompt.ids.length + options.maxNewTokens));
    let left = this.#cacheBytes - active.reduce((sum, row) => sum + bytesOf(row), 0);
    let places = this.#width - active.length;
    let taken = 0;
    for (const row of this.#waiting) {
      left -= bytesOf(row);
      if (places === 0 || (left < 0 && places < this.#width)) break;
      places--;
      taken++;
    }
    const rows = this.#waiting.splice(0, taken);
    try {
      await this.#beginAll(rows);
    } catch (error) {
      for (const row of rows) row.reject(error);
      throw error;
    }
    const needed = new Set(this.#waiting.map((row) => row.request.prompt.features));
    for (const features of this.#starts.keys()) if (!needed.has(features)) this.#starts.delete(features);
  }

  /** Runs the prompts of these texts and chooses their first tokens. Rows of one shape share a run. */
  async #beginAll(rows: readonly Row[]): Promise<void> {
    const runs = new Map<string, { capacity: number; width: number; rows: { row: Row; start?: Start }[] }>();
    for (const row of rows) {
      const { prompt } = row.request;
      let start: Start | undefined;
      try {
        start = await this.#start(prompt);
      } catch (error) {
        row.reject(error); // e.g. placeholders and features that do not fit: this prompt's own fault
        continue;
      }
      const count = prompt.ids.length - (start?.ids.length ?? 0);
      const capacity = capacityFor(prompt.ids.length);
      const width = Math.ceil(count / PROMPT_STEP) * PROMPT_STEP;
      const key = `${capacity}/${width}`;
      if (!runs.has(key)) runs.set(key, { capacity, width, rows: [] });
      runs.get(key)!.rows.push({ row, start });
    }
    for (const { capacity, width, rows: members } of runs.values()) {
      const cache = new KvCache(this.#language.text, capacity, 0, members.length);
      for (const { start } of members) cache.add(start?.cache);
      const inputs = members.map(({ row, start }) => {
        const ids = row.request.prompt.ids.slice(start?.ids.length ?? 0);
        return { ids, wanted: [ids.length - 1] };
      });
      // A prompt that ends with its last feature has nothing behind its start.
      const logits =
        width === 0
          ? members.map(({ start }) => start!.logits)
          : rowsOf(await this.#language.forward(cache, inputs, width), members.length);
      if (width > 0) this.counts.prompts++;
      members.forEach(({ row }, i) => {
        if (this.#choose(row, logits[i])) return;
        const group = this.#group(capacity);
        group.cache.add(cache, i);
        group.rows.push(row);
      });
    }
  }

  /** The shared start of a prompt with features, computed for the first one that has it; undefined for a prompt of text. */
  async #start({ ids, features }: Prompt): Promise<Start | undefined> {
    if (!features) return undefined;
    const end = ids.lastIndexOf(features.placeholder) + 1;
    const known = this.#starts.get(features);
    if (known?.ids.length === end && known.ids.every((id, i) => id === ids[i])) return known;
    const first = ids.slice(0, end);
    const cache = new KvCache(this.#language.text, 1, 1);
    const logits = await this.#language.forward(cache, [{ ids: first, features, wanted: [end - 1] }]);
    this.counts.starts++;
    const start = { ids: first, cache, logits };
    this.#starts.set(features, start);
    return start;
  }

  #group(capacity: number): Group {
    const known = this.#groups.get(capacity);
    if (known) return known;
    const { text } = this.#language;
    const room = Math.min(this.#width, Math.ceil(this.#cacheBytes / rowBytes(text, capacity)));
    const group: Group = { cache: new KvCache(text, capacity, 0, room), rows: [] };
    this.#groups.set(capacity, group);
    return group;
  }

  #remove(group: Group, i: number): void {
    group.cache.remove(i);
    const last = group.rows.pop()!;
    if (i < group.rows.length) group.rows[i] = last;
    if (group.rows.length === 0) this.#groups.delete(group.cache.capacity);
  }

  /** One token for every row of a group; rows whose next token needs more room move to the next group first. */
  async #step(group: Group): Promise<void> {
    const { cache, rows } = group;
    for (let i = rows.length - 1; i >= 0; i--) {
      const needed = capacityFor(cache.lengths[i] + 1);
      if (needed === cache.capacity) continue;
      const next = this.#group(needed);
      next.cache.add(cache, i);
      next.rows.push(rows[i]);
      this.#remove(group, i);
    }
    if (rows.length === 0) return;
    const inputs = rows.map(({ ids }) => ({ ids: [ids[ids.length - 1]], wanted: [0] }));
    // The CPU has another order of sums for products of a single row with an adapter's matrices: an idle row keeps it company.
    const idle = rows.length === 1 && this.#language.adaptable && this.#language.batches;
    if (idle) cache.add();
    const output = await this.#language.forward(cache, idle ? [...inputs, { ids: [0], wanted: [] }] : inputs);
    if (idle) cache.remove(1);
    this.counts.steps++;
    this.counts.stepRows += rows.length;
    const logits = rowsOf(output, rows.length);
    for (let i = rows.length - 1; i >= 0; i--) if (this.#choose(rows[i], logits[i])) this.#remove(group, i);
  }

  /** Chooses a row's next token; true when its text has ended. */
  #choose(row: Row, logits: Float32Array): boolean {
    const { maxNewTokens, sampling } = row.request.options;
    let id: number;
    try {
      id = chooseToken(logits, sampling, row.random);
    } catch (error) {
      row.reject(error); // its own features may be to blame: the others go on
      return true;
    }
    row.ids.push(id);
    const stopped = row.stop.has(id);
    if (!stopped && row.ids.length < maxNewTokens) return false;
    row.resolve({ ids: row.ids, finish: stopped ? 'stop' : 'length' });
    return true;
  }
}

/** The rows of [count, V]. */
function rowsOf(logits: Float32Array, count: number): Float32Array[] {
  const width = logits.length / count;
  return Array.from({ length: count }, (_, i) => logits.subarray(i * width, (i + 1) * width));
}
