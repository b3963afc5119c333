/**
 * @file Where this program's own files are, in each way it can run: TypeScript sources under Node 24 (tests, `serve`, the
 * command line, workers from a checkout), or the built `out/` folder (Electron, a package).
 */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** True when running from the built `out/` folder instead of from TypeScript sources. */
const isBuilt = !here.endsWith('.ts');

/** The folder with package.json, resources/ and out/. */
export const appRoot: string = findRoot(path.dirname(here));

function findRoot(start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json')) && existsSync(path.join(folder, 'resources')))
      return folder;
    if (path.dirname(folder) === folder)
      throw new Error(`internal: no folder with package.json and resources/ above ${start}`);
  }
}

/** The sample model, the sample project and icons. */
export const resourcesDir: string = path.join(appRoot, 'resources');

/** The built window. */
export const rendererDir: string = path.join(appRoot, 'out', 'renderer');

/** Absolute path of a worker's entry module, e.g. `workerEntry('media')`. */
export function workerEntry(name: string): string {
  return isBuilt
    ? unpacked(path.join(appRoot, 'out', 'main', 'workers', `${name}.js`))
    : path.join(appRoot, 'src-main', 'workers', `${name}.ts`);
}

/** Node cannot read inside Electron's archive: what it runs lies unpacked beside it. */
export function unpacked(file: string): string {
  return file.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked');
}

/** True when `url` (an `import.meta.url`) is the module Node was started with. `import.meta.main` needs Node 24.2. */
export function isMain(url: string): boolean {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(url));
}
