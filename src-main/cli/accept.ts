/** @file Accepting pending pairs without a person, where the caller asked for it and says so. */
import type { Session } from './session.ts';

/**
 * Accepts every pending pair of the training split that has a mark on both sides and no lint that is an error. Returns how many.
 * Only for demonstrations and experiments: the proposals are a machine's.
 */
export async function acceptPending({ client }: Session): Promise<number> {
  const PAGE = 500;
  const ids: string[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const { rows } = await client.pairs.list({
      offset,
      limit: PAGE,
      filter: { status: 'pending', split: 'train' },
    });
    for (const { id } of rows) {
      const { phrases, lints } = await client.pairs.get({ pairId: id });
      const marked = phrases.some((p) => p.chosen !== null) && phrases.some((p) => p.rejected !== null);
      if (marked && lints.every((lint) => lint.severity !== 'error')) ids.push(id);
    }
    if (rows.length < PAGE) break;
  }
  if (ids.length > 0) await client.pairs.setStatus({ pairIds: ids, status: 'accepted' });
  return ids.length;
}
