/**
 * @file Pretrains the sample model with this project's own engine; all parameters train. Three phases:
 *  1. tower: single frames, auxiliary targets only, so that the vision tower can see before anything else is asked of it;
 *  2. unbiased: the whole model on balanced clips and questions;
 *  3. biased: clips and questions with the spurious correlation and the language prior, some of them broken (frames shuffled,
 *     patches masked), where only the priors help. That is where the model picks up the habits that RRPO is to undo.
 * `node scripts/pretrain-sample/main.ts --out DIR [--seed 1] [--minutes 60] [--tower N] [--unbiased N] [--biased N]`: stops after that time or those steps, and goes on
 * from where it stopped when started again with the same options. Equal options give equal steps. Logs are JSON lines.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { AdamW, clipFactor, globalNorm, type Parameter } from '../../src-main/align/adamw.ts';
import { learningRate } from '../../src-main/align/schedule.ts';
import { Random } from '../../src-main/platform/random.ts';
import { createSession, type Session, type Tensor } from '../../src-main/tensor/onnxruntime.ts';
import { ClipBatches, FrameBatches, type ClipMix, type Feeds } from './batches.ts';
import { initialWeights, sampleConfig, writeModelFiles, writeModelWeights } from './model-files.ts';
import { scoreBatches } from './score.ts';
import { loadState, saveState } from './state.ts';
import { corpus, trainTokenizer, WorldTokenizer } from './tokenizer.ts';
import { initialHeads, modelGraph, towerGraph, type TrainingGraph } from './training-graph.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    threads: { type: 'string', default: '1' },
    tower: { type: 'string', default: '1500' },
    unbiased: { type: 'string', default: '4500' },
    biased: { type: 'string', default: '400' },
    rate: { type: 'string', default: '0.0007' },
    'biased-rate': { type: 'string', default: '0.0006' },
    'biased-share': { type: 'string', default: '1' },
    broken: { type: 'string', default: '0.5' },
    // Steps between scores on held-out clips; 0: none.
    'score-every': { type: 'string', default: '500' },
  },
});

const TOWER_FRAMES = 64;
const ROWS = 4;
const ROW_LENGTH = 304;
const LABEL_SLOTS = 64;
const OPTIMIZER = { beta1: 0.9, beta2: 0.98, weightDecay: 0.02 };
const SAVE_EVERY = 250;

const scalar = (x: number): Tensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(x) });

/** Named options as numbers. */
const number = (name: Exclude<keyof typeof values, 'out'>): number => {
  const n = Number(values[name]);
  if (!Number.isFinite(n) || n < 0) throw new Error(`--${name}: expected a number, got ${values[name]}`);
  return n;
};

type Phase = {
  name: 'tower' | 'unbiased' | 'biased';
  steps: number;
  rate: number;
  /** Fraction of the rate that the cosine ends at. */
  floor: number;
  warmup: number;
  clips: ClipMix;
  /** Weight of the auxiliary losses. */
  state: number;
};

const PHASES: readonly Phase[] = [
  {
    name: 'tower',
    steps: number('tower'),
    rate: 0.002,
    floor: 0.1,
    warmup: 100,
    clips: { biased: 0, broken: 0 },
    state: 0,
  },
  {
    name: 'unbiased',
    steps: number('unbiased'),
    rate: number('rate'),
    floor: 0.1,
    warmup: 200,
    clips: { biased: 0, broken: 0 },
    state: 0.5,
  },
  {
    name: 'biased',
    steps: number('biased'),
    rate: number('biased-rate'),
    floor: 0.3,
    warmup: 50,
    clips: { biased: number('biased-share'), broken: number('broken') },
    state: 0,
  },
];

