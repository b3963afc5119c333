/** @file Run records round-trip; what makes two runs the same, and what differs, in words. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseTrainingConfig } from './config.ts';
import {
  differences,
  pairHash,
  readRunRecord,
  runFingerprint,
  softwareVersions,
  writeRunRecord,
  type RunRecord,
} from './run-record.ts';

const config = parseTrainingConfig({});
const text = {
  question: 'q',
  chosen: 'a',
  rejected: 'b',
  chosenSpans: [{ start: 0, end: 1 }],
  rejectedSpans: [],
};
const pairs = [{ id: 'p1', version: 3, sha256: pairHash(text) }];

let runDir: string;
beforeEach(async () => {
  runDir = await mkdtemp(path.join(os.tmpdir(), 'record-'));
});
afterEach(() => rm(runDir, { recursive: true }));

const record: RunRecord = {
  format: 1,
  createdAt: '2026-11-23T00:00:00.000Z',
  model: { dir: '/m', family: 'qwen2', hash: 'h' },
  config,
  pairs,
  excluded: [{ id: 'p2', reason: 'no marked token' }],
  versions: softwareVersions('1.30.0'),
  fingerprint: runFingerprint('h', config, pairs),
};

describe('run record', () => {
  it('round-trips, and is null for an empty folder', async () => {
    expect(await readRunRecord(runDir)).toBeNull();
    await writeRunRecord(runDir, record);
    expect(await readRunRecord(runDir)).toEqual(record);
    expect(record.versions.onnxruntime).toBe('1.30.0');
  });

  it('refuses a newer format, and a file that is not JSON by its name', async () => {
    await writeFile(path.join(runDir, 'run.json'), '{"format": ');
    await expect(readRunRecord(runDir)).rejects.toThrow(/run\.json: expected JSON, got/);
    await writeFile(path.join(runDir, 'run.json'), '{"format": 2}');
    await expect(readRunRecord(runDir)).rejects.toThrow('expected format 1, got 2');
  });
});

describe('fingerprint', () => {
  it('changes with what a run computes, not with how it is carried out', () => {
    const base = record.fingerprint;
    expect(runFingerprint('h', { ...config, checkpointEvery: 1, threads: 2 }, pairs)).toBe(base);
    expect(runFingerprint('h', { ...config, beta: 0.2 }, pairs)).not.toBe(base);
    expect(runFingerprint('i', config, pairs)).not.toBe(base);
    expect(runFingerprint('h', config, [{ ...pairs[0], sha256: 'x' }])).not.toBe(base);
    expect(pairHash({ ...text, chosenSpans: [] })).not.toBe(pairHash(text));
  });

  it('is explained in words', () => {
    expect(differences(record, record)).toBeNull();
    const offered = {
      model: record.model,
      config: { ...config, beta: 0.9 },
      pairs: [
        { ...pairs[0], sha256: 'x' },
        { id: 'p9', version: 1, sha256: 'y' },
      ],
    };
    expect(differences(record, offered)).toBe(
      'beta was 0.1 and is now 0.9; pairs: 1 edited, 1 added, 0 removed',
    );
  });
});
