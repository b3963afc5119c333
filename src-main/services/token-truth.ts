/** @file Exactly which tokens the loss will reward: the answers as the project's model cuts them, marked as training marks them. */
import path from 'node:path';
import { answerFormat, encodeAnswer, type AnswerFormat } from '../align/encode-pair.ts';
import type { Phrase, Span, TokenMark, TokenTruth } from '../contract/schemas.ts';
import { ANSWER_LIMIT, codePointLength, sliceCodePoints } from '../contract/text.ts';
import type { z } from 'zod';
import { openChatTemplate } from '../models/chat-template.ts';
import { readJson } from '../models/checkpoint.ts';
import { parseModelConfig } from '../models/config.ts';
import { openTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import { lostMark } from '../pairs/lints.ts';

type Side = 'chosen' | 'rejected';
type Marks = z.infer<typeof TokenMark>[];
type Cut = { tokens: Marks; end: number; warnings: string[] };
type Cutter = {
  tokenizer: TextTokenizer;
  format: AnswerFormat;
  /** The last cut of each side: while one answer is typed in, the other stays the same. */
  last: Record<Side, { key: string; cut: Cut } | null>;
  /** Text of a token by itself, by id. */
  texts: Map<number, string>;
};
const NAMES: Record<Side, string> = { chosen: 'preferred', rejected: 'non-preferred' };

/** The last model asked about: opening a real tokenizer takes most of a second, and every keystroke asks. */
let last: { modelDir: string; cutter: Promise<Cutter> } | null = null;

/** @throws UserError as opening the tokenizer, the chat template and the configuration does. */
export async function tokenTruth(
  modelDir: string,
  pair: { chosen: string; rejected: string; phrases: readonly Phrase[] },
): Promise<z.infer<typeof TokenTruth>> {
  if (last?.modelDir !== modelDir) {
    const cutter = openCutter(modelDir);
    last = { modelDir, cutter };
    // A model that could not be opened is tried again: the person may have mended its folder.
    cutter.catch(() => {
      if (last?.cutter === cutter) last = null;
    });
  }
  const cutter = await last.cutter;
  const chosen = cutOnce(cutter, pair.chosen, pair.phrases, 'chosen');
  const rejected = cutOnce(cutter, pair.rejected, pair.phrases, 'rejected');
  return {
    chosen: chosen.tokens,
    rejected: rejected.tokens,
    end: { id: chosen.end, text: textOf(cutter, chosen.end) },
    warnings: [...chosen.warnings, ...rejected.warnings],
  };
}

async function openCutter(modelDir: string): Promise<Cutter> {
  const file = path.join(modelDir, 'config.json');
  const config = parseModelConfig(
    await readJson(file, 'Choose the folder that the checkpoint was downloaded to.'),
    file,
  );
  const [tokenizer, template] = await Promise.all([openTokenizer(modelDir), openChatTemplate(modelDir)]);
  return {
    tokenizer,
    format: answerFormat(template, config),
    last: { chosen: null, rejected: null },
    texts: new Map(),
  };
}

function cutOnce(cutter: Cutter, text: string, phrases: readonly Phrase[], side: Side): Cut {
  const key = JSON.stringify([text, ...phrases.map((phrase) => [phrase.number, phrase[side]])]);
  const known = cutter.last[side];
  if (known?.key === key) return known.cut;
  const made = cut(cutter, text, phrases, side);
  cutter.last[side] = { key, cut: made };
  return made;
}

function cut(cutter: Cutter, whole: string, phrases: readonly Phrase[], side: Side): Cut {
  const warnings: string[] = [];
  const tooLong = whole.length > ANSWER_LIMIT;
  if (tooLong)
    warnings.push(
      `The ${NAMES[side]} answer has ${whole.length} characters: tokens are shown for answers of up to ${ANSWER_LIMIT}, and no supported model reads more.`,
    );
  const text = tooLong ? '' : whole;
  const marked: { number: number; span: Span }[] = [];
  for (const { number, [side]: span } of phrases) {
    if (!span || tooLong) continue;
    if (lostMark(text, span) === null) marked.push({ number, span });
    else warnings.push(`Phrase ${number} lost its mark in the ${NAMES[side]} answer: it rewards no token.`);
  }
  const { ids, phraseOf, uncovered, offsets, responseLength } = encodeAnswer(
    cutter.tokenizer,
    cutter.format,
    text,
    marked.map((m) => m.span),
  );
  for (const k of uncovered)
    warnings.push(`Phrase ${marked[k].number} covers no token of the ${NAMES[side]} answer.`);
  const length = codePointLength(text);
  const tokens: Marks = [];
  for (const [i, offset] of offsets.entries()) {
    const start = Math.max(0, offset.start);
    const end = Math.min(length, offset.end);
    if (end <= start) continue; // what the template writes around the answer
    const own = textOf(cutter, ids[i]);
    tokens.push({
      id: ids[i],
      // A token that is part of a character has no text of its own: the character is shown.
      text: own.includes('\ufffd') ? sliceCodePoints(text, start, end) : own,
      start,
      end,
      phrase: phraseOf[i] > 0 ? marked[phraseOf[i] - 1].number : 0,
    });
  }
  return { tokens, end: ids[responseLength - 1], warnings };
}

function textOf({ tokenizer, texts }: Cutter, id: number): string {
  let text = texts.get(id);
  if (text === undefined) texts.set(id, (text = tokenizer.decode([id])));
  return text;
}
