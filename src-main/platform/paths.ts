/** @file Where the workbench keeps what belongs to the person and not to a project; paths that survive a move. */
import os from 'node:os';
import path from 'node:path';
import { resourcesDir } from './entries.ts';

/**
 * Folder for the recent list, settings and the sample project: `RRPO_WORKBENCH_HOME` when set, otherwise the
 * platform's own place (XDG data home, `%APPDATA%`, `~/Library/Application Support`). May not exist yet.
 */
export function userDataDir(
  env: Record<string, string | undefined> = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = os.homedir(),
): string {
  const override = env.RRPO_WORKBENCH_HOME;
  if (override) return path.resolve(override);
  if (platform === 'win32')
    return path.join(env.APPDATA || path.join(home, 'AppData', 'Roaming'), 'rrpo-workbench');
  if (platform === 'darwin') return path.join(home, 'Library', 'Application Support', 'rrpo-workbench');
  // The XDG specification says that a relative value is to be ignored.
  const xdg = env.XDG_DATA_HOME;
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(home, '.local', 'share'), 'rrpo-workbench');
}

/** True when `file` is `folder` or lies below it. Both absolute. */
export function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}

const APP = 'app:';
const PROJECT = 'project:';

/**
 * The form in which a path is stored, so that it survives a move of the app or of the project folder:
 * `app:sample/x.mp4` inside the app's resources, `project:clips/x.mp4` inside the project, otherwise absolute.
 */
export function toPortable(file: string, projectFolder: string, resources: string = resourcesDir): string {
  const slashed = (p: string): string => p.split(path.sep).join('/');
  if (isInside(resources, file)) return APP + slashed(path.relative(resources, file));
  if (isInside(projectFolder, file)) return PROJECT + slashed(path.relative(projectFolder, file));
  return file;
}

/** The inverse of {@link toPortable}: an absolute path on this machine now. */
export function fromPortable(
  stored: string,
  projectFolder: string,
  resources: string = resourcesDir,
): string {
  if (stored.startsWith(APP)) return path.join(resources, ...stored.slice(APP.length).split('/'));
  if (stored.startsWith(PROJECT)) return path.join(projectFolder, ...stored.slice(PROJECT.length).split('/'));
  return stored;
}
