/** @file Errors in one line: what happened and what to do are two sentences, whatever the first ends in. */
import { expect, test } from 'vitest';
import { inWords, sentence } from './errors.ts';

test('a message that ends in what was found is closed before the hint follows', () => {
  const hint = 'Choose another one.';
  expect(inWords({ message: 'model: got none in /m', hint })).toBe(
    'model: got none in /m. Choose another one.',
  );
  expect(inWords({ message: 'It is gone.', hint })).toBe('It is gone. Choose another one.');
  expect(inWords({ message: 'Why?', hint })).toBe('Why? Choose another one.');
  expect(inWords({ message: 'Cancelled', hint: '' })).toBe('Cancelled');
  expect(sentence(new Error('boom'))).toBe('boom');
});
