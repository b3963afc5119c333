/** @file Marks between the two ways of writing them: whole phrases (paired, numbered) and spans per side (tags). */
import { codePointLength } from '../../contract/text.ts';
import type { Phrase } from '../../contract/schemas.ts';
import { trimSpan, type TextSpan } from '../../platform/tagged-text.ts';

/**
 * Spans in order, with overlapping ones joined: tags cannot overlap, and the loss only asks which tokens are marked.
 * Touching spans stay apart.
 */
export function mergedSpans(spans: readonly TextSpan[]): TextSpan[] {
  const out: TextSpan[] = [];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (end <= start) continue;
    const last = out.at(-1);
    if (last && start < last.end) out[out.length - 1] = { start: last.start, end: Math.max(last.end, end) };
    else out.push({ start, end });
  }
  return out;
}

/** True when the phrases mark exactly what the tags mark. */
export function sameMarks(
  phrases: readonly Phrase[],
  tags: { chosen: readonly TextSpan[]; rejected: readonly TextSpan[] },
  chosen: string,
  rejected: string,
): boolean {
  const side = (which: 'chosen' | 'rejected', text: string): string => {
    const length = codePointLength(text);
    const spans = phrases.flatMap((p) => (p[which] ? [p[which]] : []));
    if (spans.some((s) => s.end > length || s.start > s.end)) return 'outside the text';
    const merged = mergedSpans(spans).map((s) => trimSpan(text, s));
    return JSON.stringify(merged.filter((s) => s.end > s.start));
  };
  const plain = (spans: readonly TextSpan[]): string =>
    JSON.stringify(spans.map(({ start, end }) => ({ start, end })));
  return side('chosen', chosen) === plain(tags.chosen) && side('rejected', rejected) === plain(tags.rejected);
}
