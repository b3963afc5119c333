/**
 * @file NFC with alignment: which original code point each code point of the composed text comes from. JavaScript's
 * `normalize` gives the text but not the alignment, and token offsets are in the original text.
 *
 * The rule reproduced is the one of Hugging Face's tokenizers (unicode-normalization-alignments): every decomposed code
 * point carries a change, 0 for the first code point of a decomposition and 1 for each further one; composing adds the
 * two changes and subtracts 1. A result with change c > 0 is new (it belongs to the original code point consumed last), otherwise it
 * stands for the next original code point and -c further ones are swallowed.
 */

/** Composed text as code points, and for each the index of its source code point in the original text. */
export type AlignedText = { chars: string[]; source: number[] };

type Marked = { char: string; change: number };

/** U+0345 has the highest combining class of all (240): everything that combines moves in front of it. */
const HIGHEST_CLASS = '\u0345';

function isStarter(char: string): boolean {
  return char !== HIGHEST_CLASS && (HIGHEST_CLASS + char).normalize('NFD') === HIGHEST_CLASS + char;
}

/** Whether two combining marks, already in canonical order, have the same class (then they cannot be swapped). */
function sameClass(before: string, after: string): boolean {
  return (after + before).normalize('NFD') === after + before;
}

/** The primary composite of two code points, or undefined. */
function compose(a: string, b: string): string | undefined {
  const joined = (a + b).normalize('NFC');
  return [...joined].length === 1 ? joined : undefined;
}

/** Canonical decomposition in canonical order; each code point keeps its change while marks are reordered. */
function decompose(chars: readonly string[]): Marked[] {
  const plain: Marked[] = chars.flatMap((char) =>
    [...char.normalize('NFD')].map((c, i) => ({ char: c, change: i === 0 ? 0 : 1 })),
  );
  // Reordering is a stable sort within runs of marks: take the order from the runtime, the changes from our list.
  const ordered = [...chars.join('').normalize('NFD')];
  const result: Marked[] = [];
  let open: Marked[] = [];
  let next = 0;
  for (const char of ordered) {
    let at = open.findIndex((m) => m.char === char);
    while (at < 0 && next < plain.length) {
      open.push(plain[next++]);
      if (open.at(-1)!.char === char) at = open.length - 1;
    }
    if (at < 0) throw new Error('internal: canonical decomposition is not a permutation');
    result.push(open[at]);
    open = open.toSpliced(at, 1);
  }
  return result;
}

/** Canonical composition (Unicode 3.11, D117), carrying changes. */
function recompose(marks: readonly Marked[]): Marked[] {
  const out: Marked[] = [];
  let starter: Marked | undefined;
  let pending: Marked[] = [];
  const flush = (next: Marked | undefined) => {
    if (starter) out.push(starter);
    out.push(...pending);
    pending = [];
    starter = next;
  };
  for (const mark of marks) {
    const isStart = isStarter(mark.char);
    if (!starter) {
      if (isStart) starter = mark;
      else out.push(mark);
      continue;
    }
    const last = pending.at(-1);
    const blocked = last !== undefined && (isStart || sameClass(last.char, mark.char));
    const composite = blocked ? undefined : compose(starter.char, mark.char);
    if (composite) starter = { char: composite, change: starter.change + mark.change - 1 };
    else if (isStart) flush(mark);
    else pending.push(mark);
  }
  flush(undefined);
  return out;
}

/** NFC of `text` with the source of every code point. */
export function alignedNfc(text: string): AlignedText {
  const chars = [...text];
  if (text.normalize('NFC') === text) return { chars, source: chars.map((_, i) => i) };
  const composed = recompose(decompose(chars));
  const source: number[] = [];
  let position = 0;
  for (const { change } of composed) {
    if (change > 0) {
      source.push(Math.max(0, position - 1));
      continue;
    }
    source.push(position);
    position += 1 - change;
  }
  return { chars: composed.map((c) => c.char), source };
}
