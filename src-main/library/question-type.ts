/** @file Tells the type of a question from its words where the file does not say it. */
import type { QuestionType } from '../contract/schemas.ts';

const OPTION = /(?:^|[\s(])\(?([A-H])[).:]\s+\S/g;
const SHORT_WORDS = 4;

/** The type and what it was told from. */
export function inferQuestionType(question: string, chosen: string): { value: QuestionType; reason: string } {
  const letters = new Set([...question.matchAll(OPTION)].map((match) => match[1]));
  if (letters.has('A') && letters.has('B'))
    return { value: 'multiple_choice', reason: `the question lists the options ${[...letters].join(', ')}` };
  const first = /^\p{L}+/u.exec(chosen.trim())?.[0].toLowerCase();
  if (first === 'yes' || first === 'no')
    return { value: 'yes_no', reason: `the answer begins with "${first}"` };
  const words = chosen.trim().split(/\s+/u).length;
  if (words <= SHORT_WORDS) return { value: 'short', reason: `the answer has ${words} words` };
  return { value: 'open_ended', reason: `the answer has ${words} words` };
}
