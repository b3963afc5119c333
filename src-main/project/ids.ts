/** @file Row ids: short, sortable by creation, unique within a project. */
import { randomFillSync } from 'node:crypto';

/** Random bytes in store: asking the system for three at a time would dominate an import. */
const pool = new Uint8Array(3 * 1024);
let used = pool.length;

function random20(): number {
  if (used >= pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const value = (pool[used] << 16) | (pool[used + 1] << 8) | pool[used + 2];
  used += 3;
  return value & 0xfffff;
}

let lastTime = 0;
let counter = 0;

/**
 * A new id such as `p-mb2k9x1f0000q7z3`: prefix, milliseconds (8 characters, base 36, good until the year 2059), a counter
 * within the millisecond and 20 random bits, so that two processes do not meet. Ids of one process sort by creation.
 */
export function newId(prefix: string, now: number = Date.now()): string {
  // A clock that was set back must not break the order.
  if (now > lastTime) {
    lastTime = now;
    counter = 0;
  } else if (++counter >= 36 ** 4) {
    lastTime++;
    counter = 0;
  }
  const digits = (value: number, width: number): string => value.toString(36).padStart(width, '0');
  return `${prefix}-${digits(lastTime, 8)}${digits(counter, 4)}${digits(random20(), 4)}`;
}
