/** @file What a training run would take: exactly the accepted pairs without errors, as stored, and why others are left out. */
import type { Phrase } from '../contract/schemas.ts';
import { PairService } from '../pairs/pairs.ts';
import type { OpenProject } from '../project/project.ts';
import type { StoredPair } from './run-files.ts';

/** Pairs for a run. `accepted` counts both lists. */
export type Readiness = {
  accepted: number;
  usable: StoredPair[];
  excluded: { pairId: string; reason: string }[];
};

/** Reads the accepted pairs of a project. */
export function readiness(project: OpenProject): Readiness {
  const { pairs, excluded } = new PairService(project).accepted();
  return {
    accepted: pairs.length + excluded.length,
    usable: pairs.map(({ id, version, videoId, question, chosen, rejected, phrases }) => ({
      id,
      version,
      videoId,
      question,
      chosen,
      rejected,
      chosenSpans: spans(phrases, 'chosen'),
      rejectedSpans: spans(phrases, 'rejected'),
    })),
    excluded: excluded.map(({ pairId, reason }) => ({ pairId, reason })),
  };
}

/** The marked spans of one side, in the order of the phrases' numbers. */
function spans(phrases: readonly Phrase[], side: 'chosen' | 'rejected'): { start: number; end: number }[] {
  return phrases
    .toSorted((a, b) => a.number - b.number)
    .flatMap((phrase) => {
      const span = phrase[side];
      return span === null ? [] : [{ start: span.start, end: span.end }];
    });
}
