/** @file The judge against hand-written answers: what people and models really write, and the traps. */
import { expect, test } from 'vitest';
import type { QuestionType } from '../contract/schemas.ts';
import { judge, parseYesNo } from './judge.ts';
import { normalText } from './normalize.ts';
import { parseChoice, parseOptions } from './options.ts';

const WAY = 'Which way does the red circle move?\n(A) left\n(B) right\n(C) up\n(D) down';
const DOES =
  'What does the blue square do?\n(A) moves to the left\n(B) stays still\n(C) appears\n(D) disappears';
const SEEN =
  'Which shape is seen first?\n(A) the red circle\n(B) the red square\n(C) the blue circle\n(D) the green triangle';
const ORDER = 'What happens?\nA. left then right\nB. left\nC. right';
const NOT =
  'What does he do?\n(A) opens the box\n(B) pretends to open the box without opening it\n(C) closes the box';

type Case = [answer: string, verdict: 'right' | 'wrong' | 'unparseable'];
const table: { type: QuestionType; question: string; reference: string; cases: Case[] }[] = [
  {
    type: 'multiple_choice',
    question: WAY,
    reference: '(B) right',
    cases: [
      ['(B) right', 'right'],
      ['B', 'right'],
      ['b', 'right'],
      ['(B)', 'right'],
      ['B.', 'right'],
      ['B) right', 'right'],
      ['B: right', 'right'],
      ['B right', 'right'],
      ['right', 'right'],
      ['To the right.', 'right'],
      ['The answer is B.', 'right'],
      ['The correct option is (B).', 'right'],
      ['Best option: (B) right', 'right'],
      ['Option B', 'right'],
      ['Right (B)', 'right'],
      ['**B**', 'right'],
      ['(A) left', 'wrong'],
      ['D', 'wrong'],
      ['The circle moves down.', 'wrong'],
      ['It goes leftwards', 'wrong'],
      ['The red circle moves.', 'unparseable'], // not option T
      ['A circle is moving.', 'unparseable'], // not option A
      ['A', 'wrong'],
      ['(B) left', 'unparseable'], // letter and text disagree, one of them is right
      ['(A) right', 'unparseable'],
      ['(A) down', 'wrong'], // they disagree, and neither is right
      ['(A) or (B)', 'unparseable'],
      ['A and B', 'unparseable'],
      ['left or right', 'unparseable'],
      ['E', 'unparseable'],
      ['(F) sideways', 'unparseable'],
      ['not right', 'unparseable'],
      ['', 'unparseable'],
      ['...', 'unparseable'],
      ['right right right right right', 'unparseable'],
    ],
  },
  {
    type: 'multiple_choice',
    question: DOES,
    reference: 'D',
    cases: [
      ['disappears', 'right'],
      ['It disappears.', 'right'],
      ['It vanishes', 'right'],
      ['appears', 'wrong'],
      ['The blue square stays still.', 'wrong'],
      ['(D) disappears', 'right'],
      ['Maybe it jumps', 'unparseable'],
    ],
  },
  {
    type: 'multiple_choice',
    question: SEEN,
    reference: '(A) the red circle',
    cases: [
      ['the red circle', 'right'],
      ['red circle', 'right'],
      ['the red square', 'wrong'],
      ['the red circle, then the blue circle', 'unparseable'],
      ['circle', 'unparseable'],
    ],
  },
  {
    type: 'multiple_choice',
    question: ORDER,
    reference: 'A',
    cases: [
      ['left then right', 'right'],
      ['left', 'wrong'],
      ['B.', 'wrong'],
    ],
  },
  {
    type: 'multiple_choice',
    question: NOT,
    reference: '(B)',
    cases: [
      ['He pretends to open the box without opening it', 'right'],
      ['He closes the box', 'wrong'],
    ],
  },
  {
    type: 'yes_no',
    question: 'Does the red circle move up?',
    reference: 'No',
    cases: [
      ['No', 'right'],
      ['no.', 'right'],
      ['No, it moves down.', 'right'],
      ['The answer is no.', 'right'],
      ['Yes', 'wrong'],
      ['yes, there is no other shape', 'wrong'],
      ['Yes and no', 'unparseable'],
      ['There is no circle', 'unparseable'],
      ['Nothing moves', 'unparseable'],
      ['It does', 'unparseable'],
    ],
  },
  {
    type: 'short',
    question: 'How many shapes are there?',
    reference: 'two',
    cases: [
      ['two', 'right'],
      ['2', 'right'],
      ['Two.', 'right'],
      ['There are two shapes.', 'right'],
      ['twenty-two', 'wrong'],
      ['three', 'wrong'],
      ['2 or 3', 'unparseable'],
      ['two red and one blue', 'wrong'],
      ['a few', 'wrong'],
      ['There are not two shapes.', 'wrong'],
    ],
  },
  {
    type: 'short',
    question: 'Which shape is red?',
    reference: 'the circle',
    cases: [
      ['circle', 'right'],
      ['A circle', 'right'],
      ['circles', 'right'],
      ['the red circle', 'right'],
      ['the circle and the square', 'wrong'],
      ['the square', 'wrong'],
      ['circular', 'wrong'],
    ],
  },
  {
    type: 'short',
    question: 'What colour is it?',
    reference: 'grey',
    cases: [
      ['gray', 'right'],
      ['It is Grey!', 'right'],
      ['green', 'wrong'],
    ],
  },
  {
    type: 'short',
    question: 'How many?',
    reference: '1,200',
    cases: [
      ['1200', 'right'],
      ['1200.0', 'right'],
      ['12', 'wrong'],
    ],
  },
  {
    type: 'short',
    question: 'Qui ?',
    reference: 'une chèvre',
    cases: [
      ['Une chèvre.', 'right'],
      ['un chien', 'wrong'],
    ],
  },
  {
    type: 'open_ended',
    question: 'What does the red circle do?',
    reference: 'The red circle moves to the left.',
    cases: [
      ['The red circle moves to the left.', 'right'],
      ['the red circle moves left', 'right'],
      ['A red circle is moving to the left', 'right'],
      ['In the video, the red circle goes leftwards.', 'right'],
      ['The red circle moves slowly to the left.', 'right'],
      ['The red circle moves to the right.', 'wrong'],
      ['The blue circle moves to the left.', 'wrong'],
      ['The red circle does not move to the left.', 'wrong'],
      ['The red circle moves to the left and up.', 'wrong'],
      ['The circle moves.', 'wrong'],
      ['It is a video of that.', 'unparseable'],
      ['the the the the the', 'unparseable'],
    ],
  },
  {
    type: 'open_ended',
    question: 'Describe the video.',
    reference: 'A red circle moves to the left and a blue square stays still.',
    cases: [
      ['A blue square stays still and a red circle moves to the left.', 'right'],
      ['A red circle moves to the left, a blue square remains still.', 'right'],
      ['A red circle stays still and a blue square moves to the left.', 'wrong'],
      ['A red circle moves to the left.', 'wrong'],
      ['A red circle moves to the left, a blue square stays still and a green triangle appears.', 'wrong'],
    ],
  },
  {
    type: 'open_ended',
    question: 'What are they doing?',
    reference: 'A group of people playing soccer on a sandy field.',
    cases: [
      ['A group of people playing soccer on a sandy field', 'right'],
      ['A group of people playing volleyball on a sandy beach', 'wrong'],
      ['The group of people is playing soccer on a sandy field', 'right'],
    ],
  },
];

