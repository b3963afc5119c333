/**
 * @file How alike two open answers are, offline and deterministically: each clause of the reference is laid on the clause of the
 * answer that says most of it; shared words of meaning count for, and words that exclude each other (a direction, a colour, a count,
 * a denial, another thing in the same place) count as contradictions, which no likeness outweighs.
 */
import { clausesOf, type Clause, type Concept } from './concepts.ts';
import { kindOf, sameConcept, sentenceKindOf } from './kinds.ts';

/** What the comparison found; `score` is between 0 (nothing in common) and 1 (the same words of meaning). */
export type Similarity = {
  score: number;
  /** In words: 'says "blue" instead of "red"'. Any of these makes the answer another one. */
  contradictions: string[];
  /** The statements that the answer says nothing of, where they are half of the reference or more: it is about something else. */
  unsaid: string;
  /** What of the reference the answer does not say. */
  missing: string[];
};

/** Things and actions say most; what they are like says less. */
const WEIGHT: Readonly<Record<Concept['pos'], number>> = {
  noun: 1,
  verb: 1,
  number: 1,
  preposition: 0.5,
  adjective: 0.6,
  adverb: 0.4,
};

/** A colour, a count or a direction is as much a concept as a thing. */
const weight = (concepts: readonly Concept[]): number =>
  concepts.reduce((sum, c) => sum + (sentenceKindOf(c.lemma) === undefined ? WEIGHT[c.pos] : 1), 0);
const same = (a: Concept, b: Concept): boolean => a.stem === b.stem || sameConcept(a.lemma, b.lemma);

/** The concepts of `part` that `whole` does not have; each of `whole` is used once. */
function without(part: readonly Concept[], whole: readonly Concept[]): Concept[] {
  const left = [...whole];
  return part.filter((concept) => {
    const at = left.findIndex((other) => same(concept, other));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Compares an answer with the reference. Both null when one of them names nothing. */
export function similarity(reference: string, answer: string): Similarity | null {
  const gold = clausesOf(reference);
  const said = clausesOf(answer);
  if (gold.length === 0 || said.length === 0) return null;
  const contradictions: string[] = [];
  const missing: Concept[] = [];
  /** Statements of the reference of which the answer says less than half. Half of them left out is another description. */
  const unsaid: Clause[] = [];
  const used = new Set<Clause>();
  const everything = gold.flatMap((clause) => clause.concepts);
  // As many statements on both sides: each answers one of the other's, and a word of a neighbour excuses nothing.
  const paired = gold.length === said.length;
  for (const clause of gold) {
    // The clause that says most of it; of equals the one that adds least.
    const [best] = said
      .filter((other) => !paired || !used.has(other))
      .map((other) => ({
        other,
        lacks: without(clause.concepts, other.concepts),
        adds: without(other.concepts, clause.concepts),
      }))
      .sort((a, b) => weight(a.lacks) - weight(b.lacks) || weight(a.adds) - weight(b.adds));
    used.add(best.other);
    missing.push(...best.lacks);
    if (weight(best.lacks) > weight(clause.concepts) / 2) unsaid.push(clause);
    // What another clause of the reference says is not against this one, when two of its clauses are one in the answer.
    contradictions.push(
      ...against(
        best.lacks,
        paired
          ? best.adds
          : without(
              best.adds,
              everything.filter((c) => !clause.concepts.includes(c)),
            ),
      ),
    );
    contradictions.push(...swapped(clause, best.other));
    if (best.other.denies !== clause.denies) contradictions.push('one of the two denies');
  }
  const extra = said.filter((clause) => !used.has(clause)).flatMap((clause) => clause.concepts);
  const added = without(
    said.flatMap((clause) => clause.concepts),
    everything,
  );
  const alien = without(extra, everything).filter((c) => c.pos === 'noun' || c.pos === 'verb');
  if (alien.length > 1) contradictions.push(`also says "${alien.map((c) => c.text).join(' ')}"`);
  const total = weight(everything);
  const recall = (total - weight(missing)) / total;
  const spoken = weight(said.flatMap((clause) => clause.concepts));
  const precision = (spoken - weight(added)) / spoken;
  const score = recall + precision === 0 ? 0 : (2 * recall * precision) / (recall + precision);
  const wordsOf = (concepts: readonly Concept[]): string => concepts.map((c) => c.text).join(' ');
  return {
    score,
    contradictions: [...new Set(contradictions)],
    unsaid: unsaid.length * 2 >= gold.length ? wordsOf(unsaid.flatMap(({ concepts }) => concepts)) : '',
    missing: missing.map((c) => c.text),
  };
}

/** Words of the same kind, and things or actions that stand where the reference names others. */
function against(lacks: readonly Concept[], adds: readonly Concept[]): string[] {
  const out: string[] = [];
  const left = [...adds];
  for (const concept of lacks) {
    const kind = sentenceKindOf(concept.lemma);
    let at = kind === undefined ? -1 : left.findIndex((other) => sentenceKindOf(other.lemma) === kind);
    // An action that excludes yet others ("disappears" for "moves") is another action all the same.
    if (at < 0 && concept.pos === 'verb') at = left.findIndex((other) => other.pos === 'verb');
    if (at < 0 && concept.pos === 'noun')
      at = left.findIndex((other) => other.pos === 'noun' && sentenceKindOf(other.lemma) === undefined);
    if (at < 0) continue;
    out.push(`says "${left[at].text}" instead of "${concept.text}"`);
    left.splice(at, 1);
  }
  // A second colour, count or direction that the reference does not know.
  for (const other of left)
    if (kindOf(other.lemma) !== undefined && other.pos !== 'noun' && other.pos !== 'verb')
      out.push(`adds "${other.text}"`);
  return out;
}

/** "a dog chases a cat" against "a cat chases a dog": the same things on the other side of the verb; or colours on the other thing. */
function swapped(gold: Clause, said: Clause): string[] {
  const order = ({ concepts }: Clause): string[] =>
    concepts.filter((c) => c.pos === 'noun').map((c) => c.stem);
  const [a, b] = [order(gold), order(said)];
  const verb = gold.concepts.find((c) => c.pos === 'verb' && said.concepts.some((other) => same(c, other)));
  if (verb && new Set(a).size === a.length && a.length >= 2) {
    const sides = ({ concepts }: Clause): Map<string, boolean> => {
      const at = concepts.findIndex((c) => same(c, verb));
      return new Map(concepts.flatMap((c, i) => (c.pos === 'noun' ? [[c.stem, i < at] as const] : [])));
    };
    const [ours, theirs] = [sides(gold), sides(said)];
    const changed = a.filter((noun) => theirs.has(noun) && theirs.get(noun) !== ours.get(noun));
    if (changed.length >= 2 && a.every((noun) => b.includes(noun)))
      return [`says "${said.concepts.map((c) => c.text).join(' ')}": who does what to whom is turned round`];
  }
  // What is said of each thing: the adjectives and numbers right before it.
  const traits = ({ concepts }: Clause): Map<string, Concept> =>
    new Map(
      concepts.flatMap((c, i) => {
        const before = concepts[i - 1];
        return c.pos === 'noun' &&
          before &&
          sentenceKindOf(before.lemma) !== undefined &&
          before.pos !== 'preposition'
          ? [[c.stem, before] as const]
          : [];
      }),
    );
  const mine = traits(gold);
  return [...traits(said)].flatMap(([noun, trait]) => {
    const own = mine.get(noun);
    return own && own.stem !== trait.stem && sentenceKindOf(own.lemma) === sentenceKindOf(trait.lemma)
      ? [`says "${trait.text}" instead of "${own.text}"`]
      : [];
  });
}
