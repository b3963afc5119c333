/** @file Unit tests: one file beside each source file, run in plain Node 24 (no DOM, no mocks of our own parts). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src-main/**/*.test.ts', 'scripts/**/*.test.ts', 'src-renderer/**/*.test.ts'],
    // ONNX Runtime and FFmpeg hold native state: a forked process per file keeps one file's crash its own.
    pool: 'forks',
    maxWorkers: 2,
    setupFiles: ['scripts/property-seed.ts'],
    // Limits end what hangs; they say nothing about speed. On a quiet machine the slowest test takes a tenth of them.
    testTimeout: 180_000,
    // What a test may take, its preparation may take too: clips are written and models loaded in hooks.
    hookTimeout: 180_000,
    // `expect.poll` waits for what will happen: how long that takes is the machine's affair.
    expect: { poll: { timeout: 60_000 } },
  },
});