async function main(out: string): Promise<void> {
  const modelDir = path.join(out, 'model');
  mkdirSync(modelDir, { recursive: true });
  const log = (entry: Record<string, unknown>) => {
    const line = JSON.stringify(entry);
    appendFileSync(path.join(out, 'log.jsonl'), `${line}\n`);
    console.log(line);
  };
  const seed = number('seed');
  const random = new Random(`pretrain/${seed}`);
  const vocabulary = trainTokenizer(corpus(3000, 1));
  const tokenizer = new WorldTokenizer(vocabulary);
  const config = sampleConfig(vocabulary);
  await writeModelFiles(modelDir, vocabulary);
  const weights = initialWeights(config, random.fork('weights'));
  const parameters = [...weights, ...initialHeads(config, random.fork('heads'))];
  const byName = new Map(parameters.map((p) => [p.name, p]));
  const shapes = new Map(parameters.map((p) => [p.name, p.shape]));
  const saved = await loadState(out, parameters);
  let done = saved?.step ?? 0;
  const started = performance.now();
  const late = () => performance.now() - started > number('minutes') * 60_000;
  log({
    event: 'start',
    step: done,
    parameters: weights.reduce((n, p) => n + p.data.length, 0),
    options: values,
  });

  const open = async (built: TrainingGraph) => ({
    session: await createSession(built.graph, { threads: number('threads') }),
    used: built.parameters.map((name) => byName.get(name)!),
    trained: built.trained.map((name) => byName.get(name)!),
  });
  const run = (session: Session, used: readonly Parameter[], feeds: Feeds) => {
    const all: Feeds = { ...feeds };
    for (const p of used) all[p.name] = { dtype: 'float32', shape: p.shape, data: p.data };
    return session.run(all);
  };
  const save = async (optimizer: AdamW) => {
    await saveState(out, parameters, optimizer, done);
    await writeModelWeights(modelDir, weights, config);
  };

  let first = 0; // steps before the phase
  for (const phase of PHASES) {
    const end = first + phase.steps;
    if (done < end && !late()) {
      const frames = new FrameBatches(TOWER_FRAMES);
      const clips = new ClipBatches(config, tokenizer, ROWS, ROW_LENGTH, LABEL_SLOTS);
      const whole = phase.name !== 'tower';
      const { session, used, trained } = await open(
        whole
          ? modelGraph(config, shapes, clips.sizes, true)
          : towerGraph(config, shapes, TOWER_FRAMES, true),
      );
      const scoreEvery = number('score-every');
      const scoring =
        whole && scoreEvery > 0 ? await open(modelGraph(config, shapes, clips.sizes, false)) : null;
      const weightsOf = { state_weight: scalar(phase.state) };
      const optimizer = new AdamW(trained, OPTIMIZER);
      if (done > first) saved?.restore(optimizer);
      const means: Record<string, number> = {};
      let count = 0;
      let since = performance.now();
      while (done < end && !late()) {
        const step = done - first;
        const stream = random.fork(`${phase.name}/${step}`);
        const feeds = whole
          ? { ...clips.next(stream, phase.clips).feeds, ...weightsOf }
          : frames.next(stream);
        const results = await run(session, used, feeds);
        const gradients = trained.map((p) => results[`grad.${p.name}`].data as Float32Array);
        const norm = globalNorm(gradients);
        const rate = learningRate(
          {
            kind: 'cosine',
            peak: phase.rate,
            floorRatio: phase.floor,
            warmupSteps: phase.warmup,
            totalSteps: phase.steps,
          },
          step,
        );
        optimizer.step(gradients, rate, clipFactor(norm, 1));
        done++;
        for (const [name, value] of Object.entries(results))
          if (name.endsWith('loss')) means[name] = (means[name] ?? 0) + Number(value.data[0]);
        count++;
        if (done % 50 === 0) {
          const ms = Math.round((performance.now() - since) / count);
          const rounded = Object.entries(means).map(([k, v]) => [k, Number((v / count).toFixed(4))] as const);
          log({
            step: done,
            phase: phase.name,
            ms,
            norm: Number(norm.toFixed(3)),
            ...Object.fromEntries(rounded),
          });
          for (const key of Object.keys(means)) means[key] = 0;
          count = 0;
          since = performance.now();
        }
        if (done % SAVE_EVERY === 0) await save(optimizer);
        if (scoring !== null && (done % scoreEvery === 0 || done === end)) {
          const predict = async (f: Feeds) =>
            (await run(scoring.session, scoring.used, { ...f, ...weightsOf })).predicted
              .data as BigInt64Array;
          log({ step: done, phase: phase.name, scores: await scoreBatches(clips, predict) });
          since = performance.now();
        }
      }
      await session.release();
      await scoring?.session.release();
      await save(optimizer);
    }
    first = end;
  }
  log({
    event: done >= first ? 'finished' : 'stopped',
    step: done,
    minutes: (performance.now() - started) / 60_000,
  });
}

if (values.out === undefined) {
  console.error(
    'usage: node scripts/pretrain-sample/main.ts --out DIR [--seed 1] [--minutes 60] [--tower N] [--unbiased N] [--biased N]',
  );
  process.exitCode = 2;
} else await main(values.out);
