/** @file Two rows that turned out to be one video become one row. */
import type { Finding, Split } from '../contract/schemas.ts';
import type { Database } from '../project/sqlite.ts';
import { sampleFingerprint } from './samples.ts';

type Joined = { id: string; name: string; split: Split; split_stated: number };

/**
 * Samples and pairs of `from` go to `into`. When they were said to be in different splits, the video is held out, because a held-out clip
 * that is trained on spoils every comparison; the finding tells it.
 */
export function joinVideos(db: Database, from: Joined, into: Joined): Finding | null {
  type Row = { id: string; question: string; chosen: string };
  for (const sample of db
    .prepare<Row>('SELECT id, question, chosen FROM samples WHERE video_id = ?')
    .all(from.id)) {
    const fingerprint = sampleFingerprint(into.id, sample.question, sample.chosen);
    const same = db.prepare<{ id: string }>('SELECT id FROM samples WHERE fingerprint = ?').get(fingerprint);
    if (same) {
      db.prepare('UPDATE pairs SET sample_id = ? WHERE sample_id = ?').run(same.id, sample.id);
      db.prepare('DELETE FROM samples WHERE id = ?').run(sample.id);
    } else db.update('samples', sample.id, { video_id: into.id, fingerprint });
  }
  db.prepare('DELETE FROM videos WHERE id = ?').run(from.id);
  if (!from.split_stated || from.split === into.split) return null;
  const split = into.split_stated ? 'heldout' : from.split;
  db.update('videos', into.id, { split, split_stated: true });
  if (!into.split_stated) return null;
  return {
    code: 'split-conflict',
    severity: 'warning',
    message: `The same video came as ${into.name} and ${from.name} in different splits; it is held out.`,
  };
}
