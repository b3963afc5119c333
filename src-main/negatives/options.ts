/**
 * @file Which option of a multiple-choice question an answer names. Strict: a letter counts only where it is written as an option
 * ("B", "(B)", "B.", "B: red", "the answer is B"), so "The ..." is not option T and "A man ..." is not option A.
 */
import { findRun, negates, normalText, normalWords } from './normalize.ts';

/** One option as the question lists it. */
export type Option = { letter: string; text: string };

/** The option an answer names, or null with the reason. */
export type OptionChoice = {
  letter: string | null;
  reason: string;
  /** The options that the letter and the text name, when these are two different ones. */
  conflict?: readonly [letter: string, text: string];
};

/**
 * The options listed in a question, in order: lines such as `(A) red`, `A. red`, `A) red`, `A: red`, or all of them on one line.
 * Letters must run A, B, C, ... so that a sentence beginning with "A." is not taken for a list.
 */
export function parseOptions(question: string): Option[] {
  const lines = [...question.matchAll(/^[ \t]*(?:\(([A-Z])\)|([A-Z])[.):])[ \t]*(.+?)[ \t]*$/gmu)];
  const byLine = inOrder(lines.map((m) => ({ letter: m[1] ?? m[2], text: m[3] })));
  if (byLine.length >= 2 && byLine.every((o) => !/\([A-Z]\)/.test(o.text))) return byLine;
  const inline = [...question.matchAll(/\(([A-Z])\)\s*([^()]+?)\s*[,;]?\s*(?=\([A-Z]\)|$)/gu)];
  const inOneLine = inOrder(inline.map((m) => ({ letter: m[1], text: m[2] })));
  return inOneLine.length >= 2 ? inOneLine : [];
}

function inOrder(options: Option[]): Option[] {
  return options.every((o, i) => o.letter === String.fromCharCode(65 + i)) ? options : [];
}

