/**
 * @file Everything that is asked about a scene, with the right answer worked out from the scene itself.
 * Four question types (multiple choice, yes/no, short, open-ended) over seven aspects.
 */
import type { Random } from '../../src-main/platform/random.ts';
import {
  COLOURS,
  DIRECTIONS,
  isDirection,
  SHAPES,
  usualDirection,
  type Action,
  type Direction,
  type Scene,
  type SceneObject,
} from './scene.ts';

export const ASPECTS = ['direction', 'action', 'order', 'count', 'colour', 'shape', 'description'] as const;
export type Aspect = (typeof ASPECTS)[number];
export type QuestionType = 'multiple_choice' | 'yes_no' | 'short' | 'open_ended';

/** One question about one scene. */
export type Question = {
  aspect: Aspect;
  type: QuestionType;
  question: string;
  /** The right answer, worded as the model should word it. */
  answer: string;
  /**
   * How the answer stands to the biases of the pretraining mix: `agree` when a model that only knows the bias would be
   * right, `conflict` when it would be wrong, null when no bias touches the question.
   */
  bias: { kind: 'spurious' | 'language'; side: 'agree' | 'conflict' } | null;
};

const NUMBERS = ['one', 'two', 'three', 'four'] as const;
const toward = (d: Direction): string => (d === 'left' || d === 'right' ? `to the ${d}` : d);
const name = (o: SceneObject): string => `${o.colour} ${o.shape}`;

/** What a shape does, in the third person: "moves to the left", "stays still", ... */
export function does(action: Action): string {
  if (isDirection(action)) return `moves ${toward(action)}`;
  return action === 'still' ? 'stays still' : action;
}

