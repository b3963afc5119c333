/** @file kill -9 at random moments: every acknowledged save is there afterwards, and the database is sound. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openProject } from '../project/project.ts';
import { PairService } from './pairs.ts';
import { temporaryProject } from '../project/testing.ts';
import { seedPair } from './testing.ts';

const ROUNDS = 10;
let dispose: () => void = () => undefined;
afterEach(() => dispose());

/** Saves without end; prints the version and the text of each save once it has returned. */
const SAVER = `
import { openProject } from ${JSON.stringify(path.resolve(import.meta.dirname, '../project/project.ts'))};
import { PairService } from ${JSON.stringify(path.join(import.meta.dirname, 'pairs.ts'))};
import { writeSync } from 'node:fs';
const [folder, pairId] = process.argv.slice(1);
const pairs = new PairService(await openProject(folder));
let pair = pairs.get(pairId);
for (let i = 0; ; i++) {
  const rejected = 'The red circle moves ' + 'x'.repeat(i % 200) + ' ' + i;
  pair = pairs.save({ pairId, baseVersion: pair.version, chosen: pair.chosen, rejected, phrases: pair.phrases });
  if (i % 7 === 6) pair = pairs.undo(pairId);
  writeSync(1, pair.version + ' ' + JSON.stringify(pair.rejected) + '\\n');
}`;

test(`${ROUNDS} times SIGKILL while saving`, async () => {
  const made = await temporaryProject();
  dispose = made.dispose;
  const { pairId } = seedPair(made.project);
  const folder = made.project.path;
  made.project.close();
  let acknowledgedInAll = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', SAVER, folder, pairId], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let errors = '';
    const first = new Promise<void>((resolve) =>
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        resolve();
      }),
    );
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
    await Promise.race([first, closed]);
    expect(errors).toBe('');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
    child.kill('SIGKILL');
    await closed;

    const lines = out.split('\n').slice(0, -1); // the last may be cut
    acknowledgedInAll += lines.length;
    const [version, text] = /^(\d+) (.*)$/.exec(lines.at(-1)!)!.slice(1);
    const project = await openProject(folder); // takes the dead process's lock over
    expect(project.db.integrityCheck()).toEqual([]);
    const pairs = new PairService(project);
    const pair = pairs.get(pairId);
    // A save may have been made and not yet acknowledged; never the other way round.
    expect(pair.version).toBeGreaterThanOrEqual(Number(version));
    expect(pair.version).toBeLessThanOrEqual(Number(version) + 2);
    if (pair.version === Number(version)) expect(pair.rejected).toBe(JSON.parse(text));
    const journal = project.db
      .prepare<{ version: number }>('SELECT version FROM journal WHERE pair_id = ? ORDER BY seq')
      .all(pairId);
    expect(journal.map((entry) => entry.version)).toEqual(
      Array.from({ length: pair.version }, (_, i) => i + 1),
    );
    project.close();
  }
  expect(acknowledgedInAll).toBeGreaterThan(ROUNDS);
});
