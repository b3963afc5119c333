/** @file For tests and benchmarks: the hand-labelled fixtures beside this file, and how proposals are scored against them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toUtf16 } from '../contract/text.ts';
import { QuestionType, type Span } from '../contract/schemas.ts';
import { proposePhrases } from './differences.ts';
import type { Judged, Verdict } from './judge.ts';

/** A text, and which of its words are marked: one flag a word, in order. */
type Marked = { text: string; marks: boolean[] };

/** A pair of answers with the differing words marked by hand. */
export type LabelledPair = { type: string; chosen: Marked; rejected: Marked };

/** The text of a fixture. */
export function fixture(name: string): string {
  return readFileSync(path.join(import.meta.dirname, 'fixtures', name), 'utf8');
}

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** Words of a text as UTF-16 ranges [start, end). */
function wordRanges(text: string): [number, number][] {
  return [...segmenter.segment(text)]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ index, segment }) => [index, index + segment.length]);
}

/** "The {red} ball" -> its text and marks. */
function parseMarked(line: string): Marked {
  let text = '';
  let inside = false;
  const covered: boolean[] = [];
  for (const char of line) {
    if (char === '{' || char === '}') {
      if (inside === (char === '{'))
        throw new Error(`fixture: expected "{" and "}" in turn, got another in: ${line}`);
      inside = !inside;
      continue;
    }
    text += char;
    for (let k = 0; k < char.length; k++) covered.push(inside);
  }
  if (inside) throw new Error(`fixture: expected "}" at the end of the mark, got none in: ${line}`);
  return { text, marks: wordRanges(text).map(([start]) => covered[start]) };
}

/** The pairs of `differences-<half>.txt`; its first lines say how they were labelled. */
export function labelledPairs(half: 'dev' | 'heldout'): LabelledPair[] {
  const pairs: LabelledPair[] = [];
  let type = '';
  let chosen: Marked | null = null;
  for (const line of fixture(`differences-${half}.txt`)
    .split('\n')
    .filter((l) => /^[#+-] /.test(l))) {
    if (type === '' && !line.startsWith('# ')) continue; // the list of rules at the top
    if (line.startsWith('# ')) type = line.slice(2);
    else if (line.startsWith('+ ')) chosen = parseMarked(line.slice(2));
    else {
      if (!chosen) throw new Error(`fixture: expected a preferred answer before: ${line}`);
      pairs.push({ type, chosen, rejected: parseMarked(line.slice(2)) });
      chosen = null;
    }
  }
  return pairs;
}

/** Words that are marked by both, by the proposal alone, and by hand alone. */
export type Overlap = { both: number; proposed: number; labelled: number };

function overlap({ text, marks }: Marked, spans: readonly (Span | null)[]): Overlap {
  const ranges = spans.flatMap((s) => (s ? [[toUtf16(text, s.start), toUtf16(text, s.end)]] : []));
  const out = { both: 0, proposed: 0, labelled: 0 };
  wordRanges(text).forEach(([start, end], i) => {
    const proposed = ranges.some(([from, to]) => start < to && end > from);
    if (proposed && marks[i]) out.both++;
    else if (proposed) out.proposed++;
    else if (marks[i]) out.labelled++;
  });
  return out;
}

/** The proposals for one pair against its labels, both answers together. */
export function scorePair({ chosen, rejected }: LabelledPair): Overlap {
  const phrases = proposePhrases(chosen.text, rejected.text);
  return sum([
    overlap(
      chosen,
      phrases.map((p) => p.chosen),
    ),
    overlap(
      rejected,
      phrases.map((p) => p.rejected),
    ),
  ]);
}

export function sum(parts: readonly Overlap[]): Overlap {
  return parts.reduce(
    (a, b) => ({
      both: a.both + b.both,
      proposed: a.proposed + b.proposed,
      labelled: a.labelled + b.labelled,
    }),
    { both: 0, proposed: 0, labelled: 0 },
  );
}

/** Precision, recall and their harmonic mean over words; 1 where there is nothing to find and nothing was proposed. */
export function f1({ both, proposed, labelled }: Overlap): { precision: number; recall: number; f1: number } {
  return {
    precision: both + proposed === 0 ? 1 : both / (both + proposed),
    recall: both + labelled === 0 ? 1 : both / (both + labelled),
    f1: both + proposed + labelled === 0 ? 1 : (2 * both) / (2 * both + proposed + labelled),
  };
}

/** An answer with the verdict that a careful person gives. */
export type LabelledAnswer = Judged & { verdict: Verdict };

/** The answers of `answers-<set>.txt` or `answers.txt`; the first lines of the file say how they are written. */
export function labelledAnswers(file = 'answers.txt'): LabelledAnswer[] {
  const out: LabelledAnswer[] = [];
  let type: QuestionType = 'short';
  let question: string[] = [];
  let reference: string | null = null;
  for (const line of fixture(file).split('\n').slice(2)) {
    if (line.startsWith('# ')) {
      type = QuestionType.parse(line.slice(2));
      question = [];
    } else if (line.startsWith('? ')) question.push(line.slice(2));
    else if (line.startsWith('= ')) reference = line.slice(2);
    else if (line !== '') {
      const [, verdict, answer] = /^(right|wrong|unparseable) *(.*)$/.exec(line) ?? [];
      if (verdict === undefined || reference === null)
        throw new Error(`fixture ${file}: expected a verdict and an answer, got: ${line}`);
      out.push({ type, question: question.join('\n'), reference, answer, verdict: verdict as Verdict });
    }
  }
  return out;
}
