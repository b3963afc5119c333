/** @file The user's own synonyms: words that mean the same in this project. Each is read as the first of its group before judging. */
import { normalText } from './normalize.ts';

/** Groups of words or phrases that count as the same, such as ["lorry", "truck"]. */
export type Synonyms = readonly (readonly string[])[];

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** Longest first, so that "ice cream van" is found before "ice cream". */
function variants(groups: Synonyms): { normal: string; length: number; first: string }[] {
  return groups
    .flatMap(([first, ...others]) => others.map((word) => ({ normal: normalText(word), first })))
    .filter(({ normal, first }) => normal !== '' && normal !== normalText(first))
    .map((entry) => ({ ...entry, length: entry.normal.split(' ').length }))
    .sort((a, b) => b.length - a.length);
}

/** The text with every synonym replaced by the first of its group, whatever its case or number, and which were replaced. */
export function applySynonyms(text: string, groups: Synonyms): { text: string; used: string[] } {
  const known = variants(groups);
  if (known.length === 0) return { text, used: [] };
  const words = [...segmenter.segment(text)]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ index, segment }) => ({
      start: index,
      end: index + segment.length,
      normal: normalText(segment),
    }));
  let out = '';
  let at = 0;
  const used: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const found = known.find(
      ({ normal, length }) =>
        i + length <= words.length &&
        words
          .slice(i, i + length)
          .map((word) => word.normal)
          .join(' ') === normal,
    );
    if (!found) continue;
    const { start } = words[i];
    const { end } = words[i + found.length - 1];
    out += text.slice(at, start) + found.first;
    used.push(`${text.slice(start, end)} = ${found.first}`);
    at = end;
    i += found.length - 1;
  }
  return { text: out + text.slice(at), used };
}
