/** @file Door 3: the command line. `bin/rrpo-workbench.mjs` starts this under Node 24. */
import { main } from './cli/main.ts';

process.exitCode = await main(process.argv.slice(2));
