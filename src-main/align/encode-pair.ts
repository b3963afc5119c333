/**
 * @file A pair of texts with marked spans, as tokens. The prompt is what the model is given when it answers; the answer follows
 * it exactly as the model would write it, closed the way the chat template closes a turn.
 */
import { codePointLength } from '../contract/text.ts';
import type { ChatMessage, ChatTemplate } from '../models/chat-template.ts';
import { hasVision, type ModelConfig } from '../models/config.ts';
import type { Prompt } from '../models/generation.ts';
import type { TextTokenizer } from '../models/tokenizer.ts';
import { UserError } from '../platform/errors.ts';
import type { TextSpan } from '../platform/tagged-text.ts';
import type { EncodedAnswer, EncodedPair } from './batch.ts';
import { OBJECTIVES } from './objectives.ts';
import type { TrainingConfig } from './config.ts';
import { markTokens } from './phrases.ts';

/** What stands around an answer in the chat template. */
export type AnswerFormat = {
  /** Between the generation prompt and the answer, for example the space after SmolVLM's `Assistant:`. */
  lead: string;
  /** After the answer: the end token, and what the template writes behind it. */
  closing: string;
  /** A question and an answer without media as the template writes them: the special tokens in it are its turn markers. */
  conversation: string;
};

/** Stands for an answer while the template is probed; no template and no tokenizer knows it. */
const PROBE = 'probe\u{f8ff}answer';

/** Reads the answer's surroundings off a chat template. */
export function answerFormat(template: ChatTemplate, config: ModelConfig): AnswerFormat {
  const content = (text: string): ChatMessage['content'] =>
    hasVision(config) ? [{ type: 'text', text }] : text;
  const question: ChatMessage = { role: 'user', content: content('question') };
  const prompt = template.render([question]).text;
  const whole = template.render([question, { role: 'assistant', content: content(PROBE) }], {
    addGenerationPrompt: false,
  }).text;
  const at = whole.lastIndexOf(PROBE);
  if (at < 0)
    throw new UserError(
      'UNSUPPORTED',
      `chat template: expected it to write the assistant's answer, got "${whole.slice(0, 120)}"`,
      'Use the chat template that was published with the model.',
    );
  return {
    // LLaVA-OneVision writes past answers with another header than the generation prompt; the model answers after the latter.
    lead: whole.startsWith(prompt) ? whole.slice(prompt.length, at) : '',
    closing: whole.slice(at + PROBE.length),
    conversation: whole,
  };
}

/**
 * One answer in tokens, its end token and the turn's closing included; `phraseOf` from its marked spans. `offsets` are code
 * points of the answer, per token: negative or beyond its end for what the template writes; an end token put in by hand has none.
 */
export function encodeAnswer(
  tokenizer: TextTokenizer,
  format: AnswerFormat,
  answer: string,
  spans: readonly TextSpan[],
): EncodedAnswer & { uncovered: readonly number[]; offsets: readonly TextSpan[] } {
  const text = format.lead + answer + format.closing;
  const { ids, offsets } = tokenizer.encode(text, { addSpecialTokens: false });
  const lead = codePointLength(format.lead);
  const end = lead + codePointLength(answer);
  const inAnswer = offsets.map(([from, to]) => ({ start: from - lead, end: to - lead }));
  const marks = markTokens(answer, inAnswer, spans);
  const firstSpecial = ids.findIndex((id, i) => offsets[i][0] >= end && tokenizer.specialIds.has(id));
  if (firstSpecial >= 0)
    return {
      ids,
      responseLength: firstSpecial + 1,
      phraseOf: marks.phraseOf,
      uncovered: marks.uncovered,
      offsets: inAnswer,
    };
  // A template that closes a turn with no special token: the tokenizer's own end token stands in.
  const words = offsets.findIndex(([from]) => from >= end);
  const kept = words < 0 ? ids : ids.slice(0, words);
  if (tokenizer.eosId === undefined)
    throw new UserError(
      'UNSUPPORTED',
      'chat template: expected an end token after the answer, got none there and no eos_token in the tokenizer',
      'Use the tokenizer and chat template that were published with the model.',
    );
  return {
    ids: [...kept, tokenizer.eosId],
    responseLength: kept.length + 1,
    phraseOf: [...marks.phraseOf.subarray(0, kept.length), 0],
    uncovered: marks.uncovered,
    offsets: inAnswer.slice(0, kept.length),
  };
}

