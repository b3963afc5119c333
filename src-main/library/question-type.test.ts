/** @file Types told from the words of question and answer. */
import { expect, test } from 'vitest';
import { inferQuestionType } from './question-type.ts';

test.each([
  ['Which way does it move?\n(A) right\n(B) up', '(B) up', 'multiple_choice'],
  ['Which way?\nA. right\nB. up', 'B', 'multiple_choice'],
  ['Options: A) left B) right', 'left', 'multiple_choice'],
  ['Is there a circle?', 'Yes', 'yes_no'],
  ['Is there a circle?', 'No, there is a square.', 'yes_no'],
  ['Is plan A. good?', 'Nothing of note happens in it.', 'open_ended'],
  ['What colour is it?', 'red', 'short'],
  ['What colour is it?', 'a very dark red', 'short'],
  ['What happens?', 'Northern lights move over the lake.', 'open_ended'],
])('%j -> %j is %s', (question, chosen, type) => {
  expect(inferQuestionType(question, chosen).value).toBe(type);
});

test('the reason names what it was told from', () => {
  expect(inferQuestionType('x\n(A) a\n(B) b\n(C) c', '(A)').reason).toBe(
    'the question lists the options A, B, C',
  );
});
