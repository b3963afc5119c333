/**
 * @file Makes clips and questions of the sample world: `node scripts/make-sample.ts --clips 80 --seed 7 --out DIR`.
 * DIR gets `clips/*.mp4|webm` and `samples.json`. Equal options give equal files.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { drawSet, sampleRows, writeClip } from '../resources/world/sample-set.ts';
import { writeFileAtomic } from '../src-main/platform/files.ts';

const { values } = parseArgs({
  options: {
    clips: { type: 'string', default: '80' },
    seed: { type: 'string', default: '7' },
    out: { type: 'string' },
    mix: { type: 'string', default: 'balanced' },
    questions: { type: 'string', default: '6' },
    'heldout-every': { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});

const usage = `node scripts/make-sample.ts --out DIR [--clips 80] [--seed 7] [--mix balanced|biased] [--questions 6] [--heldout-every 2]
  --questions      questions a clip
  --heldout-every  every n-th clip is held out; 0 for none`;

function count(name: 'clips' | 'seed' | 'questions' | 'heldout-every', least: number): number {
  const n = Number(values[name]);
  if (!Number.isInteger(n) || n < least)
    throw new Error(`--${name}: expected a whole number of at least ${least}, got ${values[name]}`);
  return n;
}

async function main(): Promise<void> {
  const { out, mix } = values;
  if (values.help || out === undefined || (mix !== 'balanced' && mix !== 'biased')) {
    console.error(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const clips = drawSet({
    clips: count('clips', 1),
    seed: count('seed', 0),
    mix,
    questions: count('questions', 1),
    heldoutEvery: count('heldout-every', 0),
  });
  for (const clip of clips) await writeClip(clip, path.join(out, 'clips'));
  const rows = sampleRows(clips, `sample-world/${values.seed}/${mix}`);
  await writeFileAtomic(path.join(out, 'samples.json'), `${JSON.stringify(rows, null, 1)}\n`);
  console.log(`${clips.length} clips, ${rows.length} questions -> ${path.resolve(out)}`);
}

await main();
