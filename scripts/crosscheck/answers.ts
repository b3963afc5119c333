/**
 * @file `node scripts/crosscheck/answers.ts --out DIR [--model DIR] [--adapter DIR] [--merged DIR] [--questions 12]`: what our engine
 * makes of questions of the sample project, for `crosscheck.py` to compare with the reference implementations: the frames, the pixels,
 * the prompt, and the greedy tokens with the logits they were chosen from, by the base model and with the adapter.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loraScale, readAdapter } from '../../src-main/align/adapter.ts';
import { writeMergedCheckpoint } from '../../src-main/align/merge.ts';
import { framesAt } from '../../src-main/media/decode.ts';
import { defaultFrames, modelFrameIndices } from '../../src-main/media/model-frames.ts';
import { probeVideo } from '../../src-main/media/probe.ts';
import { LanguageModel, type Prompt } from '../../src-main/models/generation.ts';
import { openModel } from '../../src-main/models/model.ts';
import { pixelValues } from '../../src-main/models/pixels.ts';
import { writeSafetensors, type TensorToWrite } from '../../src-main/models/safetensors.ts';
import { VisionEncoder } from '../../src-main/models/vision.ts';
import { writeFileAtomic } from '../../src-main/platform/files.ts';

const RESOURCES = path.resolve(import.meta.dirname, '../../resources');
const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    model: { type: 'string', default: path.join(RESOURCES, 'model') },
    adapter: { type: 'string' },
    merged: { type: 'string' },
    questions: { type: 'string', default: '12' },
  },
});
if (values.out === undefined) throw new Error('answers: expected --out DIR, got none');

const model = await openModel(values.model);
const { config } = model.checkpoint;
const settings = model.processor.pixels;
if (settings === undefined) throw new Error(`answers: expected a model with vision, got ${config.family}`);
const adapter = values.adapter === undefined ? null : await readAdapter(values.adapter, config);
const vision = await VisionEncoder.open(model.checkpoint);
const language = await LanguageModel.open(model.checkpoint, adapter ? { adapterRank: adapter.rank } : {});
if (adapter)
  language.setAdapter({ rank: adapter.rank, scale: loraScale(adapter), matrices: adapter.modules });

type Row = { video: string; question: string; type: string };
const rows = JSON.parse(await readFile(path.join(RESOURCES, 'sample/samples.json'), 'utf8')) as Row[];
const wanted = Number(values.questions);
// Spread over the whole file, so that clips, containers and kinds of questions vary.
const chosen = Array.from({ length: wanted }, (_, i) => rows[Math.floor((i * rows.length) / wanted)]);

const tensors: TensorToWrite[] = [];
const cases: unknown[] = [];

/** Greedy tokens; their logits [T, V] are added to the tensors under `name`. */
async function answer(name: string, prompt: Prompt): Promise<{ tokens: number[]; text: string }> {
  const tokens: number[] = [];
  const logits: Float32Array[] = [];
  const options = { maxNewTokens: 48, stopIds: model.stopIds, logits: true };
  for await (const token of language.generate(prompt, options)) {
    tokens.push(token.id);
    logits.push(token.logits!);
  }
  const data = new Float32Array(logits.length * config.text.vocab);
  logits.forEach((row, i) => data.set(row, i * config.text.vocab));
  tensors.push({ name, dtype: 'F32', shape: [tokens.length, config.text.vocab], data });
  return { tokens, text: model.tokenizer.decode(tokens, { skipSpecialTokens: true }) };
}

for (const [i, row] of chosen.entries()) {
  const file = path.join(RESOURCES, 'sample', row.video);
  const { pts } = await probeVideo(file);
  const count = (await defaultFrames(values.model, config.family)).value;
  const indices = modelFrameIndices(config.family, pts, count);
  const frames = await framesAt(file, pts, indices);
  const [{ width, height }] = frames;
  const pixels = pixelValues(frames, frames.length, settings); // [F, 3, H, W]
  const features = await vision.encodeVideo(pixels, frames.length);
  const question = row.question.replace(/^<image>\n/, '');
  const { ids } = model.processor.prompt(
    model.tokenizer,
    [{ role: 'user', content: [{ type: 'video' }, { type: 'text', text: question }] }],
    [{ frames: frames.length }],
  );
  const bytes = new Uint8Array(frames.length * height * width * 3);
  frames.forEach((frame, f) => bytes.set(frame.data, f * height * width * 3));
  tensors.push({ name: `${i}.frames`, dtype: 'U8', shape: [frames.length, height, width, 3], data: bytes });
  const side = Math.sqrt(pixels.length / frames.length / 3);
  tensors.push({ name: `${i}.pixels`, dtype: 'F32', shape: [frames.length, 3, side, side], data: pixels });
  language.adapterEnabled = false;
  const base = await answer(`${i}.base`, { ids, features });
  language.adapterEnabled = true;
  const adapted = adapter ? await answer(`${i}.adapted`, { ids, features }) : null;
  cases.push({ video: row.video, type: row.type, question, frameIndices: indices, ids, base, adapted });
}
await language.release();
await vision.release();

if (adapter && values.merged !== undefined)
  await writeMergedCheckpoint(values.merged, model.checkpoint, adapter);
await mkdir(values.out, { recursive: true });
await writeSafetensors(path.join(values.out, 'tensors.safetensors'), tensors);
const head = {
  model: path.resolve(values.model),
  adapter: values.adapter === undefined ? null : path.resolve(values.adapter),
  merged: values.merged === undefined ? null : path.resolve(values.merged),
};
await writeFileAtomic(path.join(values.out, 'answers.json'), JSON.stringify({ ...head, cases }, null, 1));
console.log(`${cases.length} questions in ${values.out}`);
