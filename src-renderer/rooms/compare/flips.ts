/** @file Which way an answer turned between base and tuned, the change in words, and what becomes of an answer. */
import type { ComparisonRow, PairedComparison } from '../../../src-main/contract/schemas.ts';
import { plural } from '../../composables/format.ts';

export type Only = 'all' | 'disagreements' | 'fixed' | 'broken' | 'wrong';
export type Flip = 'fixed' | 'broken' | 'same';

/** Fixed: wrong (or unreadable) before and right after. Broken: the other way. */
export function flipOf(row: Pick<ComparisonRow, 'base' | 'tuned'>): Flip {
  const before = row.base.verdict === 'right';
  const after = row.tuned.verdict === 'right';
  if (before === after) return 'same';
  return after ? 'fixed' : 'broken';
}

/** Does the row belong to a filter? Disagreements are answers with other words, whatever their verdicts; wrong is what the tuned model is. */
export function keep(row: Pick<ComparisonRow, 'base' | 'tuned'>, only: Only): boolean {
  switch (only) {
    case 'all':
      return true;
    case 'disagreements':
      return row.base.text.trim() !== row.tuned.text.trim();
    case 'fixed':
    case 'broken':
      return flipOf(row) === only;
    case 'wrong':
      return row.tuned.verdict !== 'right';
    default:
      return only satisfies never;
  }
}

/** One sentence on the difference in accuracy and how sure it is. */
export function inWords(paired: PairedComparison): string {
  const { value, low, high } = paired.difference;
  const points = (x: number): string => `${x > 0 ? '+' : ''}${(x * 100).toFixed(1)}`;
  const p = paired.pValue < 0.001 ? 'p\u00a0<\u00a00.001' : `p\u00a0=\u00a0${paired.pValue.toFixed(3)}`;
  const change =
    value === 0
      ? 'No change in accuracy'
      : `${points(value)} points, 95 % interval ${points(low)} to ${points(high)}`;
  const sure = low > 0 ? 'better' : high < 0 ? 'worse' : 'not told apart from chance';
  return `${change} over ${plural(paired.n, 'question')}: ${sure} (${p}).`;
}

/** What is told when an answer has become a pair, or was one already. */
export function madeWords(
  row: Pick<ComparisonRow, 'tuned' | 'split'>,
  isNew: boolean,
): { tone: 'success' | 'info' | 'warning'; text: string } {
  if (!isNew) return { tone: 'info', text: 'This answer is a pair already.' };
  const doubt =
    row.tuned.verdict === 'right'
      ? ' The judge called this answer right: look twice before accepting it.'
      : '';
  if (row.split === 'heldout')
    return {
      tone: 'warning',
      text: `A candidate in Review now. Its clip is held out, so it is never trained on.${doubt}`,
    };
  return {
    tone: doubt ? 'warning' : 'success',
    text: `A candidate in Review now; accepted, the next run trains on it.${doubt}`,
  };
}
