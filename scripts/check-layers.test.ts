/** @file The layer check finds imports against the direction, foreign homes and the renderer reaching in. */
import { describe, expect, it } from 'vitest';
import { checkFile, checkTree } from './check-layers.ts';

describe('check-layers', () => {
  it('accepts the tree as it is', () => {
    expect(checkTree()).toEqual([]);
  });

  it.each([
    ['src-main/media/a.ts', `import { x } from '../library/b.ts';`, /media may not import library/],
    ['src-main/pairs/a.ts', `export * from '../align/b.ts';`, /pairs may not import align/],
    ['src-main/services/a.ts', `import '../serve.ts';`, /services may not import serve.ts/],
    [
      'src-main/pairs/a.ts',
      `const x = await import('onnxruntime-node');`,
      /only .* may import onnxruntime-node/,
    ],
    [
      'src-main/library/a.ts',
      `import { DatabaseSync } from 'node:sqlite';`,
      /only .* may import node:sqlite/,
    ],
    [
      'src-renderer/a.ts',
      `import { y } from '../src-main/pairs/b.ts';`,
      /renderer imports only src-main\/contract/,
    ],
    [
      'src-renderer/a.vue',
      `<script setup lang="ts">import '../src-main/align/x.ts'</script>`,
      /renderer imports only/,
    ],
    ['src-main/contract/a.ts', `import '../platform/files.ts';`, /contract may not import platform/],
  ])('refuses %s: %s', (file, text, message) => {
    expect(checkFile(file, text).join('\n')).toMatch(message);
  });

  it('allows imports to the left, within a folder, and everything to a door', () => {
    expect(checkFile('src-main/align/a.ts', `import '../pairs/b.ts'; import './c.ts';`)).toEqual([]);
    expect(checkFile('src-main/cli.ts', `import './align/b.ts';`)).toEqual([]);
    expect(checkFile('src-renderer/rooms/x/a.ts', `import '../../../src-main/contract/text.ts';`)).toEqual(
      [],
    );
  });
});