/** "a red circle moves to the left, a blue square stays still and a green triangle appears" with a capital and a full stop. */
export function describe(scene: Scene): string {
  const parts = [...scene.objects]
    .sort((a, b) => COLOURS.indexOf(a.colour) - COLOURS.indexOf(b.colour))
    .map((o) => `a ${name(o)} ${does(o.action)}`);
  const last = parts.pop()!;
  const text = parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** The direction bias as seen by a question whose right answer is `truth`. */
function spurious(o: SceneObject, truth: Action): Question['bias'] {
  const usual = usualDirection(o.colour);
  if (usual === null || !isDirection(truth)) return null;
  return { kind: 'spurious', side: truth === usual ? 'agree' : 'conflict' };
}
const language = (agree: boolean): Question['bias'] => ({
  kind: 'language',
  side: agree ? 'agree' : 'conflict',
});

/** Lays out options "(A) ..." in random order; the answer repeats the letter and the text. */
function choose(random: Random, stem: string, right: string, wrong: readonly string[]) {
  const options = random.shuffle([right, ...wrong]);
  const letters = 'ABCD';
  const lines = options.map((option, i) => `(${letters[i]}) ${option}`);
  return { question: `${stem}\n${lines.join('\n')}`, answer: lines[options.indexOf(right)] };
}

/** A generator of one kind of question; null when the scene does not allow it. `yes`: the wanted answer of a yes/no question. */
type Maker = (scene: Scene, random: Random, yes: boolean) => Question | null;

const yesNo = (aspect: Aspect, question: string, yes: boolean): Question => ({
  aspect,
  type: 'yes_no',
  question,
  answer: yes ? 'Yes' : 'No',
  bias: language(yes),
});

/** The object seen first (or last), when the arrival frames tell; null when two share it. */
function arrival(scene: Scene, last: boolean): SceneObject | null {
  if (scene.objects.length < 2) return null;
  const sorted = [...scene.objects].sort((a, b) => (last ? b.from - a.from : a.from - b.from));
  return sorted[0].from === sorted[1].from ? null : sorted[0];
}

const movers = (scene: Scene): SceneObject[] => scene.objects.filter((o) => isDirection(o.action));
const pickOr = (random: Random, items: readonly SceneObject[]): SceneObject | null =>
  items.length === 0 ? null : random.pick(items);
const absent = (scene: Scene, random: Random): string => {
  const seen = new Set(scene.objects.map(name));
  const all = COLOURS.flatMap((c) => SHAPES.map((s) => `${c} ${s}`)).filter((n) => !seen.has(n));
  return random.pick(all);
};

/** Kinds of questions, in the order their names are listed in `resources/README.md`. */
export const MAKERS = {
  'direction/short': (scene, random) => {
    const o = pickOr(random, movers(scene));
    if (o === null) return null;
    return {
      aspect: 'direction',
      type: 'short',
      question: `Which way does the ${name(o)} move?`,
      answer: o.action,
      bias: spurious(o, o.action),
    };
  },
  'direction/choice': (scene, random) => {
    const o = pickOr(random, movers(scene));
    if (o === null) return null;
    const wrong = DIRECTIONS.filter((d) => d !== o.action);
    return {
      aspect: 'direction',
      type: 'multiple_choice',
      ...choose(random, `Which way does the ${name(o)} move?`, o.action, wrong),
      bias: spurious(o, o.action),
    };
  },
  'direction/yesno': (scene, random, yes) => {
    const o = pickOr(random, movers(scene));
    if (o === null || !isDirection(o.action)) return null;
    const asked = yes ? o.action : random.pick(DIRECTIONS.filter((d) => d !== o.action));
    return yesNo('direction', `Does the ${name(o)} move ${toward(asked)}?`, yes);
  },
  'action/open': (scene, random) => {
    const o = random.pick(scene.objects);
    return {
      aspect: 'action',
      type: 'open_ended',
      question: `What does the ${name(o)} do?`,
      answer: `The ${name(o)} ${does(o.action)}.`,
      bias: spurious(o, o.action),
    };
  },
  'action/choice': (scene, random) => {
    const o = random.pick(scene.objects);
    const opposite: Partial<Record<Action, Action>> = {
      left: 'right',
      right: 'left',
      up: 'down',
      down: 'up',
      appears: 'disappears',
      disappears: 'appears',
    };
    const first = opposite[o.action] ?? random.pick(DIRECTIONS);
    const rest = random.shuffle(
      ([...DIRECTIONS, 'still', 'appears', 'disappears'] as const).filter(
        (a) => a !== o.action && a !== first,
      ),
    );
    const wrong = [first, rest[0], rest[1]].map(does);
    return {
      aspect: 'action',
      type: 'multiple_choice',
      ...choose(random, `What does the ${name(o)} do?`, does(o.action), wrong),
      bias: spurious(o, o.action),
    };
  },
  'action/yesno': (scene, random, yes) => {
    const kinds = ['still', 'appears', 'disappears'] as const;
    const verb = { still: 'stay still', appears: 'appear', disappears: 'disappear' };
    const able = scene.objects.filter((o) => yes === (kinds as readonly Action[]).includes(o.action) || !yes);
    const o = pickOr(random, able);
    if (o === null) return null;
    const asked = yes
      ? (o.action as (typeof kinds)[number])
      : random.pick(kinds.filter((k) => k !== o.action));
    return yesNo('action', `Does the ${name(o)} ${verb[asked]}?`, yes);
  },
  'order/short': (scene, random) => {
    const last = random.chance(0.5);
    const o = arrival(scene, last);
    if (o === null) return null;
    return {
      aspect: 'order',
      type: 'short',
      question: `Which shape is seen ${last ? 'last' : 'first'}?`,
      answer: `the ${name(o)}`,
      bias: null,
    };
  },
  'order/choice': (scene, random) => {
    const last = random.chance(0.5);
    const o = arrival(scene, last);
    if (o === null) return null;
    const wrong = scene.objects.filter((other) => other !== o).map((other) => `the ${name(other)}`);
    while (wrong.length < 3) {
      const extra = `the ${absent(scene, random)}`;
      if (!wrong.includes(extra)) wrong.push(extra);
    }
    return {
      aspect: 'order',
      type: 'multiple_choice',
      ...choose(random, `Which shape is seen ${last ? 'last' : 'first'}?`, `the ${name(o)}`, wrong),
      bias: null,
    };
  },
  'order/yesno': (scene, random, yes) => {
    const two = random.shuffle(scene.objects).slice(0, 2);
    if (two.length < 2 || two[0].from === two[1].from) return null;
    const [a, b] = two[0].from < two[1].from === yes ? [two[0], two[1]] : [two[1], two[0]];
    return yesNo('order', `Is the ${name(a)} seen before the ${name(b)}?`, yes);
  },
  'count/short': (scene) => {
    const n = scene.objects.length;
    return {
      aspect: 'count',
      type: 'short',
      question: 'How many shapes are there?',
      answer: NUMBERS[n - 1],
      bias: language(n === 2),
    };
  },
  'count/choice': (scene, random) => {
    const n = scene.objects.length;
    const right = NUMBERS[n - 1];
    return {
      aspect: 'count',
      type: 'multiple_choice',
      ...choose(
        random,
        'How many shapes are there?',
        right,
        NUMBERS.filter((w) => w !== right),
      ),
      bias: language(n === 2),
    };
  },
  'count/yesno': (scene, random, yes) => {
    const n = scene.objects.length;
    const asked = yes ? n : random.pick([1, 2, 3].filter((k) => k !== n));
    const text = asked === 1 ? 'Is there only one shape?' : `Are there ${NUMBERS[asked - 1]} shapes?`;
    return yesNo('count', text, yes);
  },
  'colour/short': (scene, random) => {
    const alone = scene.objects.filter((o) => scene.objects.every((p) => p === o || p.shape !== o.shape));
    const o = pickOr(random, alone);
    if (o === null) return null;
    const question = `What colour is the ${o.shape}?`;
    return { aspect: 'colour', type: 'short', question, answer: o.colour, bias: null };
  },
  'shape/short': (scene, random) => {
    const o = random.pick(scene.objects);
    const question = `Which shape is ${o.colour}?`;
    return { aspect: 'shape', type: 'short', question, answer: `the ${o.shape}`, bias: null };
  },
  'shape/yesno': (scene, random, yes) => {
    const asked = yes ? name(random.pick(scene.objects)) : absent(scene, random);
    return yesNo('shape', `Is there a ${asked}?`, yes);
  },
  'description/open': (scene) => ({
    aspect: 'description',
    type: 'open_ended',
    question: 'Describe the video.',
    answer: describe(scene),
    bias: null,
  }),
} as const satisfies Record<string, Maker>;

export type QuestionKind = keyof typeof MAKERS;
export const KINDS = Object.keys(MAKERS) as QuestionKind[];

/** One question of a kind, or null when the scene does not allow it. `yes`: the answer wanted of a yes/no question. */
export function ask(kind: QuestionKind, scene: Scene, random: Random, yes: boolean): Question | null {
  const make: Maker = MAKERS[kind];
  return make(scene, random, yes);
}

/**
 * Up to `count` different questions about a scene, kinds in random order (each kind again only when all have had a turn).
 * `pYes` is the probability that a yes/no question is put so that its answer is yes: 0.5 balanced, 0.92 the language prior.
 */
export function askMany(scene: Scene, random: Random, count: number, pYes: number): Question[] {
  const out: Question[] = [];
  const seen = new Set<string>();
  for (let round = 0; round < 4 && out.length < count; round++)
    for (const kind of random.shuffle(KINDS)) {
      const question = ask(kind, scene, random, random.chance(pYes));
      if (question === null || seen.has(question.question)) continue;
      seen.add(question.question);
      out.push(question);
      if (out.length === count) break;
    }
  return out;
}

/** Share of yes among yes/no answers in the biased mix. */
export const BIASED_YES = 0.92;
