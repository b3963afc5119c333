/** @file The list of checkers. A new kind of fixture is one file and one line here. */
import { frames } from './frames.ts';
import { model } from './model.ts';
import { pipeline } from './pipeline.ts';
import { preprocessChecker } from './preprocess.ts';
import { rrpoLossChecker } from './rrpo-loss.ts';
import { rrpoTrainChecker } from './rrpo-train.ts';
import { samplingChecker } from './sampling.ts';
import { tokenizer } from './tokenizer.ts';
import type { Checker } from './types.ts';

/** All checkers; a fixture is given to every one that recognises its manifest. */
export const CHECKERS: readonly Checker[] = [
  frames,
  model,
  tokenizer,
  pipeline,
  preprocessChecker,
  samplingChecker,
  rrpoLossChecker,
  rrpoTrainChecker,
];
