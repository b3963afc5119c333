/** @file One log for the host process and its workers: lines with time and level on stderr, and in a file when asked. */
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';

export type Level = 'debug' | 'info' | 'warn' | 'error';
const ORDER: readonly Level[] = ['debug', 'info', 'warn', 'error'];

let file: string | null = null;
/** Lines below this level stay off stderr. */
const threshold: Level = (process.env['RRPO_WORKBENCH_LOG'] as Level | undefined) ?? 'warn';

/** Also append every line (of any level) to `target`. */
export function logToFile(target: string): void {
  mkdirSync(path.dirname(target), { recursive: true });
  file = target;
}

function write(level: Level, message: string, error?: unknown): void {
  const stack =
    error instanceof Error
      ? `\n${error.stack ?? error.message}`
      : error === undefined
        ? ''
        : ` ${inspect(error)}`;
  const line = `${new Date().toISOString()} ${level.padEnd(5)} ${message}${stack}\n`;
  if (ORDER.indexOf(level) >= ORDER.indexOf(threshold)) process.stderr.write(line);
  if (file) {
    try {
      appendFileSync(file, line);
    } catch {
      // A full disk must not take the program down through its log; stderr still has the line.
      file = null;
      process.stderr.write(`log file closed: it could not be written\n`);
    }
  }
}

export const log = {
  debug: (message: string): void => write('debug', message),
  info: (message: string): void => write('info', message),
  warn: (message: string, error?: unknown): void => write('warn', message, error),
  error: (message: string, error?: unknown): void => write('error', message, error),
};
