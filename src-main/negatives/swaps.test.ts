/** @file Concepts swapped in answers: the words fit, the marks lie on them, and no swap says what the preferred answer says. */
import { expect, test } from 'vitest';
import { sliceCodePoints, toUtf16 } from '../contract/text.ts';
import { conceptKey, conceptsOfSample, ConceptStatistics } from './concept-statistics.ts';
import { placedConcepts } from './concepts.ts';
import { judge } from './judge.ts';
import { proposeSwaps, replaceConcept } from './swaps.ts';

/** What the words of the table have been seen in; each three times, so that it counts. */
const CORPUS = `
A dog chases a ball on the grass. The dogs run across the street. A dog is running in the park.
A cat sits on the sofa. The cats sleep. A cat is sleeping on the bed.
An elephant walks near the river. The elephants drink water.
A man rides a bike. Two men ride horses. The man is riding a horse.
A woman holds an umbrella. The women hold umbrellas. The woman is holding a bag.
A child throws a ball. The children throw balls. A boy is throwing an apple.
A player kicks the ball. The player is kicking a ball. The players kick balls.
Water flows over the rocks. Wet sand covers the floor. A rock falls into the water.
A red car stops. A blue car drives away. The green bus turns left. A white orange lies on the table.
The small box falls to the left. The big box moves to the right. A large stone rolls down.
Three birds fly up. Four birds fly down. The bird flies over the tree. Two ducks swim.
He walks slowly. She walks quickly. They sing loudly.
A brush lies on the shelf. The knife is under the table. A university stands behind the church.
A baby cries in the kitchen. The baby laughs. The girl watches the fish.
`;
const sentences = CORPUS.split('\n').flatMap((line) => line.match(/[^.]+\./g) ?? []);
const documents = [...sentences, ...sentences, ...sentences].map((chosen) =>
  conceptsOfSample({ type: 'open_ended', question: '', chosen }),
);
const statistics = await ConceptStatistics.count(() => documents);

/** Answer | word to replace > concept | expected, with the mark; "no" where it does not fit. */
const TABLE = `
A dog runs across the street. | dog > noun:cat | A {cat} runs across the street.
A dog runs across the street. | dog > noun:elephant | An {elephant} runs across the street.
An elephant drinks. | elephant > noun:dog | A {dog} drinks.
The dog runs. | dog > noun:elephant | The {elephant} runs.
Two dogs run. | dogs > noun:cat | Two {cats} run.
Two dogs run. | dogs > noun:child | Two {children} run.
Two dogs run. | dogs > noun:man | Two {men} run.
Two cats sleep. | cats > noun:baby | Two {babies} sleep.
Two cats sleep. | cats > noun:brush | Two {brushes} sleep.
Two men talk. | men > noun:woman | Two {women} talk.
A man talks. | man > noun:university | A {university} talks.
A man talks. | man > noun:umbrella | An {umbrella} talks.
A man holds an umbrella. | umbrella > noun:bag | A man holds a {bag}.
A man holds a bag. | bag > noun:apple | A man holds an {apple}.
Small dogs run. | dogs > noun:cat | Small {cats} run.
A dog sees a dog. | dog > noun:cat | A {cat} sees a {cat}.
A dog sees an elephant near the dog. | dog > noun:child | A {child} sees an elephant near the {child}.
A dog runs. | dog > noun:water | no
The dog runs. | dog > noun:water | The {water} runs.
Cold water flows. | water > noun:sand | Cold {sand} flows.
Cold water flows. | water > noun:dog | no
A man rides a bike. | rides > verb:hold | A man {holds} a bike.
A man rides a bike. | rides > verb:chase | A man {chases} a bike.
A man rides a bike. | rides > verb:sleep | no
A man is riding a bike. | riding > verb:throw | A man is {throwing} a bike.
They ride a bike. | ride > verb:kick | They {kick} a bike.
A cat sits on the sofa. | sits > verb:fall | A cat {falls} on the sofa.
The girl watches the fish. | watches > verb:cover | The girl {covers} the fish.
A dog runs across the street. | runs > verb:fly | A dog {flies} across the street.
A red car stops. | red > adjective:blue | A {blue} car stops.
The red car stops. | red > adjective:white | The {white} car stops.
The small box falls. | small > adjective:big | The {big} box falls.
Three birds fly up. | Three > number:4 | {Four} birds fly up.
Three birds fly up. | up > preposition:down | Three birds fly {down}.
The box falls to the left. | left > preposition:right | The box falls to the {right}.
The box falls to the left. | left > preposition:down | no
He walks slowly. | slowly > adverb:quickly | He walks {quickly}.
She sings loudly. | loudly > adverb:slowly | She sings {slowly}.
Rex barks. | Rex > noun:cat | no
👩‍🚀 A dog 🐕 runs. | dog > noun:cat | 👩‍🚀 A {cat} 🐕 runs.
  A dog   runs. | dog > noun:elephant |   An {elephant}   runs.
An old dog runs. | old > adjective:big | A {big} dog runs.
A traffic light stops. | light > noun:dog | no
A dog, a cat and a ball. | cat > noun:apple | A dog, an {apple} and a ball.
The knife lies on the table. | on > preposition:under | The knife lies {under} the table.
`;

