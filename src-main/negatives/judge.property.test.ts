/** @file What holds for any answer: the judge never throws, never guesses a letter out of prose, and does not care how things are written. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QuestionType } from '../contract/schemas.ts';
import { judge } from './judge.ts';
import { normalText } from './normalize.ts';
import { parseChoice, parseOptions } from './options.ts';
import { applySynonyms } from './synonyms.ts';

const TEXTS = [
  'opens the door',
  'closes the door',
  'eats an apple',
  'rides a horse',
  'plays chess',
  'sleeps',
];
const LETTERS = ['A', 'B', 'C', 'D', 'E', 'F'];
const QUESTION = `What does she do?\n${TEXTS.map((text, i) => `(${LETTERS[i]}) ${text}`).join('\n')}`;
const OPTIONS = parseOptions(QUESTION);
const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });
const index = fc.integer({ min: 0, max: TEXTS.length - 1 });

test('any texts of any type get a verdict with a reason', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...QuestionType.options),
      anyText,
      anyText,
      anyText,
      (type, question, reference, answer) => {
        const { verdict, reason } = judge({ type, question, reference, answer });
        expect(['right', 'wrong', 'unparseable']).toContain(verdict);
        expect(reason).not.toBe('');
      },
    ),
  );
});

test('an option is found however its letter is written, and only that one is right', () => {
  const forms: ((letter: string, text: string) => string)[] = [
    (l) => l,
    (l) => l.toLowerCase(),
    (l) => `(${l})`,
    (l) => `[${l}]`,
    (l) => `${l}.`,
    (l) => `${l})`,
    (l) => `**${l}**`,
    (l, t) => `(${l}) ${t}`,
    (l, t) => `${l}. ${t}`,
    (l, t) => `${l}: ${t}`,
    (l, t) => `${l} ${t}`,
    (_, t) => t,
    (_, t) => `She ${t}.`,
    (l) => `The answer is ${l}.`,
    (l) => `The correct option is (${l})`,
    (l) => `Answer: ${l}`,
    (l) => `Option ${l}`,
    (l, t) => `${t} (${l})`,
  ];
  fc.assert(
    fc.property(index, index, fc.constantFrom(...forms), (gold, said, form) => {
      const item = {
        type: 'multiple_choice' as const,
        question: QUESTION,
        reference: `(${LETTERS[gold]}) ${TEXTS[gold]}`,
        answer: form(LETTERS[said], TEXTS[said]),
      };
      expect(judge(item)).toMatchObject({ verdict: gold === said ? 'right' : 'wrong' });
    }),
  );
});

test('prose that begins with "The", "A", "I" or any other word names no letter', () => {
  const word = fc.constantFrom(
    'man',
    'lady',
    'Boy',
    'camera',
    'is',
    'there',
    'walks',
    'I',
    'a',
    'the',
    'Eventually',
    'Both',
  );
  fc.assert(
    fc.property(
      fc.constantFrom('The', 'A', 'An', 'I', 'Because', 'Each', 'Do', 'Both'),
      fc.array(word, { minLength: 1, maxLength: 8 }),
      (first, rest) => {
        expect(parseChoice([first, ...rest].join(' '), OPTIONS).letter).toBeNull();
      },
    ),
  );
});

test('two different letters are no answer', () => {
  const joint = fc.constantFrom(' or ', ' and ', ', ', '/', ' & ');
  fc.assert(
    fc.property(index, index, joint, fc.boolean(), (a, b, between, brackets) => {
      fc.pre(a !== b);
      const letter = (k: number): string => (brackets ? `(${LETTERS[k]})` : LETTERS[k]);
      expect(parseChoice(letter(a) + between + letter(b), OPTIONS).letter).toBeNull();
    }),
  );
});

test('yes and no: right exactly when they agree, in any case and with any punctuation', () => {
  const said = fc.constantFrom('yes', 'no');
  const style = fc.constantFrom(
    (s: string) => s,
    (s: string) => s.toUpperCase(),
    (s: string) => `${s}.`,
    (s: string) => `${s}, it is so`,
    (s: string) => `The answer is ${s}`,
  );
  fc.assert(
    fc.property(said, said, style, (gold, answer, form) => {
      const { verdict } = judge({ type: 'yes_no', question: '?', reference: gold, answer: form(answer) });
      expect(verdict).toBe(gold === answer ? 'right' : 'wrong');
    }),
  );
});

test('short answers: numbers as digits or words; case, space and articles do not count', () => {
  const ONES = 'zero one two three four five six seven eight nine'.split(' ');
  fc.assert(
    fc.property(fc.nat(9), fc.nat(9), (gold, said) => {
      const { verdict } = judge({
        type: 'short',
        question: 'How many?',
        reference: String(gold),
        answer: ONES[said],
      });
      expect(verdict).toBe(gold === said ? 'right' : 'wrong');
    }),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      expect(normalText(`  The ${text.toLowerCase()} `)).toBe(normalText(text));
    }),
  );
  // One letter of three shapes, two of them in small: at the end of a word, and elsewhere.
  expect(normalText('ΟΔΟΣ')).toBe(normalText('οδοϲ'));
});

test('synonyms make answers the same in every type, and nothing else changes', () => {
  const synonyms = [['truck', 'lorry', 'heavy goods vehicle']];
  const told = (type: 'short' | 'open_ended', reference: string, answer: string) =>
    judge({ type, question: '?', reference, answer }, synonyms);
  expect(told('short', 'a truck', 'Lorries').verdict).toBe('right');
  expect(told('short', 'a truck', 'the heavy goods vehicle').reason).toContain('heavy goods vehicle = truck');
  expect(told('short', 'a truck', 'a car').verdict).toBe('wrong');
  expect(told('open_ended', 'A lorry stops.', 'A truck stops.').verdict).toBe('right');
  fc.assert(
    fc.property(anyText, (text) => {
      expect(applySynonyms(text, [['zebra', 'quagga']])).toEqual({ text, used: [] });
    }),
  );
});
