/**
 * @file Do two reviewers mark the same words? Every token of an answer is marked or not by each of them; from the four counts follow
 * - F1 = 2 both / (2 both + onlyA + onlyB), the harmonic mean of precision and recall with either reviewer as the truth
 *   (C. J. van Rijsbergen, Information Retrieval, 1979, ch. 7), which is also Dice's coefficient of the two sets of tokens;
 * - kappa = (po - pe) / (1 - pe), po the share of tokens on which they agree, pe the share expected of two who mark as often but
 *   independently (J. Cohen, A coefficient of agreement for nominal scales, 1960).
 * Only answers whose texts are equal in both versions are compared: on different texts "the same word" means nothing.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type {
  Agreement,
  MarkAgreement,
  PairAgreement,
  PairStatus,
  Phrase,
  Review,
  ReviewerAgreement,
} from '../contract/schemas.ts';
import { codePointLength } from '../contract/text.ts';
import { UserError } from '../platform/errors.ts';
import type { OpenProject } from '../project/project.ts';
import type { BulkContext } from './bulk.ts';
import { Reviews } from './reviews.ts';

/** Cuts an answer into tokens; offsets in code points, [start, end). */
export type Cut = (text: string) => readonly { start: number; end: number }[];
type Counts = Pick<MarkAgreement, 'both' | 'onlyA' | 'onlyB' | 'neither' | 'compared' | 'differentText'>;
type Version = Pick<Review, 'chosen' | 'rejected' | 'phrases'>;

const NOTHING: Counts = { both: 0, onlyA: 0, onlyB: 0, neither: 0, compared: 0, differentText: 0 };
const SIDES = ['chosen', 'rejected'] as const;
/** Most pairs in the list of those with the least agreement. */
const WORST = 200;
/** The event loop gets a turn after this many milliseconds of counting. */
const TURN_MS = 10;

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' });

/** Words and punctuation marks: what a token is where the project has no model. */
export const cutWords: Cut = (text) => {
  const out: { start: number; end: number }[] = [];
  let at = 0;
  for (const { segment } of segmenter.segment(text)) {
    const end = at + codePointLength(segment);
    if (segment.trim() !== '') out.push({ start: at, end });
    at = end;
  }
  return out;
};

/** F1 of the two sets of marked tokens, 0..1; null when neither marked anything. */
export function f1Of({ both, onlyA, onlyB }: Counts): number | null {
  const marks = 2 * both + onlyA + onlyB;
  return marks === 0 ? null : (2 * both) / marks;
}

/** Cohen's kappa, -1..1; null when chance alone would agree on every token, as it does when nobody marked anything. */
export function kappaOf({ both, onlyA, onlyB, neither }: Counts): number | null {
  const n = both + onlyA + onlyB + neither;
  if (n === 0) return null;
  const observed = (both + neither) / n;
  const a = (both + onlyA) / n;
  const b = (both + onlyB) / n;
  const expected = a * b + (1 - a) * (1 - b);
  return expected === 1 ? null : (observed - expected) / (1 - expected);
}

/** The marks of two versions of one pair, both answers together. */
export function compareMarks(a: Version, b: Version, cut: Cut): Counts {
  const counts = { ...NOTHING };
  for (const side of SIDES) {
    if (a[side] !== b[side]) {
      counts.differentText++;
      continue;
    }
    counts.compared++;
    for (const token of cut(a[side])) {
      const byA = isMarked(token, a.phrases, side);
      const byB = isMarked(token, b.phrases, side);
      counts[byA ? (byB ? 'both' : 'onlyA') : byB ? 'onlyB' : 'neither']++;
    }
  }
  return counts;
}

/** Counts with what follows from them. */
function scored(counts: Counts): MarkAgreement {
  return { ...counts, f1: f1Of(counts), kappa: kappaOf(counts) };
}

