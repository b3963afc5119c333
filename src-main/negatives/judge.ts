/**
 * @file Is an answer right, wrong, or not to be read? One rule per question type, documented in README.md beside this file. The
 * rules are strict on purpose: what they cannot read is counted as unparseable and shown, never guessed.
 */
import type { QuestionType } from '../contract/schemas.ts';
import { kindOf, sentenceKindOf } from './kinds.ts';
import { findRun, negates, normalText, normalWords, words } from './normalize.ts';
import { parseChoice, parseOptions, parseSeveral, type Option } from './options.ts';
import { similarity } from './similarity.ts';
import { applySynonyms, type Synonyms } from './synonyms.ts';

export type Verdict = 'right' | 'wrong' | 'unparseable';
/** A verdict and why, in words for the list of answers. */
export type Judgement = { verdict: Verdict; reason: string };

/** What is judged: the question as put, the reference (preferred) answer, and the model's answer. `cut`: it was not let finish. */
export type Judged = {
  type: QuestionType;
  question: string;
  reference: string;
  answer: string;
  cut?: boolean;
};

/** As found in the words alone; `lacks`: wrong for nothing but what it does not say. */
type Found = Judgement & { lacks?: true };

/** Judges one answer. Deterministic: the same texts always get the same verdict. `synonyms` are the user's own. */
export function judge(item: Judged, synonyms: Synonyms = []): Judgement {
  const reference = applySynonyms(item.reference, synonyms);
  const answer = applySynonyms(item.answer, synonyms);
  const question = applySynonyms(item.question, synonyms);
  const used = [...new Set([...reference.used, ...answer.used])];
  const found = judgeWords({
    type: item.type,
    question: question.text,
    reference: reference.text,
    answer: item.cut === true ? wholeWords(answer.text) : answer.text,
  });
  // What an answer lacks may have been about to come.
  const { verdict, reason } =
    item.cut === true && found.lacks === true ? unreadable(`${found.reason} so far`) : found;
  return {
    verdict,
    reason: used.length === 0 ? reason : `${reason} (with your synonyms: ${used.join(', ')})`,
  };
}

/** A text that was cut off without its last word, which may be half a word; one word alone stays. */
const wholeWords = (text: string): string => text.replace(/(?<=\S)\s+\S+$/u, '');

function judgeWords(item: Judged): Found {
  const empty = words(item.answer).length === 0;
  if (empty) return { verdict: 'unparseable', reason: 'the answer is empty' };
  if (stutters(words(item.answer)))
    return { verdict: 'unparseable', reason: 'the answer repeats itself without end' };
  switch (item.type) {
    case 'multiple_choice':
      return judgeChoice(item);
    case 'yes_no':
      return judgeYesNo(item);
    case 'short':
      return judgeShort(item);
    case 'open_ended':
      return judgeOpen(item);
    default:
      return item.type satisfies never;
  }
}

/** A run of one to four words four times in a row: a small model that got stuck. */
function stutters(said: readonly string[]): boolean {
  for (let length = 1; length <= 4; length++)
    for (let i = 0; i + 4 * length <= said.length; i++) {
      const repeats = said.slice(i, i + 3 * length).every((word, k) => word === said[i + length + k]);
      if (repeats) return true;
    }
  return false;
}

const compare = (same: boolean, reason: string): Judgement => ({ verdict: same ? 'right' : 'wrong', reason });
const lacking = (reason: string): Found => ({ verdict: 'wrong', reason, lacks: true });
const unreadable = (reason: string): Judgement => ({ verdict: 'unparseable', reason });

// ---------------------------------------------------------------------------------------------- multiple choice

function judgeChoice({ question, reference, answer }: Judged): Judgement {
  const options = parseOptions(question);
  const several = parseSeveral(reference, options);
  if (several !== null) return judgeSeveral(several, answer, options);
  const gold = parseChoice(reference, options);
  if (gold.letter === null) return unreadable(`the preferred answer names no option: ${gold.reason}`);
  const said = parseChoice(answer, options);
  // Letter and text that name two options cannot be right; they are wrong when neither is the preferred one.
  if (said.conflict !== undefined && !said.conflict.includes(gold.letter))
    return compare(false, `${said.reason}; preferred: ${gold.letter}`);
  if (said.letter === null) return unreadable(said.reason);
  return compare(said.letter === gold.letter, `${said.reason}; preferred: ${gold.letter}`);
}

/** A question of which several options are right: all of them and no other have to be named. */
function judgeSeveral(gold: string, answer: string, options: readonly Option[]): Judgement {
  const one = parseChoice(answer, options);
  const said = parseSeveral(answer, options) ?? one.letter;
  return said === null
    ? unreadable(one.reason)
    : compare(said === gold, `options ${said}; preferred: ${gold}`);
}

// ---------------------------------------------------------------------------------------------- yes or no

/** 'yes' or 'no' when the answer begins with it or states it as the answer; null when it does neither or both. */
export function parseYesNo(answer: string): 'yes' | 'no' | null {
  const said = words(answer).join(' ');
  if (/^(?:yes|no) (?:and|or) (?:yes|no)\b/.test(said)) return null;
  const stated = /^(?:(?:the |my )?(?:correct |final )?answer (?:is |would be )?)?(yes|no)\b/.exec(said);
  return stated === null ? null : (stated[1] as 'yes' | 'no');
}

