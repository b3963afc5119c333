/** @file Each lint: what sets it off, what does not, and whether it keeps a pair from training. */
import { expect, test } from 'vitest';
import { LintCode } from '../contract/schemas.ts';
import { proposePhrases } from '../negatives/differences.ts';
import { lintPair, type LintInput } from './lints.ts';

const base: LintInput = {
  question: 'What does the red circle do in the clip?',
  type: 'open_ended',
  split: 'train',
  chosen: 'The red circle moves to the left.',
  rejected: 'The red circle moves to the right.',
  phrases: proposePhrases('The red circle moves to the left.', 'The red circle moves to the right.'),
};
const lints = (change: Partial<LintInput>): string[] => {
  const input = { ...base, ...change };
  if (!change.phrases) input.phrases = proposePhrases(input.chosen, input.rejected);
  return lintPair(input).map((l) => `${l.severity} ${l.code}`);
};

test('a good pair has none', () => {
  expect(lints({})).toEqual([]);
  expect(lints({ chosen: 'Yes', rejected: 'No', type: 'yes_no' })).toEqual([]);
  // Too little to tell a language, and the same language with few small words.
  expect(lints({ chosen: 'Der Hund', rejected: 'The cat' })).toEqual([]);
  expect(
    lints({
      chosen: 'El coche va hacia la casa y no para.',
      rejected: 'El coche va hacia la calle y no para.',
    }),
  ).toEqual([]);
  // English articles are small words of Portuguese, too.
  expect(
    lints({
      chosen: 'A blue square appears, a green triangle appears and a yellow circle moves down.',
      rejected: 'A blue triangle moves to the right, a green triangle moves to the right and it stays there.',
    }),
  ).toEqual([]);
  expect(lints({ chosen: '(A)', rejected: '(B)', type: 'multiple_choice' })).toEqual([]);
});

const whole = (text: string, other: string): LintInput['phrases'] => [
  {
    id: 'w',
    number: 1,
    origin: 'person',
    chosen: { start: 0, end: [...text].length, quote: text },
    rejected: { start: 0, end: [...other].length, quote: other },
  },
];

const CASES: [string, Partial<LintInput>, string[]][] = [
  ['identical-answers', { rejected: `${base.chosen} ` }, ['error identical-answers', 'error no-phrase']],
  [
    'empty-answer',
    { rejected: ' ', phrases: base.phrases.slice(0, 0) },
    ['error empty-answer', 'error no-phrase', 'warning length-gap'],
  ],
  ['no-phrase', { phrases: [] }, ['error no-phrase']],
  [
    'phrase-is-whole-answer',
    { phrases: whole(base.chosen, base.rejected) },
    ['warning phrase-is-whole-answer', 'warning phrase-is-whole-answer'],
  ],
  ['one-sided-phrases', { phrases: [{ ...base.phrases[0], rejected: null }] }, ['error one-sided-phrases']],
  [
    'one-sided-phrases',
    { phrases: [...base.phrases, { ...base.phrases[0], number: 2, rejected: null }] },
    ['warning one-sided-phrases'],
  ],
  [
    'lost-mark',
    { phrases: [{ ...base.phrases[0], chosen: { start: 3, end: 3, quote: '' } }] },
    ['error lost-mark'],
  ],
  ['lost-mark', { phrases: [{ ...base.phrases[0], chosen: null, rejected: null }] }, ['error lost-mark']],
  [
    'length-gap',
    {
      rejected:
        'The red circle moves to the right, then it goes up and down, and at last it leaves the picture.',
    },
    ['warning length-gap'],
  ],
  ['leaked-prompt', { rejected: 'The red circle moves to the right.<|im_end|>' }, ['error leaked-prompt']],
  ['leaked-prompt', { rejected: 'ASSISTANT: The red circle moves to the right.' }, ['error leaked-prompt']],
  ['leaked-prompt', { rejected: `${base.question} To the right.` }, ['warning leaked-prompt']],
  ['language-mismatch', { rejected: 'Красный круг движется вправо.' }, ['warning language-mismatch']],
  [
    'language-mismatch',
    {
      rejected: 'Der rote Kreis bewegt sich nicht, und die Kamera ist auf dem Tisch.',
      chosen: 'The red circle moves to the left, and then it is on the table.',
    },
    ['warning language-mismatch'],
  ],
  ['heldout-leak', { split: 'heldout' }, ['error heldout-leak']],
];

test.each(CASES)('%s', (code, change, expected) => {
  const found = lints(change);
  expect(found.map((l) => l.split(' ')[1])).toContain(code);
  for (const lint of expected) expect(found).toContain(lint);
});

test('every code of the contract is tried above', () => {
  expect([...new Set(CASES.map(([code]) => code))].sort()).toEqual([...LintCode.options].sort());
});
