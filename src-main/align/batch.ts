/**
 * @file Lays a preference pair out as rows of tokens. With prefix sharing the prompt (and its video) is paid for once:
 * one row [prompt | chosen | rejected], in which the rejected answer cannot see the chosen one and its positions restart
 * after the prompt. Without it, two rows [prompt | chosen] and [prompt | rejected]. Both give the same numbers.
 */
import { UserError } from '../platform/errors.ts';
import { OBJECTIVES } from './objectives.ts';
import type { TrainingConfig } from './config.ts';

/** One answer in tokens. */
export type EncodedAnswer = {
  /** The answer, its end token, then whatever the chat template closes the turn with. */
  ids: readonly number[];
  /** Tokens of the answer and its end token: the paper's |y|. What follows is labelled only by the official KL mask. */
  responseLength: number;
  /** Per token of `ids`: 0, or the number of the phrase it belongs to. */
  phraseOf: ArrayLike<number>;
};

/** A pair in tokens; the prompt holds one placeholder per video feature. */
export type EncodedPair = {
  id: string;
  prompt: readonly number[];
  /** Positions in `prompt`, ascending and above 0, that the official mask labels (newlines, turn markers, header). */
  promptLabels: readonly number[];
  chosen: EncodedAnswer;
  rejected: EncodedAnswer;
};

/** What the graph is told about one side; M is padded. */
export type SideLayout = {
  /** [M]: index into the flattened rows of the position that predicts the label. */
  gather: Int32Array;
  /** [M]: the label; 0 on padding. */
  labels: Int32Array;
  /** [M]: 1 where the loss rewards the label. */
  rewarded: Float32Array;
  /** [M]: 1 where KL and log-probability are summed. */
  labelled: Float32Array;
  /** Labels that are not padding; how many of them are rewarded, inside phrases, and labelled. */
  counts: { used: number; rewarded: number; marked: number; labelled: number };
};

/** A pair as rows. */
export type PairLayout = {
  /** 1 with prefix sharing, else 2. */
  rows: number;
  /** Row length in tokens, padding included. */
  length: number;
  /** [rows * length], 0 on padding. */
  ids: Int32Array;
  /** [rows * length]: rotary positions. */
  positions: Int32Array;
  /** [rows * length]: 0 prompt, 1 chosen, 2 rejected, -1 padding; see {@link fillMask}. */
  segments: Int8Array;
  /** Tokens that are not padding. */
  tokens: number;
  chosen: SideLayout;
  rejected: SideLayout;
};

/** Row lengths and label counts are rounded up to these multiples, so that few shapes occur and memory plans are reused. */
export type Buckets = { length: number; labels: number };
const DEFAULT_BUCKETS: Buckets = { length: 16, labels: 8 };
/** Wider on a GPU: there every shape is a session of its own, with its own compiled shaders. */
const GPU_BUCKETS: Buckets = { length: 128, labels: 32 };

/** The buckets to lay rows out with for a device. */
export function bucketsFor(device: TrainingConfig['device']): Buckets {
  return device === 'cpu' ? DEFAULT_BUCKETS : GPU_BUCKETS;
}

const roundUp = (n: number, multiple: number) => Math.max(multiple, Math.ceil(n / multiple) * multiple);

/** Lays out one pair. Which tokens are rewarded follows from the objective, which are labelled from the KL scope. */
export function layOut(
  pair: EncodedPair,
  config: Pick<TrainingConfig, 'objective' | 'klScope' | 'prefixSharing'>,
  buckets: Buckets = DEFAULT_BUCKETS,
): PairLayout {
  const { prompt } = pair;
  // The last token of an answer predicts nothing that is labelled, so it need not be an input.
  const inputs = [pair.chosen, pair.rejected].map((answer) => labelledIds(answer, config).slice(0, -1));
  const starts = config.prefixSharing
    ? [prompt.length, prompt.length + inputs[0].length]
    : [prompt.length, prompt.length];
  const longest = config.prefixSharing
    ? prompt.length + inputs[0].length + inputs[1].length
    : prompt.length + Math.max(inputs[0].length, inputs[1].length);
  const rows = config.prefixSharing ? 1 : 2;
  const length = roundUp(longest, buckets.length);
  const ids = new Int32Array(rows * length);
  const positions = new Int32Array(rows * length);
  const segments = new Int8Array(rows * length).fill(-1);
  const put = (tokens: readonly number[], at: number, firstPosition: number, segment: number) => {
    ids.set(tokens, at);
    segments.fill(segment, at, at + tokens.length);
    for (let i = 0; i < tokens.length; i++) positions[at + i] = firstPosition + i;
  };
  inputs.forEach((tokens, side) => {
    const rowStart = config.prefixSharing ? 0 : side * length;
    if (side === 0 || !config.prefixSharing) put(prompt, rowStart, 0, 0);
    put(tokens, rowStart + starts[side], prompt.length, side + 1);
  });
  const side = (answer: EncodedAnswer, index: number) => {
    const rowStart = config.prefixSharing ? 0 : index * length;
    return sideLayout(pair, answer, config, buckets, rowStart, rowStart + starts[index]);
  };
  return {
    rows,
    length,
    ids,
    positions,
    segments,
    tokens: segments.reduce((n, s) => n + (s >= 0 ? 1 : 0), 0),
    chosen: side(pair.chosen, 0),
    rejected: side(pair.rejected, 1),
  };
}