/** The text of a table's cell and its marks as [start, end) in code points. */
function marked(cell: string): { text: string; marks: [number, number][] } {
  const marks: [number, number][] = [];
  let text = '';
  let start = 0;
  for (const part of cell.split(/([{}])/)) {
    if (part === '{') start = [...text].length;
    else if (part === '}') marks.push([start, [...text].length]);
    else text += part;
  }
  return { text, marks };
}

const rows = TABLE.split('\n')
  .filter((line) => line !== '')
  .map((line) => /^(.*?) \| (.*?) > (.*?) \| (.*)$/.exec(line)!.slice(1));

test('the table has at least forty cases', () => expect(rows.length).toBeGreaterThanOrEqual(40));

test.each(rows)('%s: %s > %s', (answer, word, key, expected) => {
  const placed = placedConcepts(answer);
  const place = placed.find(({ text }) => text === word);
  expect(place, `"${word}" is a concept of it`).toBeDefined();
  const places = placed.filter((other) => conceptKey(other) === conceptKey(place!));
  const swap = replaceConcept(answer, places, key, statistics);
  if (expected === 'no') return expect(swap).toBeNull();
  const { text, marks } = marked(expected);
  expect(swap?.rejected).toBe(text);
  expect(swap!.phrases.map(({ rejected }) => [rejected!.start, rejected!.end])).toEqual(marks);
  expect(swap!.phrases.every(({ chosen }) => chosen!.quote.toLowerCase() === word.toLowerCase())).toBe(true);
});

test('a thing, a looks and a doing are suggested in words; a count and a place are not', () => {
  const hint = (answer: string, word: string, key: string): string | null => {
    const place = placedConcepts(answer).find(({ text }) => text === word)!;
    return replaceConcept(answer, [place], key, statistics)!.hint;
  };
  expect(hint('The dog runs.', 'dog', 'noun:elephant')).toBe('an elephant');
  expect(hint('Two dogs run.', 'dogs', 'noun:cat')).toBe('cats');
  expect(hint('The red car stops.', 'red', 'adjective:blue')).toBe('a blue car');
  expect(hint('red', 'red', 'adjective:blue')).toBe('something blue');
  expect(hint('A man rides a bike.', 'rides', 'verb:hold')).toBe('something that holds');
  expect(hint('Three birds fly up.', 'Three', 'number:4')).toBeNull();
  expect(hint('Three birds fly up.', 'up', 'preposition:down')).toBeNull();
});

test('whatever is proposed: marks quote their text, the rest is as it was, and the judge calls it wrong', () => {
  let proposed = 0;
  for (const chosen of sentences) {
    const sample = { type: 'open_ended' as const, question: '', chosen };
    for (const swap of proposeSwaps(sample, statistics, { inClip: new Set(), limit: 5 })) {
      proposed++;
      const { rejected, phrases, why } = swap;
      expect(rejected).not.toBe(chosen);
      expect(judge({ ...sample, reference: chosen, answer: rejected }).verdict).toBe('wrong');
      let [left, right] = [chosen, rejected];
      for (const phrase of phrases.toReversed())
        for (const side of ['chosen', 'rejected'] as const) {
          const text = side === 'chosen' ? chosen : rejected;
          const { start, end, quote } = phrase[side]!;
          expect(sliceCodePoints(text, start, end)).toBe(quote);
          const cut = (whole: string): string =>
            whole.slice(0, toUtf16(whole, start)) + whole.slice(toUtf16(whole, end));
          if (side === 'chosen') left = cut(left);
          else right = cut(right);
        }
      // But for "a" and "an" before a swapped word.
      const articles = (text: string): string => text.replace(/\b(a)n\b/gi, '$1');
      expect(articles(right)).toBe(articles(left));
      expect(why.lift).toBeGreaterThan(1);
      expect(why.together).toBeGreaterThanOrEqual(3);
    }
  }
  expect(proposed).toBeGreaterThan(20);
});

test('the strongest of what fits, and nothing that the clip has', () => {
  const corpus = [
    ...Array.from({ length: 8 }, () => 'A dog plays with a ball.'),
    ...Array.from({ length: 4 }, () => 'A dog plays with a stick.'),
    ...Array.from({ length: 8 }, () => 'A cat sleeps.'),
  ].map((chosen) => conceptsOfSample({ type: 'open_ended', question: '', chosen }));
  return ConceptStatistics.count(() => corpus).then((small) => {
    const sample = { type: 'open_ended' as const, question: '', chosen: 'A dog is near a fence.' };
    const suggested = (...inClip: string[]): string[] =>
      proposeSwaps(sample, small, { inClip: new Set(inClip), limit: 1 }).map(({ rejected }) => rejected);
    expect(suggested()).toEqual(['A dog is near a ball.']);
    expect(suggested('noun:ball')).toEqual(['A dog is near a stick.']);
    expect(suggested('noun:ball', 'noun:stick')).toEqual([]);
    const [{ why }] = proposeSwaps(sample, small, { inClip: new Set(), limit: 1 });
    // 8 * 20 / (12 * 8)
    expect(why).toEqual({
      concept: 'fence',
      suggested: 'ball',
      with: 'dog',
      together: 8,
      samples: 20,
      lift: 160 / 96,
    });
  });
});