const count = table.reduce((sum, { cases }) => sum + cases.length, 0);

test(`${count} hand-written answers get the verdict a careful person gives`, () => {
  expect(count).toBeGreaterThanOrEqual(90);
  const disagreements = table.flatMap(({ type, question, reference, cases }) =>
    cases.flatMap(([answer, verdict]) => {
      const got = judge({ type, question, reference, answer });
      return got.verdict === verdict
        ? []
        : [
            `${type} "${answer}" (reference "${reference}"): expected ${verdict}, got ${got.verdict}: ${got.reason}`,
          ];
    }),
  );
  expect(disagreements).toEqual([]);
});

test('every verdict says why, and a reference that names nothing is told as such', () => {
  expect(judge({ type: 'multiple_choice', question: WAY, reference: 'sideways', answer: 'B' })).toEqual({
    verdict: 'unparseable',
    reason: 'the preferred answer names no option: neither an option letter nor the text of an option',
  });
  expect(judge({ type: 'yes_no', question: '?', reference: 'maybe', answer: 'yes' }).verdict).toBe(
    'unparseable',
  );
  expect(judge({ type: 'short', question: '?', reference: 'two', answer: 'two and three' }).reason).toBe(
    'also says "3"',
  );
});

test('options are read from lines, from one line, and not from prose', () => {
  expect(parseOptions(WAY).map((o) => `${o.letter}=${o.text}`)).toEqual([
    'A=left',
    'B=right',
    'C=up',
    'D=down',
  ]);
  expect(parseOptions('Which? (A) red (B) light blue (C) green')).toEqual([
    { letter: 'A', text: 'red' },
    { letter: 'B', text: 'light blue' },
    { letter: 'C', text: 'green' },
  ]);
  expect(parseOptions('Question: Who?\nOptions:\nA. a man\nB. a woman')).toHaveLength(2);
  expect(parseOptions('A. Smith walks in. What does he do?')).toEqual([]);
  expect(parseOptions('B) first\nA) second')).toEqual([]);
});

test('the official evaluation takes the first letter of anything; this one does not', () => {
  expect(parseChoice('The man opens the door', []).letter).toBeNull();
  expect(parseChoice('A man opens the door', []).letter).toBeNull();
  expect(parseChoice('(H) Pretending to open', []).letter).toBe('H');
});

test('yes and no', () => {
  expect(['Yes.', 'NO!', 'yes it does', 'not yet', 'yesterday'].map(parseYesNo)).toEqual([
    'yes',
    'no',
    'yes',
    null,
    null,
  ]);
});

test('normal form', () => {
  expect(normalText('The Twenty-one BOXES, a child’s toys')).toBe("21 box child's toy");
  expect(normalText('two  geese')).toBe(normalText('2 goose'));
});
