/** @file For tests: what a probe finds, without a file. */
import { Random } from '../platform/random.ts';
import { LOOK_BYTES } from './look.ts';

/** A look that no other content has. */
export function lookFrom(content: string): Uint8Array {
  const random = new Random(content);
  return Uint8Array.from({ length: LOOK_BYTES }, () => random.int(256));
}
