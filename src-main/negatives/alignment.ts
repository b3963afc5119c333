/** @file Two answers laid side by side: which words of one stand against which of the other, and the stretches that differ. */
import { diffArrays } from 'diff';
import { isContent, MOVABLE, type Token } from './tokens.ts';

/** Above this many cells (words times words) alignment goes by equal words alone. */
const MAX_CELLS = 4_000_000;

/** Then: give up aligning beyond this many changed words; everything between equal beginning and end is one difference. */
const MAX_EDITS = 600;

/** A differing stretch: token ranges [start, end) on both sides; one of them may be empty. */
export type Hunk = { chosen: [number, number]; rejected: [number, number] };

/** Which token of `b` each token of `a` stands against, or -1. Grows in both. */
type Matches = Int32Array;

/** Differing stretches in order. */
export function align(a: readonly Token[], b: readonly Token[]): Hunk[] {
  const matches = match(a, b);
  if (!matches) return [between(a, b)];
  const moved = movedBlocks(a, b);
  if (moved.chosen.size === 0) return hunksOf(a, b, matches, moved);
  // The rest is aligned as if what only moved were not there; that counts when it explains more of the answers.
  const keepA = [...a.keys()].filter((i) => !moved.chosen.has(i));
  const keepB = [...b.keys()].filter((j) => !moved.rejected.has(j));
  const rest = match(
    keepA.map((i) => a[i]),
    keepB.map((j) => b[j]),
  );
  const paired = (m: Matches): number => m.reduce((n, j) => n + Number(j >= 0), 0);
  if (!rest || paired(rest) + moved.chosen.size <= paired(matches)) return hunksOf(a, b, matches, STILL);
  const again = new Int32Array(a.length).fill(-1);
  rest.forEach((j, i) => (again[keepA[i]] = j < 0 ? -1 : keepB[j]));
  return hunksOf(a, b, again, moved);
}

/** Stretches between the matched tokens; what only moved belongs to none. */
function hunksOf(a: readonly Token[], b: readonly Token[], matches: Matches, moved: Moved): Hunk[] {
  matches.forEach((j, i) => {
    if (j >= 0 && differsInNumber(a, i, b, j)) matches[i] = -1;
  });
  const hunks: Hunk[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && matches[i] === j) {
      i++;
      j++;
    } else if (moved.chosen.has(i)) i++;
    else if (moved.rejected.has(j)) j++;
    else {
      const start: [number, number] = [i, j];
      while (i < a.length && matches[i] < 0 && !moved.chosen.has(i)) i++;
      // Up to the next matched token, which stands behind what moved.
      const until = matches.subarray(i).find((match) => match >= 0) ?? b.length;
      while (j < until && !moved.rejected.has(j)) j++;
      hunks.push({ chosen: [start[0], i], rejected: [start[1], j] });
    }
  }
  return hunks;
}

/** "a dog" and "dogs" are forms of one word and not the same; "opens" and "open" are. */
function differsInNumber(a: readonly Token[], i: number, b: readonly Token[], j: number): boolean {
  if (a[i].key === b[j].key) return false;
  const single = (tokens: readonly Token[], k: number, other: Token): boolean =>
    /^(?:an?|one)$/.test(tokens[k - 1]?.key ?? '') && /^.+s$/.test(other.key) && !tokens[k].key.endsWith('s');
  return single(a, i, b[j]) || single(b, j, a[i]);
}

// What an alignment is worth, in arbitrary units. Equal words of meaning hold it together, a run of equal words more than scattered
// ones; a word against nothing costs, so that answers that swap two phrases are aligned by place.
const EQUAL = 4;
const EQUAL_FORM = 3.5;
const EQUAL_FUNCTION = 1;
const IN_A_ROW = 1;
const AGAINST_NOTHING = -1;

