/** @file The judge against hand-written answers: what people and models really write, and the traps. */
import { expect, test } from 'vitest';
import { judge, parseYesNo } from './judge.ts';
import { normalText } from './normalize.ts';
import { parseChoice, parseOptions } from './options.ts';
import { labelledAnswers } from './testing.ts';

const WAY = 'Which way does the red circle move?\n(A) left\n(B) right\n(C) up\n(D) down';
const count = labelledAnswers().length;

test(`${count} hand-written answers get the verdict a careful person gives`, () => {
  expect(count).toBeGreaterThanOrEqual(120);
  const disagreements = labelledAnswers().flatMap((item) => {
    const got = judge(item);
    return got.verdict === item.verdict
      ? []
      : [
          `${item.type} "${item.answer}" (reference "${item.reference}"): expected ${item.verdict}, got ${got.verdict}: ${got.reason}`,
        ];
  });
  expect(disagreements).toEqual([]);
});

test('open answers that were never tuned on: at least 85 % as a careful person says', () => {
  const items = labelledAnswers('answers-heldout.txt').map((item) => ({ ...item, got: judge(item).verdict }));
  expect(items.length).toBeGreaterThanOrEqual(40);
  // 39 of 42 when this was written; two wrong ones were taken for right ("the fifth floor", "while the sun shines").
  expect(items.filter((item) => item.got === item.verdict).length / items.length).toBeGreaterThanOrEqual(
    0.85,
  );
  expect(items.filter((item) => item.verdict === 'wrong' && item.got === 'right').length).toBeLessThanOrEqual(
    2,
  );
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

test.each([
  // What it says already is wrong, or right, whatever would have come.
  ['open_ended', 'It moves to the left.', 'It moves to the right and then sta', 'wrong'],
  ['open_ended', 'It moves to the left.', 'It moves to the left and stays the', 'right'],
  ['short', 'red', 'The color of it is blue and it looks li', 'wrong'],
  ['short', 'red', 'The color of it is red and it look', 'right'],
  ['yes_no', 'yes', 'No, there is no circle in the vid', 'wrong'],
  // It had not come to what was asked.
  ['open_ended', 'A man opens a door and a dog runs out.', 'A man opens a door and a do', 'unparseable'],
  ['open_ended', '红色的圆向左移动，然后停下', '红色的圆向左移动', 'unparseable'],
  ['short', 'red', 'The color of the large circle in the vide', 'unparseable'],
  // The last word may be half of one.
  ['open_ended', 'It moves to the left.', 'It moves to the lef', 'unparseable'],
] as const)('cut off, %s "%s": "%s" is %s', (type, reference, answer, verdict) => {
  const item = { type, question: 'What does it do?', reference, answer };
  expect(judge({ ...item, cut: true }).verdict).toBe(verdict);
  // One that was let finish is judged by what it says.
  expect(judge(item).verdict).toBe(verdict === 'unparseable' ? 'wrong' : verdict);
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
