/** @file Parsers of option values: each says what was expected and what was given. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { presetConfig } from '../align/config.ts';
import { ImportField, TrainConfig, type ImportMapping } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
    return value;
  };
}

/** A number of at least 0. */
export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('expected a number of at least 0');
  return value;
}

/** Collects `--set name=value`, repeatable. */
export function setting(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected name=value');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Collects `--map field=column`, repeatable; `field=` leaves the field out. */
export function fieldColumn(text: string, earlier: ImportMapping = {}): ImportMapping {
  const at = text.indexOf('=');
  const field = ImportField.safeParse(text.slice(0, Math.max(0, at)));
  if (!field.success)
    throw new InvalidArgumentError(
      `expected FIELD=COLUMN with FIELD being one of ${ImportField.options.join(', ')}`,
    );
  return { ...earlier, [field.data]: text.slice(at + 1) };
}

/** A training configuration: a preset with single settings changed. @throws UserError BAD_INPUT naming each bad setting */
export function trainConfig(preset: string, changes: Record<string, string>): TrainConfig {
  const base = TrainConfig.parse(presetConfig(preset));
  const known = Object.keys(base);
  const values: Record<string, unknown> = { ...base };
  for (const [name, text] of Object.entries(changes)) {
    if (!known.includes(name))
      throw new UserError(
        'BAD_INPUT',
        `--set ${name}: expected one of ${known.join(', ')}`,
        'See "rrpo-workbench train --help".',
      );
    values[name] = typeof base[name as keyof TrainConfig] === 'number' ? Number(text) : text;
  }
  const parsed = TrainConfig.safeParse(values);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `--set ${issue.path.join('.')}: ${issue.message}`);
  throw new UserError('BAD_INPUT', issues.join('; '), 'See "rrpo-workbench train --help".');
}

/** A recipe: the id or name of a named one, or a JSON file of steps. */
export async function recipeOption(text: string): Promise<unknown> {
  if (!text.endsWith('.json')) return text;
  const content = await readFile(text, 'utf8');
  try {
    return JSON.parse(content) as unknown;
  } catch (error) {
    throw new UserError(
      'BAD_INPUT',
      `${text}: expected JSON, got ${(error as Error).message}`,
      'Write a list of steps, e.g. [{"op":"mask"},{"op":"shuffle"}].',
      { cause: error },
    );
  }
}
