/** @file Exactly which tokens the loss will reward: the answers as the project's model cuts them, marked as training marks them. */
import path from 'node:path';
import { answerFormat, encodeAnswer, type AnswerFormat } from '../align/encode-pair.ts';
import type { Phrase, Span } from '../contract/schemas.ts';
import { codePointLength, sliceCodePoints } from '../contract/text.ts';
import type { z } from 'zod';
import type { TokenMark, TokenTruth } from '../contract/schemas.ts';
import { openChatTemplate } from '../models/chat-template.ts';
import { readJson } from '../models/checkpoint.ts';
import { parseModelConfig } from '../models/config.ts';
import { openTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import { lostMark } from '../pairs/lints.ts';

type Cutter = { tokenizer: TextTokenizer; format: AnswerFormat };
type Side = 'chosen' | 'rejected';
type Marks = z.infer<typeof TokenMark>[];
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
  const warnings: string[] = [];
  return {
    chosen: cut(cutter, pair.chosen, pair.phrases, 'chosen', warnings),
    rejected: cut(cutter, pair.rejected, pair.phrases, 'rejected', warnings),
    warnings,
  };
}

async function openCutter(modelDir: string): Promise<Cutter> {
  const file = path.join(modelDir, 'config.json');
  const config = parseModelConfig(
    await readJson(file, 'Choose the folder that the checkpoint was downloaded to.'),
    file,
  );
  const [tokenizer, template] = await Promise.all([openTokenizer(modelDir), openChatTemplate(modelDir)]);
  return { tokenizer, format: answerFormat(template, config) };
}

function cut(
  { tokenizer, format }: Cutter,
  text: string,
  phrases: readonly Phrase[],
  side: Side,
  warnings: string[],
): Marks {
  const marked: { number: number; span: Span }[] = [];
  for (const { number, [side]: span } of phrases) {
    if (!span) continue;
    if (lostMark(text, span) === null) marked.push({ number, span });
    else warnings.push(`Phrase ${number} lost its mark in the ${NAMES[side]} answer: it rewards no token.`);
  }
  const { ids, phraseOf, uncovered } = encodeAnswer(
    tokenizer,
    format,
    text,
    marked.map((m) => m.span),
  );
  for (const k of uncovered)
    warnings.push(`Phrase ${marked[k].number} covers no token of the ${NAMES[side]} answer.`);
  const lead = codePointLength(format.lead);
  const length = codePointLength(text);
  const { offsets } = tokenizer.encode(format.lead + text + format.closing, { addSpecialTokens: false });
  const out: Marks = [];
  for (const [i, [from, to]] of offsets.entries()) {
    const start = Math.max(0, from - lead);
    const end = Math.min(length, to - lead);
    if (end <= start) continue; // what the template writes around the answer
    const own = tokenizer.decode([ids[i]]);
    out.push({
      id: ids[i],
      // A token that is part of a character has no text of its own: the character is shown.
      text: own.includes('\ufffd') ? sliceCodePoints(text, start, end) : own,
      start,
      end,
      phrase: phraseOf[i] > 0 ? marked[phraseOf[i] - 1].number : 0,
    });
  }
  return out;
}
