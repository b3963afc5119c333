/** @file How fast a reviewer decides, from the journal: today's decisions, decisions an hour, and the time left at that pace. */
import type { Pace } from '../contract/schemas.ts';
import type { OpenProject } from '../project/project.ts';

/** The pace is that of the last so many decisions. */
const LAST = 60;
/** A longer silence than this many milliseconds is a pause and does not count as work. */
const PAUSE_MS = 5 * 60_000;
/** Fewer working intervals than this say nothing. */
const ENOUGH = 5;

/** Decisions that stand, one by one: bulk changes and what was undone say nothing about a person's pace. */
const DECISIONS = `FROM journal WHERE reviewer = ? AND action = 'status' AND undo IN ('done', 'none') AND bulk IS NULL
  AND json_extract(after, '$.status') <> 'pending'`;

/** `dayStart` in milliseconds: midnight where the person is. */
export function paceOf(project: OpenProject, pending: number, dayStart: number): Pace {
  const { db, reviewer } = project;
  const today = db
    .prepare<{ n: number }>(`SELECT count(DISTINCT pair_id) AS n ${DECISIONS} AND at >= ?`)
    .get(reviewer, dayStart)!.n;
  const times = db
    .prepare<{ at: number }>(`SELECT at ${DECISIONS} ORDER BY at DESC LIMIT ${LAST}`)
    .all(reviewer)
    .map((row) => row.at);
  const perHour = decisionsPerHour(times);
  return { today, perHour, pending, secondsLeft: perHour === null ? null : (pending / perHour) * 3600 };
}

/**
 * Decisions an hour from their times in milliseconds, newest first: the number of intervals that are work over their length. Null
 * with fewer than five of them.
 */
export function decisionsPerHour(times: readonly number[]): number | null {
  const intervals = times.slice(1).map((at, i) => times[i] - at);
  const work = intervals.filter((ms) => ms <= PAUSE_MS);
  const sum = work.reduce((total, ms) => total + ms, 0);
  return work.length < ENOUGH || sum <= 0 ? null : (work.length * 3_600_000) / sum;
}
