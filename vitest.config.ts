/** @file Unit tests: one file beside each source file, run in plain Node 24 (no DOM, no mocks of our own parts). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src-main/**/*.test.ts', 'scripts/**/*.test.ts', 'src-renderer/**/*.test.ts'],
    // ONNX Runtime and FFmpeg hold native state: a forked process per file keeps one file's crash its own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    // What a test may take, its preparation may take too: clips are written and models loaded in hooks.
    hookTimeout: 60_000,
  },
});
