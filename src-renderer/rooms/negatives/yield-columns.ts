/** @file The columns of the yield table, in order: what each counts, in words, and the table as CSV. */
import type { Yield, YieldReport } from '../../../src-main/contract/schemas.ts';
import { FAMILY_WORDS } from '../../composables/words.ts';

/** A count of {@link Yield}, its name, and what it says. */
export type YieldColumn = {
  key: 'asked' | 'wrong' | 'right' | 'unparseable' | 'pairs' | 'accepted' | 'rejected' | 'open';
  name: string;
  help: string;
};

export const YIELD_COLUMNS: readonly YieldColumn[] = [
  { key: 'asked', name: 'Asked', help: 'Answers the model gave, each try counted.' },
  {
    key: 'wrong',
    name: 'Wrong',
    help: 'Answers judged wrong; where you overruled the judge, what you said.',
  },
  { key: 'right', name: 'Right', help: 'Answers that were right all the same, and set aside.' },
  { key: 'unparseable', name: 'Unreadable', help: 'Answers that could not be judged.' },
  {
    key: 'pairs',
    name: 'Pairs',
    help: 'New pairs made of them. A wrong answer that the project had already makes none.',
  },
  { key: 'accepted', name: 'Accepted', help: 'Pairs accepted in Review so far.' },
  { key: 'rejected', name: 'Rejected', help: 'Pairs rejected in Review so far.' },
  { key: 'open', name: 'Open', help: 'Pairs that are pending or want a second look.' },
];

export const SHARE_HELP =
  'Accepted pairs of all answers asked for, with the 95 % interval (Wilson): what one question to the model brings in.';

export const familyWord = ({ family }: Pick<Yield, 'family'>): string =>
  family === null ? 'No family' : FAMILY_WORDS[family];

/** The recipes as CSV with a head, the share and its interval as fractions. */
export function yieldCsv({ recipes }: YieldReport): string {
  const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = [
    'recipe',
    'family',
    ...YIELD_COLUMNS.map(({ key }) => key),
    'share',
    'share_low',
    'share_high',
  ];
  const rows = recipes.map((row) => [
    row.steps === null ? row.name : JSON.stringify(row.steps),
    row.family ?? '',
    ...YIELD_COLUMNS.map(({ key }) => row[key]),
    ...[row.share.value, row.share.low, row.share.high].map((value) => value.toFixed(4)),
  ]);
  return [head, ...rows].map((fields) => `${fields.map((text) => field(String(text))).join(',')}\n`).join('');
}