function labelledIds(answer: EncodedAnswer, config: Pick<TrainingConfig, 'klScope'>): readonly number[] {
  return config.klScope === 'official' ? answer.ids : answer.ids.slice(0, answer.responseLength);
}

function sideLayout(
  pair: EncodedPair,
  answer: EncodedAnswer,
  config: Pick<TrainingConfig, 'objective' | 'klScope'>,
  buckets: Buckets,
  rowStart: number,
  answerStart: number,
): SideLayout {
  const ids = labelledIds(answer, config);
  const promptLabels = config.klScope === 'official' ? pair.promptLabels : [];
  const used = promptLabels.length + ids.length;
  const size = roundUp(used, buckets.labels);
  const layout = {
    gather: new Int32Array(size).fill(rowStart),
    labels: new Int32Array(size),
    rewarded: new Float32Array(size),
    labelled: new Float32Array(size),
  };
  const counts = { used, rewarded: 0, marked: 0, labelled: used };
  promptLabels.forEach((position, n) => {
    layout.gather[n] = rowStart + position - 1;
    layout.labels[n] = pair.prompt[position];
    layout.labelled[n] = 1;
  });
  const rewardsAll = OBJECTIVES[config.objective].rewards === 'response';
  ids.forEach((id, i) => {
    const n = promptLabels.length + i;
    // The first token of an answer is predicted at the end of the prompt, wherever the answer lies.
    layout.gather[n] = i === 0 ? rowStart + pair.prompt.length - 1 : answerStart + i - 1;
    layout.labels[n] = id;
    layout.labelled[n] = 1;
    const marked = answer.phraseOf[i] > 0;
    const rewarded = rewardsAll ? i < answer.responseLength : marked;
    layout.rewarded[n] = rewarded ? 1 : 0;
    counts.rewarded += rewarded ? 1 : 0;
    counts.marked += marked ? 1 : 0;
  });
  return { ...layout, counts };
}

/** Added to attention scores where a position must not look; large enough to vanish, small enough not to overflow. */
export const MASKED = -1e9;

/**
 * Additive attention mask [rows, length, length]: 0 where the query may look at the key, {@link MASKED} elsewhere. A
 * position sees itself and earlier ones of the prompt and of its own answer. Padding sees only itself, so that no row of scores
 * is without a finite value.
 */
export function fillMask(layout: PairLayout): Float32Array {
  const { rows, length, segments } = layout;
  const mask = new Float32Array(rows * length * length).fill(MASKED);
  for (let row = 0; row < rows; row++) {
    const start = row * length;
    for (let query = 0; query < length; query++) {
      const base = (start + query) * length;
      const own = segments[start + query];
      mask[base + query] = 0;
      if (own < 0) continue;
      for (let key = 0; key < query; key++) {
        const other = segments[start + key];
        if (other === 0 || other === own) mask[base + key] = 0;
      }
    }
  }
  return mask;
}

/**
 * For `spliceFeatures`: per position its row in the table [all rows' tokens | features]. Every copy of the prompt takes all
 * features in order. Throws when a prompt has another number of placeholders than there are features: a dropped feature
 * would be training that silently ignores part of the video.
 */
export function spliceRows(layout: PairLayout, placeholder: number, features: number): Int32Array {
  const total = layout.ids.length;
  const index = new Int32Array(total);
  for (let row = 0; row < layout.rows; row++) {
    let next = 0;
    for (let i = row * layout.length; i < (row + 1) * layout.length; i++)
      index[i] = layout.segments[i] === 0 && layout.ids[i] === placeholder ? total + next++ : i;
    if (next !== features)
      throw new UserError(
        'BAD_INPUT',
        `training row: expected ${features} placeholder tokens (id ${placeholder}) for as many video features, got ${next}`,
        'The prompt was cut or was made for another number of frames; build it again from the same frames.',
      );
  }
  return index;
}
