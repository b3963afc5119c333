/**
 * @file Many questions about one clip in one row: `[chat start + video | question and answer | question and answer | ...]`.
 * Each question sees the video and itself; positions restart behind the video. So the video is paid for once, and
 * every question gets exactly the numbers it would get in a row of its own.
 */
import type { Question } from '../../resources/world/questions.ts';
import { VIDEO_TOKENS } from './model-files.ts';
import type { WorldTokenizer } from './tokenizer.ts';

/** What hides a position from another in the additive attention mask. */
const HIDDEN = -1e9;

/** Rows of a batch; all arrays are C order. T is the row length, L the number of label slots a row. */
export class PackedRows {
  readonly rows: number;
  readonly length: number;
  readonly slots: number;
  /** Tokens before the first question: chat start and video. */
  readonly prefix: number;
  /** [rows, T] */
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  /** [rows, 1, 1, T, T], added to attention scores. */
  readonly mask: Float32Array;
  /** [rows * L]: index into [rows * T] of the position that predicts the label; the label; its weight (0: empty slot). */
  readonly at: Int32Array;
  readonly labels: Int32Array;
  readonly weights: Float32Array;
  readonly #tokenizer: WorldTokenizer;
  readonly #start: readonly number[];

  constructor(tokenizer: WorldTokenizer, rows: number, length: number, slots: number) {
    this.rows = rows;
    this.length = length;
    this.slots = slots;
    this.#tokenizer = tokenizer;
    this.#start = [tokenizer.special('<|im_start|>'), ...tokenizer.encode('user ')];
    this.prefix = this.#start.length + VIDEO_TOKENS;
    this.ids = new Int32Array(rows * length);
    this.positions = new Int32Array(rows * length);
    this.mask = new Float32Array(rows * length * length);
    this.at = new Int32Array(rows * slots);
    this.labels = new Int32Array(rows * slots);
    this.weights = new Float32Array(rows * slots);
  }

  /** Index within a row of the first video token. */
  get videoStart(): number {
    return this.#start.length;
  }

  /**
   * Fills one row with as many of the questions as fit, in order; questions that do not fit are passed over.
   * Returns the questions taken, each with its label slots [first, end) within the row.
   */
  fill(row: number, questions: readonly Question[]): { question: Question; first: number; end: number }[] {
    const { length: T, slots, prefix } = this;
    const tokenizer = this.#tokenizer;
    const ids = this.ids.subarray(row * T, (row + 1) * T);
    const positions = this.positions.subarray(row * T, (row + 1) * T);
    const segment = new Int32Array(T).fill(-1);
    const pad = tokenizer.special('<|endoftext|>');
    ids.fill(pad);
    positions.fill(0);
    ids.set(this.#start);
    ids.fill(tokenizer.special('<video>'), this.#start.length, prefix);
    for (let i = 0; i < prefix; i++) positions[i] = i;
    segment.fill(0, 0, prefix);

    let used = prefix;
    let slot = 0;
    const taken = [];
    this.weights.fill(0, row * slots, (row + 1) * slots);
    this.at.fill(row * T, row * slots, (row + 1) * slots);
    this.labels.fill(pad, row * slots, (row + 1) * slots);
    const end = tokenizer.special('<|im_end|>');
    for (const question of questions) {
      const asked = [
        ...tokenizer.encode(`\n${question.question}`),
        end,
        tokenizer.special('<|im_start|>'),
        ...tokenizer.encode('assistant\n'),
      ];
      const answer = [...tokenizer.encode(question.answer), end];
      const size = asked.length + answer.length;
      if (used + size > T || slot + answer.length > slots) continue;
      ids.set(asked, used);
      ids.set(answer, used + asked.length);
      for (let i = 0; i < size; i++) positions[used + i] = prefix + i;
      segment.fill(taken.length + 1, used, used + size);
      const first = slot;
      answer.forEach((label, i) => {
        const to = row * slots + slot++;
        this.at[to] = row * T + used + asked.length + i - 1;
        this.labels[to] = label;
        this.weights[to] = 1;
      });
      taken.push({ question, first, end: slot });
      used += size;
    }
    this.#fillMask(row, segment);
    return taken;
  }

  #fillMask(row: number, segment: Int32Array): void {
    const T = this.length;
    for (let i = 0; i < T; i++) {
      const line = this.mask.subarray((row * T + i) * T, (row * T + i + 1) * T).fill(HIDDEN);
      line[i] = 0; // padding sees itself, so that its softmax has something to sum to
      if (segment[i] === -1) continue;
      for (let j = 0; j < i; j++) if (segment[j] === 0 || segment[j] === segment[i]) line[j] = 0;
    }
  }
}
