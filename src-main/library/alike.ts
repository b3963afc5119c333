/**
 * @file Videos that look the same: kept in groups, each group in one split, because a held-out clip whose twin is trained on spoils every
 * comparison. Likeness is taken as transitive: a group is what is joined by any chain of looks.
 */
import type { Finding, Split } from '../contract/schemas.ts';
import { lengthSlack, meanOf, MEAN_SLACK, sameLook } from '../media/look.ts';
import type { Database } from '../project/sqlite.ts';

/** What the split of a video rests on: it was moved because of its group, or against what was said about it. */
const MOVES = ['split-moved', 'split-conflict'];

type Member = { id: string; name: string; split: Split; split_stated: number; findings: string };

/**
 * Stores what a video looks like, joins it with those that look the same, and brings the group into one split. Inside a transaction of
 * the caller's. `seconds` is the video's length.
 */
export function storeLook(db: Database, id: string, look: Uint8Array, seconds: number): void {
  const mean = meanOf(look);
  db.prepare('INSERT OR REPLACE INTO video_looks (video_id, mean, look) VALUES (?, ?, ?)').run(
    id,
    mean,
    look,
  );
  // A file that was replaced by another leaves its group.
  db.prepare('UPDATE videos SET alike = NULL WHERE id = ?').run(id);
  const slack = lengthSlack(seconds);
  const twins = db
    .prepare<{ id: string; alike: string | null; look: Uint8Array }>(
      `SELECT v.id, v.alike, l.look FROM video_looks l JOIN videos v ON v.id = l.video_id
       WHERE l.mean BETWEEN ? AND ? AND v.duration BETWEEN ? AND ? AND v.id <> ? ORDER BY v.rowid`,
    )
    .all(mean - MEAN_SLACK, mean + MEAN_SLACK, seconds - slack, seconds + slack, id)
    .filter((other) => sameLook(look, other.look));
  if (twins.length > 0) {
    const group = twins.find((twin) => twin.alike !== null)?.alike ?? twins[0].id;
    for (const twin of twins)
      db.prepare('UPDATE videos SET alike = ? WHERE id = ? OR alike = ?').run(group, twin.id, twin.alike);
    db.prepare('UPDATE videos SET alike = ? WHERE id = ?').run(group, id);
    settleSplit(db, group);
  }
  // What a replaced or joined video left behind may be alone now.
  db.exec(
    'UPDATE videos SET alike = NULL WHERE alike IN (SELECT alike FROM videos GROUP BY alike HAVING count(*) = 1)',
  );
}

/**
 * Brings a group into one split: held out when a file says so of any of its videos, otherwise what is said of one, otherwise what was drawn
 * for the one that came first. Each video that has to move says why.
 */
export function settleSplit(db: Database, group: string): void {
  const members = db
    .prepare<Member>(
      'SELECT id, name, split, split_stated, findings FROM videos WHERE alike = ? ORDER BY rowid',
    )
    .all(group);
  const stated = members.filter((member) => member.split_stated);
  const leader = stated.find((member) => member.split === 'heldout') ?? stated[0] ?? members[0];
  for (const member of members) {
    if (member.split === leader.split) continue;
    const where = leader.split === 'heldout' ? 'held out' : 'in training';
    const finding: Finding = member.split_stated
      ? {
          code: 'split-conflict',
          severity: 'warning',
          message: `It is said to be in training, but looks the same as ${leader.name}, which is held out: so it is held out too.`,
        }
      : {
          code: 'split-moved',
          severity: 'info',
          message: `Moved: it looks the same as ${leader.name}, and what looks the same stays ${where} together.`,
        };
    const others = (JSON.parse(member.findings) as Finding[]).filter(({ code }) => !MOVES.includes(code));
    db.update('videos', member.id, {
      split: leader.split,
      findings: JSON.stringify([...others, finding]),
    });
  }
}

/** Whether these findings of a video tell that its group was brought into one split against what was said or drawn. */
export function wasMoved(findings: readonly Finding[]): boolean {
  return findings.some(({ code }) => MOVES.includes(code));
}

/** The other videos of a video's group, oldest first. */
export function alikeTo(db: Database, id: string, group: string | null): { id: string; name: string }[] {
  if (group === null) return [];
  return db
    .prepare<{ id: string; name: string }>(
      'SELECT id, name FROM videos WHERE alike = ? AND id <> ? ORDER BY rowid',
    )
    .all(group, id);
}

/** The finding that a video has twins. */
export function alikeFinding(twins: readonly { name: string }[]): Finding {
  const names = twins.slice(0, 3).map(({ name }) => name);
  const more = twins.length > 3 ? ` and ${twins.length - 3} more` : '';
  return {
    code: 'near-duplicate',
    severity: 'info',
    message: `Near-duplicate of ${names.join(', ')}${more}: it looks the same, so they are in one split.`,
  };
}
