/**
 * @file What the command line says and how it ends: progress on stderr (one line that rewrites itself on a terminal, a line now and
 * then elsewhere), results on stdout (for people, or JSON), and the exit code.
 */
import type { Job } from '../contract/schemas.ts';
import { formatSeconds } from '../jobs/eta.ts';
import { toPlainError } from '../platform/errors.ts';
import { EXIT } from './exit-codes.ts';

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  const { code } = toPlainError(error);
  if (code === 'CANCELLED') return EXIT.cancelled;
  return code === 'BAD_INPUT' || code === 'NOT_FOUND' || code === 'UNSUPPORTED'
    ? EXIT.badInput
    : EXIT.failure;
}

/** The part of a stream that is written to; replaced in tests. */
export type Sink = { write(text: string): unknown; isTTY?: boolean; columns?: number };

/** Where a command writes. */
export class Output {
  readonly json: boolean;
  readonly #out: Sink;
  readonly #err: Sink;
  #lineOpen = false;
  #lastAt = 0;
  #lastText = '';

  /** `json`: stdout carries exactly one JSON document, at the end. */
  constructor(options: { json: boolean; out?: Sink; err?: Sink }) {
    this.json = options.json;
    this.#out = options.out ?? process.stdout;
    this.#err = options.err ?? process.stderr;
  }

  /** A line for people on stderr. */
  note(text: string): void {
    this.#clear();
    this.#err.write(`${text}\n`);
  }

  /** The state of a job, as one progress line. */
  job(job: Job): void {
    if (job.state !== 'running') return;
    const percent = job.progress === null ? '' : `${Math.floor(job.progress * 100)} %`;
    const left = job.secondsLeft === null ? '' : `${formatSeconds(job.secondsLeft)} left`;
    this.progress([job.title, percent, left, job.detail].filter((part) => part !== '').join(' · '));
  }

  /** Rewrites the progress line on a terminal; elsewhere writes a line at most every ten seconds. */
  progress(text: string): void {
    if (text === this.#lastText) return;
    const now = Date.now();
    if (this.#err.isTTY === true) {
      const width = (this.#err.columns ?? 80) - 1;
      this.#err.write(`\r\u001b[2K${text.length > width ? `${text.slice(0, width - 1)}…` : text}`);
      this.#lineOpen = true;
    } else if (now - this.#lastAt >= 10_000) {
      this.#err.write(`${text}\n`);
      this.#lastAt = now;
    }
    this.#lastText = text;
  }

  /** The result: `text` for people, or `value` as JSON. Called once, at the end. */
  result(value: unknown, text: string): void {
    this.#clear();
    this.#out.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);
  }

  /** A failure: on stderr for people, and as JSON on stdout when asked for. */
  fail(error: unknown): void {
    this.#clear();
    const plain = toPlainError(error);
    if (this.json) this.#out.write(`${JSON.stringify({ error: plain }, null, 2)}\n`);
    const stack = plain.code === 'INTERNAL' && error instanceof Error ? `\n${error.stack ?? ''}` : '';
    this.#err.write(
      `rrpo-workbench: ${plain.message}${plain.hint === '' ? '' : `\n  ${plain.hint}`}${stack}\n`,
    );
  }

  #clear(): void {
    if (this.#lineOpen) this.#err.write('\r\u001b[2K');
    this.#lineOpen = false;
  }
}

/** A table in aligned columns; the first column to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, c) => Math.max(...all.map((row) => [...(row[c] ?? '')].length)));
  const line = (row: readonly string[]) =>
    widths
      .map((width, c) => {
        const cell = row[c] ?? '';
        const padding = ' '.repeat(width - [...cell].length);
        return c === 0 ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
