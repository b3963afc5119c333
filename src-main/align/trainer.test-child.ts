/**
 * @file A training run in a process of its own, for tests that kill it: `node trainer.test-child.ts RUN_DIR [STEPS]`. After so many steps
 * it stands still, so that however late a kill comes, the run has not ended.
 */
import { TEST_CONFIG, TINY_MODEL, tinyPairs } from './trainer.test-data.ts';
import { train } from './trainer.ts';

const [runDir, steps = 'Infinity'] = process.argv.slice(2);
let left = Number(steps);

await train({
  runDir,
  modelDir: TINY_MODEL,
  pairs: await tinyPairs(),
  config: { ...TEST_CONFIG, checkpointEvery: 1 },
  resume: true,
  onEvent: (event) => {
    if (event.type === 'start') process.stdout.write('started\n');
    if (event.type === 'metrics' && --left === 0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});
process.stdout.write('done\n');
