/** @file Progress, results, tables and exit codes. */
import { expect, test } from 'vitest';
import type { Job } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { Output, exitCodeOf, table } from './output.ts';

function sink(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 40, write: (text: string) => written.push(text) };
}

const job: Job = {
  id: 'j',
  kind: 'train',
  title: 'Training',
  state: 'running',
  pausable: false,
  progress: 0.256,
  secondsLeft: 75.2,
  detail: 'step 3 of 12, loss 0.61',
  error: null,
  startedAt: 1,
  endedAt: null,
};

test('on a terminal the progress line rewrites itself, fits, and is gone before the result', () => {
  const err = sink(true);
  const out = sink(true);
  const output = new Output({ json: false, out, err });
  output.job(job);
  output.job(job);
  output.result({ ok: true }, 'done');
  expect(err.written).toEqual(['\r\u001b[2KTraining · 25 % · 1 min 15 s left · st…', '\r\u001b[2K']);
  expect(out.written).toEqual(['done\n']);
});

test('elsewhere progress is a line now and then, without control characters', () => {
  const err = sink(false);
  const output = new Output({ json: true, out: sink(false), err });
  output.job(job);
  output.job({ ...job, progress: 0.3 });
  expect(err.written).toEqual(['Training · 25 % · 1 min 15 s left · step 3 of 12, loss 0.61\n']);
});

test('--json puts exactly one document on stdout, also for failures', () => {
  const out = sink(false);
  const err = sink(false);
  new Output({ json: true, out, err }).fail(new UserError('NOT_FOUND', 'no project', 'Create one.'));
  expect(JSON.parse(out.written.join(''))).toEqual({
    error: { code: 'NOT_FOUND', message: 'no project', hint: 'Create one.' },
  });
  expect(err.written.join('')).toBe('rrpo-workbench: no project\n  Create one.\n');
});

test('exit codes', () => {
  expect(exitCodeOf(new UserError('BAD_INPUT', 'x'))).toBe(2);
  expect(exitCodeOf(new UserError('NOT_FOUND', 'x'))).toBe(2);
  expect(exitCodeOf(new UserError('CANCELLED', 'x'))).toBe(130);
  expect(exitCodeOf(new UserError('WORKER_DIED', 'x'))).toBe(1);
  expect(exitCodeOf(new Error('bug'))).toBe(1);
});

test('tables align', () => {
  expect(
    table(
      ['model', 'accuracy'],
      [
        ['base', '0.51'],
        ['rrpo', '0.6'],
      ],
    ),
  ).toBe(['model  accuracy', '-----  --------', 'base       0.51', 'rrpo        0.6'].join('\n'));
});