/** Every two decided versions of one pair. A rejected pair's marks are nobody's choice, so they are not compared (`marks` is null). */
export function agreementOfPair(
  reviews: readonly Review[],
  cut: Cut,
): { a: Review; b: Review; marks: MarkAgreement | null }[] {
  const decided = reviews.filter((review) => review.status !== 'pending');
  decided.sort((x, y) => (x.reviewer < y.reviewer ? -1 : 1));
  return decided.flatMap((a, i) =>
    decided.slice(i + 1).map((b) => {
      const rejected = a.status === 'rejected' || b.status === 'rejected';
      return { a, b, marks: rejected ? null : scored(compareMarks(a, b, cut)) };
    }),
  );
}

/** Two reviewers on one pair. */
export type AgreementRow = {
  pairId: string;
  question: string;
  videoName: string;
  a: string;
  b: string;
  statusA: PairStatus;
  statusB: PairStatus;
  marks: MarkAgreement | null;
};

/**
 * Every pair that two reviewers have decided, in the order of creation. Gives way to other work in between.
 * @throws UserError CANCELLED
 */
export async function* agreementRows(
  project: OpenProject,
  cut: Cut,
  { signal, onStep }: BulkContext = {},
): AsyncGenerator<AgreementRow> {
  const reviews = new Reviews(project.db);
  const shared = project.db
    .prepare<{ seq: number }>(
      `SELECT pair_seq AS seq FROM reviews WHERE status <> 'pending' GROUP BY pair_seq HAVING count(*) > 1 ORDER BY pair_seq`,
    )
    .all();
  const names = project.db.prepare<{ id: string; question: string; name: string }>(
    `SELECT p.id, s.question, v.name FROM pairs p JOIN samples s ON s.id = p.sample_id JOIN videos v ON v.id = p.video_id
     WHERE p.seq = ?`,
  );
  let turn = performance.now();
  for (const [i, { seq }] of shared.entries()) {
    const pair = names.get(seq);
    if (!pair) continue; // deleted while this ran
    for (const { a, b, marks } of agreementOfPair(reviews.of(seq), cut))
      yield {
        pairId: pair.id,
        question: pair.question,
        videoName: pair.name,
        a: a.reviewer,
        b: b.reviewer,
        statusA: a.status,
        statusB: b.status,
        marks,
      };
    if (performance.now() - turn < TURN_MS) continue;
    onStep?.(i + 1, shared.length);
    await breathe();
    if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    turn = performance.now();
  }
}

/** Adds rows up to one figure for every two reviewers, and finds the pairs they agree on least. */
export class AgreementSummary {
  readonly #of = new Map<string, ReviewerAgreement>();
  #worst: Agreement['worst'] = [];

  add(row: AgreementRow): void {
    const key = JSON.stringify([row.a, row.b]);
    const sum = this.#of.get(key) ?? {
      a: row.a,
      b: row.b,
      marks: scored(NOTHING),
      pairs: 0,
      sameDecision: 0,
      rejectedByOne: 0,
    };
    this.#of.set(key, sum);
    sum.pairs++;
    if (row.statusA === row.statusB) sum.sameDecision++;
    if (row.marks === null) sum.rejectedByOne++;
    else {
      const counts = { ...NOTHING };
      for (const name of Object.keys(counts) as (keyof Counts)[])
        counts[name] = sum.marks[name] + row.marks[name];
      sum.marks = scored(counts);
    }
    if (row.marks === null ? row.statusA !== row.statusB : row.marks.f1 !== null && row.marks.f1 < 1) {
      const { pairId, question, a, b, statusA, statusB } = row;
      this.#worst.push({ pairId, question, a, b, statusA, statusB, marks: row.marks ?? scored(NOTHING) });
      if (this.#worst.length >= 2 * WORST) this.#cut();
    }
  }

  /** The figures so far. `worst`: different decisions first, then the least F1. */
  result(unit: string): Agreement {
    this.#cut();
    return { unit, reviewers: [...this.#of.values()], worst: this.#worst };
  }

  #cut(): void {
    const rank = (row: PairAgreement): number => row.marks.f1 ?? -1;
    this.#worst = this.#worst.sort((x, y) => rank(x) - rank(y)).slice(0, WORST);
  }
}

function isMarked(
  token: { start: number; end: number },
  phrases: readonly Phrase[],
  side: (typeof SIDES)[number],
): boolean {
  return phrases.some(
    ({ [side]: span }) => span !== null && span.start < token.end && token.start < span.end,
  );
}
