/**
 * @file `node scripts/crosscheck/train.ts --out DIR [--objective rrpo] [--kl response|official]`: twenty steps of training on pairs of the
 * sample project, through the trainer itself, for `train.py` to do again in PyTorch: the pairs with their tags, the order in which the
 * run takes them, the frames, the adapter before and after, and the metrics of every step. The last step has fewer pairs than the others.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { initialAdapter, writeAdapter } from '../../src-main/align/adapter.ts';
import { parseTrainingConfig } from '../../src-main/align/config.ts';
import { metricsFile, readMetrics } from '../../src-main/align/metrics.ts';
import { train, type TrainPair } from '../../src-main/align/trainer.ts';
import { framesAt } from '../../src-main/media/decode.ts';
import { modelFrameIndices } from '../../src-main/media/model-frames.ts';
import { probeVideo } from '../../src-main/media/probe.ts';
import { openModel } from '../../src-main/models/model.ts';
import { pixelValues } from '../../src-main/models/pixels.ts';
import { writeSafetensors, type TensorToWrite } from '../../src-main/models/safetensors.ts';
import { VisionEncoder } from '../../src-main/models/vision.ts';
import { writeFileAtomic } from '../../src-main/platform/files.ts';
import { Random } from '../../src-main/platform/random.ts';
import { formatTagged, type TextSpan } from '../../src-main/platform/tagged-text.ts';

const RESOURCES = path.resolve(import.meta.dirname, '../../resources');
const PAIRS = 14;
const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    objective: { type: 'string', default: 'rrpo' },
    kl: { type: 'string', default: 'response' },
  },
});
if (values.out === undefined) throw new Error('train: expected --out DIR, got none');
const out = path.resolve(values.out);
const runDir = path.join(out, 'run');
await mkdir(out, { recursive: true });

const config = parseTrainingConfig({
  objective: values.objective,
  klScope: values.kl,
  beta: 0.5,
  alpha: 0.05,
  learningRate: 2e-3,
  warmupRatio: 0.1,
  epochs: 5.5,
  accumulation: 4,
  weightDecay: 0.02,
  loraRank: 8,
  loraAlpha: 16,
  frames: 8,
});
const model = await openModel(path.join(RESOURCES, 'model'));
const vision = await VisionEncoder.open(model.checkpoint);

/** What differs between two texts once the words they begin and end with alike are left out, in code points. */
function differing(text: string, other: string): TextSpan {
  const [a, b] = [text, other].map((t) => t.split(/(?<= )/));
  let front = 0;
  while (front < Math.min(a.length, b.length) - 1 && a[front] === b[front]) front++;
  let back = 0;
  while (back < Math.min(a.length, b.length) - front - 1 && a.at(-1 - back) === b.at(-1 - back)) back++;
  const length = (words: string[]) => [...words.join('')].length;
  return { start: length(a.slice(0, front)), end: length(a.slice(0, a.length - back)) };
}

type Row = { sample_id: string; video: string; question: string; answer: string; pred?: string };
const rows = (
  JSON.parse(await readFile(path.join(RESOURCES, 'sample/samples.json'), 'utf8')) as Row[]
).filter(({ answer, pred }) => pred !== undefined && pred !== answer);
const chosen = Array.from({ length: PAIRS }, (_, i) => rows[Math.floor((i * rows.length) / PAIRS)]);
const frames: TensorToWrite[] = [];
const pairs: TrainPair[] = [];
for (const row of chosen) {
  const file = path.join(RESOURCES, 'sample', row.video);
  const { pts } = await probeVideo(file);
  const given = await framesAt(
    file,
    pts,
    modelFrameIndices(model.checkpoint.config.family, pts, config.frames),
  );
  const [{ width, height }] = given;
  const data = new Uint8Array(given.length * height * width * 3);
  given.forEach((frame, f) => data.set(frame.data, f * height * width * 3));
  frames.push({ name: row.sample_id, dtype: 'U8', shape: [given.length, height, width, 3], data });
  const pixels = pixelValues(given, given.length, model.processor.pixels!);
  const features = await vision.encodeVideo(pixels, given.length);
  const question = row.question.replace(/^<image>\n/, '');
  const { ids } = model.processor.prompt(
    model.tokenizer,
    [{ role: 'user', content: [{ type: 'video' }, { type: 'text', text: question }] }],
    [{ frames: given.length }],
  );
  pairs.push({
    id: row.sample_id,
    version: 1,
    question,
    chosen: row.answer,
    rejected: row.pred!,
    chosenSpans: [differing(row.answer, row.pred!)],
    rejectedSpans: [differing(row.pred!, row.answer)],
    prompt: () => Promise.resolve({ ids, features }),
  });
}
await vision.release();

const before = initialAdapter(model.checkpoint.config, config.loraRank, config.loraAlpha, config.seed);
await writeAdapter(path.join(out, 'before'), before, model.checkpoint.config, 'sample');
const { totalSteps, adapterDir } = await train({ runDir, modelDir: model.dir, pairs, config });

/** The order that the run's documentation promises: of every epoch a shuffle by seed and epoch. */
const order = Array.from({ length: Math.ceil(PAIRS * config.epochs) }, (_, position) => {
  const epoch = Math.floor(position / PAIRS);
  return new Random(config.seed).fork(`order/${epoch}`).shuffle([...pairs.keys()])[position % PAIRS];
});
await writeSafetensors(path.join(out, 'frames.safetensors'), frames);
const told = {
  model: model.dir,
  config,
  totalSteps,
  order,
  pairs: pairs.map(({ id, question, chosen: y, rejected: n, chosenSpans, rejectedSpans }) => ({
    id,
    question,
    answer: y,
    pred: n,
    answer_masked: formatTagged(y, chosenSpans),
    pred_masked: formatTagged(n, rejectedSpans),
  })),
  before: path.join(out, 'before'),
  after: adapterDir,
  metrics: await readMetrics(metricsFile(runDir)),
};
await writeFileAtomic(path.join(out, 'train.json'), JSON.stringify(told, null, 1));
console.log(`${totalSteps} steps of ${config.objective} on ${PAIRS} pairs in ${out}`);