/** A sentence that introduces a choice, up to the choice itself. */
const LEAD =
  /^(?:so |therefore,? |thus,? )?(?:i (?:think|believe|guess)(?: that)? )?(?:it is |it's )?(?:the |my )?(?:(?:best|correct|right|final) )?(?:answer|option|choice)(?: is| would be|:)?(?: option)?:?\s+/i;

/** Names one option from an answer, or says why it cannot. `options` may be empty when the question lists none. */
export function parseChoice(answer: string, options: readonly Option[]): OptionChoice {
  const known = options.length > 0 ? options.map((o) => o.letter) : [...'ABCDEFGHIJ'];
  const text = answer
    .trim()
    .replace(/^["'`*]+|["'`*]+$/g, '')
    .replaceAll(/\[([A-Za-z])\]/g, '($1)')
    .trim();
  if (text === '') return { letter: null, reason: 'the answer is empty' };

  const several = distinct([...text.matchAll(/\(([A-Za-z])\)/g)].map((m) => m[1].toUpperCase()));
  if (several.length > 1) return { letter: null, reason: `names several options: ${several.join(', ')}` };
  const pair = /^\(?([A-Z])\)?\s*(?:,|\/|&|and|or)\s*\(?([A-Z])\)?[.!]?$/.exec(text);
  if (pair !== null) return { letter: null, reason: `names several options: ${pair[1]}, ${pair[2]}` };

  const lead = LEAD.exec(text);
  const rest = lead === null ? text : text.slice(lead[0].length);
  const stated = statedLetter(rest, options);
  if (stated !== null) {
    const also = /^(?:and|or|&|\/)\s*\(?([A-Z])\b/.exec(stated.text);
    if (also !== null) return { letter: null, reason: `names several options: ${stated.letter}, ${also[1]}` };
    if (!known.includes(stated.letter))
      return { letter: null, reason: `names option ${stated.letter}, which the question does not have` };
    const named = options.filter(
      (o) => o.letter !== stated.letter && normalText(o.text) === normalText(stated.text),
    );
    if (stated.text !== '' && named.length > 0)
      return {
        letter: null,
        reason: `letter ${stated.letter} but the text of option ${named[0].letter}`,
        conflict: [stated.letter, named[0].letter],
      };
    return { letter: stated.letter, reason: `option letter ${stated.letter}` };
  }
  // "Blue (B)": the letter in brackets behind the text.
  if (several.length === 1 && known.includes(several[0]) && /\([A-Za-z]\)[.!]?$/.test(text))
    return { letter: several[0], reason: `option letter ${several[0]} in brackets` };
  return byText(rest, options);
}

/** The letters of an answer that is a list of options, "A, C" or "(A) running, (C) sleeping", in order as "AC"; null for any other. */
export function parseSeveral(answer: string, options: readonly Option[]): string | null {
  const known = options.length > 0 ? options.map((o) => o.letter) : [...'ABCDEFGHIJ'];
  const bare = /^\(?[A-Z]\)?(?:\s*(?:,|\/|&|and)\s*\(?[A-Z]\)?)+[.!]?$/.test(answer.trim());
  const found = [...answer.matchAll(bare ? /\b([A-Z])\b/g : /\(([A-Z])\)/g)].map((m) => m[1]);
  const letters = distinct(found).sort();
  return letters.length > 1 && letters.every((letter) => known.includes(letter)) ? letters.join('') : null;
}

/** A letter written as an option at the beginning of `text`, and what follows it. */
function statedLetter(text: string, options: readonly Option[]): Option | null {
  const alone = /^(?:option\s+)?\(?([A-Za-z])\)?[.):,!]?$/i.exec(text);
  if (alone !== null) return { letter: alone[1].toUpperCase(), text: '' };
  const bracketed = /^(?:option\s+)?\(([A-Za-z])\)\s*[.:,-]?\s*(.*)$/isu.exec(text);
  if (bracketed !== null) return { letter: bracketed[1].toUpperCase(), text: bracketed[2] };
  const pointed = /^(?:option\s+)?([A-Z])\s*[.):]\s*(\S.*)$/su.exec(text);
  // "A. Smith ..." is a name unless the text after the letter has a space or the option's own words; brackets need neither.
  if (pointed !== null) return { letter: pointed[1], text: pointed[2] };
  // "B red": a bare letter counts only before exactly its own option's text.
  const bare = /^([A-Z])\s+(\S.*)$/su.exec(text);
  if (bare !== null) {
    const option = options.find((o) => o.letter === bare[1]);
    if (option !== undefined && normalText(option.text) === normalText(bare[2]))
      return { letter: bare[1], text: bare[2] };
  }
  const named = /^option\s+([A-Za-z])\b/i.exec(text);
  return named === null ? null : { letter: named[1].toUpperCase(), text: '' };
}

/** The one option whose text the answer is, or contains as whole words. */
function byText(answer: string, options: readonly Option[]): OptionChoice {
  if (options.length === 0)
    return { letter: null, reason: 'no option letter, and the question lists no options' };
  const said = normalWords(answer);
  const equal = options.filter((o) => normalText(o.text) === said.join(' '));
  if (equal.length === 1) return { letter: equal[0].letter, reason: `text of option ${equal[0].letter}` };
  if (negates(said) && !options.some((o) => negates(normalWords(o.text))))
    return { letter: null, reason: 'denies something instead of naming an option' };
  // An option inside a longer option that is also there ("left" in "left then right") does not count by itself.
  const found = options
    .map((o) => ({ letter: o.letter, run: normalWords(o.text) }))
    .filter(({ run }) => findRun(said, run) >= 0);
  const longest = found.filter(
    (f) => !found.some((g) => g.run.length > f.run.length && findRun(g.run, f.run) >= 0),
  );
  if (longest.length === 1)
    return { letter: longest[0].letter, reason: `contains the text of option ${longest[0].letter}` };
  return longest.length === 0
    ? { letter: null, reason: 'neither an option letter nor the text of an option' }
    : {
        letter: null,
        reason: `contains the text of several options: ${longest.map((f) => f.letter).join(', ')}`,
      };
}

function distinct<T>(items: T[]): T[] {
  return [...new Set(items)];
}
