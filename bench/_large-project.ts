/**
 * @file A project as large as product.md L8 asks for, with texts as they come: most of a line, some long, some in Chinese; and one clip of
 * two hours among the sample project's. Used by `window.ts` and by the pictures in docs/screens.
 */
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { once } from 'node:events';
import path from 'node:path';
import { importSamples } from '../src-main/library/import.ts';
import { encodeVideo, type TimedRgb } from '../src-main/media/encode.ts';
import { PairService } from '../src-main/pairs/pairs.ts';
import { resourcesDir } from '../src-main/platform/entries.ts';
import { Random } from '../src-main/platform/random.ts';
import { createProject } from '../src-main/project/project.ts';

const WORDS =
  'the a red blue green yellow circle square triangle moves stays appears disappears left right up down behind before after while slowly twice person camera table kitchen opens closes picks puts turns'.split(
    ' ',
  );
const CHINESE = '红色的圆形向左移动而蓝色的方块停在原地然后消失';
/** Every 50th text has 120 words, every 20th is Chinese, every 997th has this word. */
const RARE = 'zebra';

function sentence(random: Random, i: number): string {
  const length = i % 50 === 1 ? 120 : 6 + random.int(14);
  const words = Array.from({ length }, () => WORDS[random.int(WORDS.length)]);
  if (i % 997 === 0) words.push(RARE);
  return i % 20 === 2 ? `${CHINESE}（${i}）` : `${words.join(' ')} (${i}).`;
}

/** Two hours at one frame a second: a bar that crosses the picture once, over a picture that darkens. */
function* twoHours(width: number, height: number): Generator<TimedRgb> {
  for (let second = 0; second < 7200; second++) {
    const rgb = new Uint8Array(width * height * 3).fill(230 - second / 60);
    const bar = Math.floor((second / 7200) * (width - 8));
    for (let y = 0; y < height; y++)
      for (let x = bar; x < bar + 8; x++) rgb.set([60, 90, 200], (y * width + x) * 3);
    yield { rgb, pts: second };
  }
}

/** Rows of official RRPO JSON, each with a preferred and a non-preferred answer. */
async function writeRows(file: string, videos: readonly string[], count: number): Promise<void> {
  const random = new Random('bench/large-project');
  const stream = createWriteStream(file);
  stream.write('[\n');
  for (let i = 0; i < count; i++) {
    const row = {
      question: `<image>\n${i % 3 === 0 ? 'What happens when ' : 'Describe how '}${sentence(random, i)}`,
      answer: sentence(random, i + 1),
      pred: sentence(random, i + 2),
      video: videos[i % videos.length],
    };
    if (!stream.write(`${i > 0 ? ',\n' : ''}${JSON.stringify(row)}`)) await once(stream, 'drain');
  }
  stream.end('\n]\n');
  await once(stream, 'finish');
}

/** The folder of a project of `rows` samples and as many pairs under `home`; made unless it is there. */
export async function largeProject(home: string, rows: number): Promise<string> {
  const folder = path.join(home, 'project');
  if (existsSync(folder)) return folder;
  await mkdir(home, { recursive: true });
  const long = path.join(home, 'lecture, two hours.mp4');
  const size = { width: 160, height: 90 };
  await encodeVideo(long, twoHours(size.width, size.height), {
    ...size,
    timeBase: { num: 1, den: 1 },
    codec: 'h264',
    gop: 60,
    preset: 'ultrafast',
  });
  const clips = path.join(resourcesDir, 'sample', 'clips');
  const names = await readdir(clips);
  const file = path.join(home, 'rows.json');
  await writeRows(file, [long, ...names.map((name) => path.join(clips, name))], rows);
  const project = await createProject(folder, `${rows.toLocaleString('en')} samples`);
  const pairs = new PairService(project);
  await importSamples(project, { file, addPair: (id, row) => pairs.addImported(id, row) });
  project.close();
  return folder;
}
