/** @file Which videos are held out. By video, never by sample; the same seed and order of adding give the same split. */
import type { Split } from '../contract/schemas.ts';
import { Random } from '../platform/random.ts';

/**
 * Split of the n-th drawn video (from 0). Of every block of `1 / heldout` videos exactly one, drawn by the seed, is held out: so
 * a small project has held-out videos too, and adding videos never moves one that is in.
 */
export function drawSplit(n: number, settings: { seed: number; heldout: number }): Split {
  if (settings.heldout <= 0) return 'train';
  const block = Math.max(2, Math.round(1 / settings.heldout));
  const chosen = new Random(`split/${settings.seed}/${Math.floor(n / block)}`).int(block);
  return n % block === chosen ? 'heldout' : 'train';
}