/** The best alignment of two token lists (Needleman-Wunsch with a bonus for runs); null when they are too long and too different. */
function match(a: readonly Token[], b: readonly Token[]): Matches | null {
  const n = a.length;
  const m = b.length;
  if (n * m > MAX_CELLS) return matchEqual(a, b);
  const width = m + 1;
  // Numbers for words: the inner loop goes over every pair of them.
  const stems = numbered(a, b, (token) => token.stem);
  const keys = numbered(a, b, (token) => token.key);
  // A row at a time, each over the last one: `best` ends anyhow, `run` ends in a match of tokens i-1 and j-1.
  const best = Float64Array.from({ length: width }, (_, j) => j * AGAINST_NOTHING);
  const run = new Float64Array(width).fill(-Infinity);
  /** How the best of cell (i, j) came: 0 a match, 1 one against another, 2 of `a` alone, 3 of `b` alone; +4: the match goes on a run. */
  const from = new Uint8Array((n + 1) * width).fill(3, 0, width);
  for (let i = 1; i <= n; i++) {
    const stem = stems.a[i - 1];
    const key = keys.a[i - 1];
    const isWord = isContent(a, i - 1);
    // Of cell (i - 1, j - 1), which the row before held, and of cell (i, j - 1).
    let bestBefore = best[0];
    let runBefore = run[0];
    let left = i * AGAINST_NOTHING;
    best[0] = left;
    from[i * width] = 2;
    for (let j = 1; j <= m; j++) {
      const above = best[j];
      let score = bestBefore;
      let how = 1;
      let matched = -Infinity;
      if (stem === stems.b[j - 1]) {
        const exact = key === keys.b[j - 1] ? EQUAL : EQUAL_FORM;
        const worth = isWord ? exact : EQUAL_FUNCTION;
        const goesOn = runBefore + IN_A_ROW > bestBefore;
        matched = worth + (goesOn ? runBefore + IN_A_ROW : bestBefore);
        score = matched;
        how = goesOn ? 4 : 0;
      }
      if (above + AGAINST_NOTHING > score) {
        score = above + AGAINST_NOTHING;
        how = (how & 4) | 2;
      }
      if (left + AGAINST_NOTHING > score) {
        score = left + AGAINST_NOTHING;
        how = (how & 4) | 3;
      }
      runBefore = run[j];
      run[j] = matched;
      bestBefore = above;
      best[j] = score;
      left = score;
      from[i * width + j] = how;
    }
  }
  const matches = new Int32Array(n).fill(-1);
  let inRun = false;
  for (let i = n, j = m; i > 0 || j > 0;) {
    const how = from[i * width + j];
    const step = inRun ? 0 : how & 3;
    inRun = false;
    if (step === 0) {
      matches[--i] = --j;
      inRun = (how & 4) !== 0;
    } else {
      if (step !== 3) i--;
      if (step !== 2) j--;
    }
  }
  return matches;
}

/** Of each token a number, the same for equal words. */
function numbered(
  a: readonly Token[],
  b: readonly Token[],
  word: (token: Token) => string,
): { a: Int32Array; b: Int32Array } {
  const numbers = new Map<string, number>();
  const of = (tokens: readonly Token[]): Int32Array =>
    Int32Array.from(tokens, (token) => {
      const known = numbers.get(word(token));
      if (known !== undefined) return known;
      numbers.set(word(token), numbers.size);
      return numbers.size - 1;
    });
  return { a: of(a), b: of(b) };
}

/** For very long answers: the longest common sequence of equal words; null beyond {@link MAX_EDITS}. */
function matchEqual(a: readonly Token[], b: readonly Token[]): Matches | null {
  const changes = diffArrays(
    a.map((t) => t.stem),
    b.map((t) => t.stem),
    { maxEditLength: MAX_EDITS },
  );
  if (!changes) return null;
  const matches = new Int32Array(a.length).fill(-1);
  let i = 0;
  let j = 0;
  for (const { added, removed, count } of changes) {
    if (!added && !removed) for (let k = 0; k < count; k++) matches[i + k] = j + k;
    if (!added) i += count;
    if (!removed) j += count;
  }
  return matches;
}

/** Tokens of phrases that stand elsewhere in the other answer, and say the same there. */
type Moved = { readonly chosen: Set<number>; readonly rejected: Set<number> };
const STILL: Moved = { chosen: new Set(), rejected: new Set() };

/**
 * "on the stage", "because it is raining": phrases that begin with one of {@link MOVABLE}, end with a word of meaning, and stand at
 * the beginning of one answer and not of the other.
 */
function movedBlocks(a: readonly Token[], b: readonly Token[]): Moved {
  const moved: Moved = { chosen: new Set(), rejected: new Set() };
  for (let i = 0; i < a.length; i++) {
    if (!MOVABLE.has(a[i].key) || moved.chosen.has(i)) continue;
    // One of the two stands at the beginning of its answer, the other does not.
    const until = i === 0 ? b.length : Math.min(1, b.length);
    for (let j = i === 0 ? 1 : 0; j < until; j++) {
      if (b[j].stem !== a[i].stem || moved.rejected.has(j)) continue;
      let length = 0;
      let content = 0;
      for (let k = 0; i + k < a.length && j + k < b.length && a[i + k].word; k++) {
        const same = a[i + k].stem === b[j + k].stem || (isArticle(a[i + k]) && isArticle(b[j + k]));
        if (!same) break;
        if (k > 0 && isContent(a, i + k)) {
          length = k + 1;
          content++;
        }
      }
      if (content === 0 || !atEdge(a, i, length) || !atEdge(b, j, length)) continue;
      for (let k = 0; k < length; k++) {
        moved.chosen.add(i + k);
        moved.rejected.add(j + k);
      }
      break;
    }
  }
  return moved;
}

const isArticle = (token: Token): boolean => token.key === 'a' || token.key === 'an' || token.key === 'the';

/** True when a stretch begins or ends a text, or stands beside a punctuation mark. */
function atEdge(tokens: readonly Token[], start: number, length: number): boolean {
  const before = tokens[start - 1];
  const after = tokens[start + length];
  return before === undefined || !before.word || after === undefined || !after.word;
}

/** Everything between the equal beginning and the equal end. */
function between(a: readonly Token[], b: readonly Token[]): Hunk {
  let head = 0;
  while (head < a.length && head < b.length && a[head].key === b[head].key) head++;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail].key === b[b.length - 1 - tail].key
  )
    tail++;
  return { chosen: [head, a.length - tail], rejected: [head, b.length - tail] };
}
