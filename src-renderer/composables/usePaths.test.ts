/** @file Paths of both worlds: separators and extensions. */
import { describe, expect, it } from 'vitest';
import { extensionOf, joinPath } from './usePaths.ts';

describe('paths', () => {
  it('joins with the separator of the folder', () => {
    expect(joinPath('/home/a', 'x')).toBe('/home/a/x');
    expect(joinPath('/', 'x')).toBe('/x');
    expect(joinPath('C:\\Users\\a', 'x')).toBe('C:\\Users\\a\\x');
  });
  it('knows extensions', () => {
    expect([extensionOf('/a.b/c.MP4'), extensionOf('/a.b/c'), extensionOf('C:\\x\\y.tsv')]).toEqual([
      'mp4',
      '',
      'tsv',
    ]);
  });
});
