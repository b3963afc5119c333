/** @file Each reviewer's own version of a pair: the last texts, marks and decision that were theirs. */
import type { PairStatus, Phrase, Review } from '../contract/schemas.ts';
import type { Database } from '../project/sqlite.ts';
import { phrasesJson } from './rows.ts';

/** What a person can change about a pair. */
export type PairContent = {
  chosen: string;
  rejected: string;
  phrases: Phrase[];
  status: PairStatus;
};

type ReviewRow = Omit<Review, 'phrases'> & { phrases: string };

export class Reviews {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Keeps `content` as this reviewer's version. A mere edit does not change what the reviewer has decided. */
  put(pairSeq: number, reviewer: string, content: PairContent, at: number, decides: boolean): void {
    this.#db
      .prepare(
        `INSERT INTO reviews (pair_seq, reviewer, status, chosen, rejected, phrases, at) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (pair_seq, reviewer) DO UPDATE SET chosen = excluded.chosen, rejected = excluded.rejected,
           phrases = excluded.phrases, at = excluded.at${decides ? ', status = excluded.status' : ''}`,
      )
      .run(
        pairSeq,
        reviewer,
        decides ? content.status : 'pending',
        content.chosen,
        content.rejected,
        phrasesJson(content.phrases),
        at,
      );
  }

  /** This reviewer's version, or null. */
  get(pairSeq: number, reviewer: string): Review | null {
    return this.of(pairSeq).find((review) => review.reviewer === reviewer) ?? null;
  }

  /** Everybody's versions of a pair, the earliest first. */
  of(pairSeq: number): Review[] {
    return this.#db
      .prepare<ReviewRow>(
        'SELECT reviewer, status, chosen, rejected, phrases, at FROM reviews WHERE pair_seq = ? ORDER BY at, reviewer',
      )
      .all(pairSeq)
      .map((row) => ({ ...row, phrases: JSON.parse(row.phrases) as Phrase[] }));
  }
}
