/**
 * @file Proposed phrases against pairs that were marked by hand: word-level precision, recall and F1, for the half on which the
 * proposals may be tuned and for the half on which they may not. Run: `node bench/differences.ts [--wrong]` (`--wrong` lists the
 * pairs of the dev half that differ from their labels).
 */
import { parseArgs } from 'node:util';
import { proposePhrases } from '../src-main/negatives/differences.ts';
import { f1, labelledPairs, scorePair, sum } from '../src-main/negatives/testing.ts';

const { values } = parseArgs({ options: { wrong: { type: 'boolean', default: false } } });
const BAR = 0.85;

const table: Record<string, Record<string, string | number>> = {};
let reached = true;
for (const half of ['dev', 'heldout'] as const) {
  const pairs = labelledPairs(half);
  const row = (name: string, chosen: typeof pairs): number => {
    const total = sum(chosen.map(scorePair));
    const { precision, recall, f1: value } = f1(total);
    table[`${half}: ${name}`] = {
      pairs: chosen.length,
      words: total.both + total.labelled,
      precision: precision.toFixed(3),
      recall: recall.toFixed(3),
      F1: value.toFixed(3),
    };
    return value;
  };
  for (const type of new Set(pairs.map((p) => p.type)))
    row(
      type,
      pairs.filter((p) => p.type === type),
    );
  if (row('all', pairs) < BAR) reached = false;
}
console.table(table);
console.log(`bar: F1 ${BAR} on each half: ${reached ? 'reached' : 'MISSED'}`);
process.exitCode = reached ? 0 : 1;

if (values.wrong)
  for (const pair of labelledPairs('dev')) {
    if (f1(scorePair(pair)).f1 === 1) continue;
    const marks = proposePhrases(pair.chosen.text, pair.rejected.text);
    console.log(`+ ${pair.chosen.text}\n- ${pair.rejected.text}`);
    console.log(
      `  ${marks.map((p) => `${p.chosen?.quote ?? ''} | ${p.rejected?.quote ?? ''}`).join('   ')}\n`,
    );
  }
