/** @file A training run in a process of its own, for tests that kill it: `node trainer.test-child.ts RUN_DIR`. */
import { TEST_CONFIG, TINY_MODEL, tinyPairs } from './trainer.test-data.ts';
import { train } from './trainer.ts';

await train({
  runDir: process.argv[2],
  modelDir: TINY_MODEL,
  pairs: await tinyPairs(),
  config: { ...TEST_CONFIG, checkpointEvery: 1 },
  resume: true,
  onEvent: (event) => {
    if (event.type === 'start') process.stdout.write('started\n');
  },
});
process.stdout.write('done\n');
