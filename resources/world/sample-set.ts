/**
 * @file A set of clips with questions: which scene each clip shows, which file holds it, what is asked about it. Everything
 * follows from one seed; clip k of a set does not depend on how many clips are asked for.
 */
import path from 'node:path';
import { encodeVideo } from '../../src-main/media/encode.ts';
import { Random } from '../../src-main/platform/random.ts';
import { askMany, BIASED_YES, type Question } from './questions.ts';
import { renderFrame } from './render.ts';
import { BALANCED, BIASED, FPS, FRAMES, makeScene, SIZE, type Scene } from './scene.ts';

export type Split = 'train' | 'heldout';
/** 'biased': drawn like the last part of the pretraining mix; 'balanced': no answer is more likely than another. */
export type MixName = 'balanced' | 'biased';

/** One clip of a set. */
export type Clip = {
  /** Base name without extension, for example `clip-0007`. */
  name: string;
  codec: 'h264' | 'vp9';
  split: Split;
  scene: Scene;
  questions: Question[];
};

/** What to draw. */
export type SetOptions = {
  clips: number;
  seed: number;
  mix: MixName;
  /** Questions a clip. */
  questions: number;
  /** Every clip whose number is a multiple of this is held out; 0 holds none out, 1 all. */
  heldoutEvery: number;
};

/** Draws a set: clips numbered from 1, every fifth one VP9 in WebM, the others H.264 in MP4. */
export function drawSet(options: SetOptions): Clip[] {
  const random = new Random(`sample-set/${options.seed}/${options.mix}`);
  const biased = options.mix === 'biased';
  return Array.from({ length: options.clips }, (_, k) => {
    const stream = random.fork(k + 1);
    const scene = makeScene(stream, biased ? BIASED : BALANCED);
    return {
      name: `clip-${String(k + 1).padStart(4, '0')}`,
      codec: k % 5 === 3 ? 'vp9' : 'h264',
      split: options.heldoutEvery > 0 && (k + 1) % options.heldoutEvery === 0 ? 'heldout' : 'train',
      scene,
      questions: askMany(scene, stream, options.questions, biased ? BIASED_YES : 0.5),
    };
  });
}

/** File name of a clip. */
export const clipFile = (clip: Clip): string => `${clip.name}.${clip.codec === 'h264' ? 'mp4' : 'webm'}`;

function* frames(scene: Scene) {
  const rgb = new Uint8Array(SIZE * SIZE * 3);
  // Milliseconds, because WebM knows nothing finer; frame t is shown at t / FPS seconds, rounded.
  const pts = (t: number) => Math.round((t * 1000) / FPS);
  for (let t = 0; t < FRAMES; t++) {
    renderFrame(scene, t, rgb);
    yield { rgb, pts: pts(t), duration: pts(t + 1) - pts(t) };
  }
}

/** Encodes a clip into `dir` and returns the path of its file. */
export async function writeClip(clip: Clip, dir: string): Promise<string> {
  const file = path.join(dir, clipFile(clip));
  await encodeVideo(file, frames(clip.scene), {
    codec: clip.codec,
    width: SIZE,
    height: SIZE,
    timeBase: { num: 1, den: 1000 },
  });
  return file;
}

/** One entry of `samples.json`: the official RRPO keys (question with its image mark, answer, video, sample_id, src) and ours. */
export type SampleRow = {
  sample_id: string;
  /** Path relative to samples.json. */
  video: string;
  /** "<image>\n" and the question, as the official files have it. */
  question: string;
  type: Question['type'];
  aspect: Question['aspect'];
  split: Split;
  bias: Question['bias'];
  /** The preferred answer. */
  answer: string;
  src: string;
};

/** The rows of a set, clip after clip. */
export function sampleRows(clips: readonly Clip[], src: string): SampleRow[] {
  return clips.flatMap((clip) =>
    clip.questions.map((q, i) => ({
      sample_id: `${clip.name}-q${i + 1}`,
      video: `clips/${clipFile(clip)}`,
      question: `<image>\n${q.question}`,
      type: q.type,
      aspect: q.aspect,
      split: clip.split,
      bias: q.bias,
      answer: q.answer,
      src,
    })),
  );
}
