/** @file The colour of a run's state. */
import type { Run } from '../../../src-main/contract/schemas.ts';

const TONES: Record<Run['state'], 'plain' | 'accent' | 'good' | 'warn' | 'bad'> = {
  queued: 'plain',
  running: 'accent',
  stopping: 'warn',
  stopped: 'warn',
  done: 'good',
  failed: 'bad',
};

export const runTone = (state: Run['state']): (typeof TONES)[Run['state']] => TONES[state];
