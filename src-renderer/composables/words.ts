/** @file The window's words for the contract's codes. */
import type { z } from 'zod';
import type { ErrorPattern } from '../../src-main/contract/recipe.ts';
import type {
  ImportField,
  ImportFormat,
  LintCode,
  Objective,
  PairStatus,
  PhraseKind,
  QuestionType,
  Run,
  Split,
} from '../../src-main/contract/schemas.ts';

export const TYPE_WORDS: Record<QuestionType, string> = {
  multiple_choice: 'Multiple choice',
  yes_no: 'Yes / no',
  short: 'Short answer',
  open_ended: 'Open-ended',
};
export const SPLIT_WORDS: Record<Split, string> = { train: 'Train', heldout: 'Held-out' };
export const STATUS_WORDS: Record<PairStatus, string> = {
  pending: 'Pending',
  accepted: 'Accepted',
  rejected: 'Rejected',
  second_look: 'Second look',
};
export const ANSWER_WORDS = { chosen: 'Preferred', rejected: 'Non-preferred' } as const;
export const STATUS_TONES: Record<PairStatus, 'plain' | 'good' | 'bad' | 'warn'> = {
  pending: 'plain',
  accepted: 'good',
  rejected: 'bad',
  second_look: 'warn',
};
/** In the order of the digit keys. */
export const KIND_WORDS: Record<PhraseKind, string> = {
  object: 'Object',
  attribute: 'Attribute',
  action: 'Action',
  direction: 'Direction',
  order: 'Order',
  count: 'Count',
  time: 'Time',
  place: 'Place',
  other: 'Other',
};
/** The method's families of errors: what a wrong answer is evidence of. */
export const FAMILY_WORDS: Record<ErrorPattern, string> = {
  'spatio-temporal': 'Spatio-temporal',
  'co-occurrence': 'Co-occurrence',
  'language-prior': 'Language prior',
};
export const FAMILY_HELP: Record<ErrorPattern, string> = {
  'spatio-temporal': 'What was seen was misunderstood: parts were covered, or the order was changed',
  'co-occurrence': 'A thing that often appears together with the others was taken to be there',
  'language-prior': 'Nothing or a still picture was shown: the answer is what the language model expects',
};
export const LINT_WORDS: Record<z.infer<typeof LintCode>, string> = {
  'identical-answers': 'Identical answers',
  'empty-answer': 'Empty answer',
  'no-phrase': 'No marked phrase',
  'lost-mark': 'Lost mark',
  'one-sided-phrases': 'Marked on one side only',
  'phrase-is-whole-answer': 'Mark is the whole answer',
  'length-gap': 'Length differs over 2x',
  'leaked-prompt': 'Leaked prompt',
  'language-mismatch': 'Different languages',
  'heldout-leak': 'Held-out video',
};
export const FORMAT_WORDS: Record<ImportFormat, string> = {
  'rrpo-json': 'RRPO JSON (official)',
  'videochat2-json': 'VideoChat2 JSON',
  'hf-preference-jsonl': 'Hugging Face preference JSONL',
  'llava-json': 'LLaVA conversations JSON',
  csv: 'CSV',
  tsv: 'TSV',
};
export const IMPORT_FIELD_WORDS: Record<ImportField, string> = {
  video: 'Clip',
  question: 'Question',
  chosen: 'Preferred answer',
  rejected: 'Non-preferred answer',
  chosen_masked: 'Preferred, with marks',
  rejected_masked: 'Non-preferred, with marks',
  type: 'Question type',
  split: 'Split',
  source: 'Source',
  id: 'Id',
};
export const OBJECTIVE_WORDS: Record<Objective, string> = {
  rrpo: 'RRPO',
  dpo: 'DPO',
  rrpo_no_refined_reward: 'RRPO without refined reward',
  rrpo_no_kl: 'RRPO without token-wise KL',
};
export const RUN_WORDS: Record<Run['state'], string> = {
  queued: 'Waiting',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  done: 'Done',
  failed: 'Failed',
};

/** A codec as people write it; one that has no such name here stays as FFmpeg calls it. */
export function codecWord(codec: string): string {
  return CODEC_WORDS[codec] ?? codec;
}
const CODEC_WORDS: Readonly<Partial<Record<string, string>>> = {
  h264: 'H.264',
  hevc: 'HEVC',
  vp8: 'VP8',
  vp9: 'VP9',
  av1: 'AV1',
  mpeg4: 'MPEG-4',
  gif: 'GIF',
};

/** Word of a question type that may come as a plain key, such as the keys of an evaluation's `byType`. */
export function typeWord(type: string): string {
  return Object.hasOwn(TYPE_WORDS, type) ? TYPE_WORDS[type as QuestionType] : type;
}

/** Options for a select, from a table of words. */
export function options<K extends string>(words: Record<K, string>): { value: K; label: string }[] {
  return (Object.keys(words) as K[]).map((value) => ({ value, label: words[value] }));
}

/** A pair's source key: "rows.json", "Mask + shuffle", "Compare", "Written by hand". */
export function sourceWord(source: string): string {
  if (source === 'written') return 'Written by hand';
  if (source === 'compare') return 'Compare';
  if (source === 'swap') return 'Swapped concept';
  const at = source.indexOf(':');
  const name = source.slice(at + 1);
  if (!source.startsWith('recipe:')) return name;
  if (name === '') return 'Clean clip';
  return (name[0].toUpperCase() + name.slice(1)).replaceAll('+', ' + ');
}
