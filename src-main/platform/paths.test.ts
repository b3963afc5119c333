/** @file The person's folder per platform, and paths that survive a move. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { fromPortable, isInside, toPortable, userDataDir } from './paths.ts';

test('user data folder per platform', () => {
  expect(userDataDir({}, 'linux', '/home/a')).toBe('/home/a/.local/share/rrpo-workbench');
  expect(userDataDir({ XDG_DATA_HOME: '/data' }, 'linux', '/home/a')).toBe('/data/rrpo-workbench');
  expect(userDataDir({ XDG_DATA_HOME: 'relative' }, 'linux', '/home/a')).toBe(
    '/home/a/.local/share/rrpo-workbench',
  );
  expect(userDataDir({}, 'darwin', '/Users/a')).toBe('/Users/a/Library/Application Support/rrpo-workbench');
  expect(userDataDir({ RRPO_WORKBENCH_HOME: '/x' }, 'win32', 'C:/a')).toBe(path.resolve('/x'));
});

test('a stored path follows the app and the project when they move', () => {
  expect(toPortable('/app/resources/model', '/p', '/app/resources')).toBe('app:model');
  expect(fromPortable('app:model', '/p', '/moved/resources')).toBe('/moved/resources/model');
  expect(toPortable('/p/clips/a b.mp4', '/p', '/r')).toBe('project:clips/a b.mp4');
  expect(fromPortable('project:clips/a b.mp4', '/q', '/r')).toBe('/q/clips/a b.mp4');
  expect(toPortable('/elsewhere/a.mp4', '/p', '/r')).toBe('/elsewhere/a.mp4');
  expect(fromPortable('/elsewhere/a.mp4', '/q', '/s')).toBe('/elsewhere/a.mp4');
  expect(isInside('/p', '/pq/x')).toBe(false);
  expect(isInside('/p', '/p/..x')).toBe(false);
});