/**
 * Positions of a prompt that LLaVA-Video's official code labels: newline tokens and turn markers anywhere, and the whole
 * header of the assistant's turn. Position 0 is left out: nothing predicts it. Video placeholders and the special tokens that a
 * processor writes around pictures are never labelled.
 */
export function officialPromptLabels(
  tokenizer: TextTokenizer,
  { conversation }: Pick<AnswerFormat, 'conversation'>,
  ids: readonly number[],
  placeholder: number | undefined,
): number[] {
  const newline = tokenizer.encode('\n', { addSpecialTokens: false }).ids;
  const written = tokenizer.encode(conversation, { addSpecialTokens: false }).ids;
  const markers = new Set(written.filter((id) => tokenizer.specialIds.has(id)));
  const isMarker = (id: number) => id !== placeholder && markers.has(id);
  // A template without turn markers has no header that could be told from the question; a token at 0 only begins the text.
  const header = ids.findLastIndex((id, i) => i > 0 && isMarker(id));
  return [...ids.keys()].filter(
    (i) =>
      i > 0 &&
      ids[i] !== placeholder &&
      ((header > 0 && i >= header) || isMarker(ids[i]) || (newline.length === 1 && ids[i] === newline[0])),
  );
}

/** The texts of a pair and its marks, in code points. */
export type PairTexts = {
  id: string;
  chosen: string;
  rejected: string;
  chosenSpans: readonly TextSpan[];
  rejectedSpans: readonly TextSpan[];
};

/** Encodes a pair, or says why it cannot be trained on (the caller lists it; nothing is dropped silently). */
export function encodePair(
  texts: PairTexts,
  prompt: Prompt,
  tokenizer: TextTokenizer,
  format: AnswerFormat,
  config: Pick<TrainingConfig, 'objective' | 'klScope' | 'maxLength'>,
): { pair: EncodedPair } | { reason: string } {
  if (texts.chosen === texts.rejected) return { reason: 'the two answers are identical' };
  const sides: EncodedAnswer[] = [];
  for (const [name, answer, spans] of [
    ['preferred', texts.chosen, texts.chosenSpans],
    ['non-preferred', texts.rejected, texts.rejectedSpans],
  ] as const) {
    if (answer.trim() === '') return { reason: `the ${name} answer is empty` };
    let encoded: ReturnType<typeof encodeAnswer>;
    try {
      encoded = encodeAnswer(tokenizer, format, answer, spans);
    } catch (error) {
      if (error instanceof UserError && error.code === 'BAD_INPUT')
        return { reason: `${name} answer: ${error.message}` };
      throw error;
    }
    const needsMarks = OBJECTIVES[config.objective].rewards === 'marked';
    if (needsMarks && !Array.from(encoded.phraseOf).some((k) => k > 0))
      return { reason: `the ${name} answer has no marked token (${spans.length} marks)` };
    sides.push(encoded);
  }
  const length = prompt.ids.length + Math.max(...sides.map((side) => side.ids.length));
  if (length > config.maxLength)
    return { reason: `${length} tokens are more than the ${config.maxLength} allowed; rows are never cut` };
  return {
    pair: {
      id: texts.id,
      prompt: prompt.ids,
      promptLabels:
        config.klScope === 'official'
          ? officialPromptLabels(tokenizer, format, prompt.ids, prompt.features?.placeholder)
          : [],
      chosen: sides[0],
      rejected: sides[1],
    },
  };
}

/**
 * Throws unless the prompt carries its video whole: features are there, and as many placeholders as feature rows. Training
 * that silently ignores the video, or part of it, is worse than none.
 */
export function checkVideo(id: string, prompt: Prompt, config: ModelConfig): void {
  if (!hasVision(config)) return;
  const { features } = prompt;
  if (!features || features.rows === 0)
    throw new UserError(
      'BAD_INPUT',
      `pair ${id}: expected video features for a ${config.family} model, got none`,
      'Check that the video is still where it was; it can be located again in the Library.',
    );
  const placeholders = prompt.ids.filter((token) => token === features.placeholder).length;
  if (placeholders !== features.rows)
    throw new UserError(
      'BAD_INPUT',
      `pair ${id}: expected ${features.rows} placeholder tokens for as many video features, got ${placeholders}`,
      'The prompt was cut or was made for another number of frames; build it again from the same frames.',
    );
}