function judgeYesNo({ reference, answer }: Judged): Judgement {
  const gold = parseYesNo(reference);
  if (gold === null) return unreadable('the preferred answer is neither yes nor no');
  const said = parseYesNo(answer);
  if (said === null) return unreadable('begins with neither yes nor no');
  return compare(said === gold, `says ${said}; preferred: ${gold}`);
}

// ---------------------------------------------------------------------------------------------- short answers

function judgeShort({ reference, answer }: Judged): Found {
  const gold = normalWords(reference);
  const said = normalWords(answer);
  if (gold.length === 0) return unreadable('the preferred answer is empty');
  if (said.join(' ') === gold.join(' ')) return compare(true, 'the same after normalising');
  if (words(answer).includes('or')) return unreadable('names alternatives');
  if (negates(said) !== negates(gold)) return compare(false, 'one of the two denies');
  const at = findRun(said, gold);
  // "red and blue" is not "red"; "the red one on the left" is.
  const kinds = new Set(gold.map(kindOf));
  const other = said.find((word, i) => {
    const kind = kindOf(word);
    return (i < at || i >= at + gold.length) && kind !== undefined && kinds.has(kind) && !gold.includes(word);
  });
  if (at < 0) {
    const reason = `does not contain "${gold.join(' ')}"`;
    return other === undefined ? lacking(reason) : compare(false, reason);
  }
  if (other !== undefined) return compare(false, `also says "${other}"`);
  return compare(true, `contains "${gold.join(' ')}"`);
}

// ---------------------------------------------------------------------------------------------- open-ended answers

/** The least likeness of an answer that says the same; set on the answers of `fixtures/answers.txt`. */
const LIKE_ENOUGH = 0.75;

/** Words that carry no concept. */
const STOP = new Set(
  'is are was were be been being am do does did has have had it its this that these those there here of in on at to from by with for and or as then while so very also just only which who what when where how can will would their his her they he she we you i video clip scene shown show seen see one'.split(
    ' ',
  ),
);

/** Content words of each clause, in order within the clause. */
function clauses(text: string): string[][] {
  return text
    .split(/[,;.!?\n]+|\band\b|\bwhile\b/iu)
    .map((clause) => normalWords(clause).filter((word) => !STOP.has(word)))
    .filter((clause) => clause.length > 0);
}

/** The words of `whole` that are left when `part` is taken out in order; null when it is not in there. */
function leftover(whole: readonly string[], part: readonly string[]): string[] | null {
  const rest: string[] = [];
  let taken = 0;
  for (const word of whole) {
    if (taken < part.length && word === part[taken]) taken++;
    else rest.push(word);
  }
  return taken === part.length ? rest : null;
}

/**
 * Each clause of the reference must be found, its content words in order, in a clause of its own in the answer: "A and B" equals
 * "B and A", but what is said of A is not taken for B. At most one word in four may be added, and none that denies, counts or
 * belongs to {@link KINDS}.
 */
function judgeOpen({ reference, answer }: Judged): Found {
  if (normalText(answer) === normalText(reference)) return compare(true, 'the same after normalising');
  const strict = judgeClauses(reference, answer);
  // What the strict comparison finds wrong may be said in other words; the likeness of meaning knows English only.
  if (strict.verdict !== 'wrong' || !/^[\p{Script=Latin}\P{L}]*$/u.test(reference)) return strict;
  const alike = similarity(reference, answer);
  if (alike === null) return strict;
  const score = `likeness ${alike.score.toFixed(2)}`;
  if (alike.contradictions.length > 0) return compare(false, `${alike.contradictions.join('; ')} (${score})`);
  if (alike.unsaid !== '') return lacking(`says nothing of "${alike.unsaid}" (${score})`);
  if (alike.score >= LIKE_ENOUGH) return compare(true, `${score}, nothing contradicts`);
  return alike.missing.length > 0
    ? lacking(`${score}, lacks "${alike.missing.join(' ')}"`)
    : compare(false, `${score}, ${strict.reason}`);
}

function judgeClauses(reference: string, answer: string): Found {
  const gold = clauses(reference);
  const said = clauses(answer);
  if (gold.length === 0) return unreadable('the preferred answer names nothing');
  if (said.length === 0) return unreadable('the answer names nothing that can be compared');
  const added: string[] = [];
  for (const clause of gold) {
    const fits = said
      .map((candidate, i) => ({ i, rest: leftover(candidate, clause) }))
      .filter((fit): fit is { i: number; rest: string[] } => fit.rest !== null)
      .sort((a, b) => a.rest.length - b.rest.length);
    if (fits.length === 0) return lacking(`lacks "${clause.join(' ')}"`);
    added.push(...fits[0].rest);
    said.splice(fits[0].i, 1);
  }
  added.push(...said.flat());
  const alien = added.find((word) => sentenceKindOf(word) !== undefined || negates([word]));
  if (alien !== undefined) return compare(false, `adds "${alien}"`);
  if (added.length > Math.floor(gold.flat().length / 4)) return compare(false, `adds "${added.join(' ')}"`);
  return compare(
    true,
    added.length === 0 ? 'the same content words' : `the same content words, and "${added.join(' ')}"`,
  );
}
