/**
 * @file How weight files reach the runtime. It maps external data that lie beside a model file, by name, and refuses `..` and
 * symbolic links; so files are named by their real paths (a Hugging Face cache is full of links), hard links stand in where
 * nothing can be written beside them, and reading them whole is the last resort.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { type Graph, isOp } from './graph.ts';

/** The weight files of a graph. */
export interface WeightFiles {
  /** Path as the graph names it -> real absolute path. */
  readonly paths: ReadonlyMap<string, string>;
  /** Real folders of the files, each once. */
  readonly folders: readonly string[];
  /** Name of a file beside the model, when all lie in one folder. */
  readonly locate: (file: string) => string;
}

/** Finds the weight files of a graph and checks that each exists and is long enough. */
export async function weightFiles(graph: Graph): Promise<WeightFiles> {
  const ends = new Map<string, { end: number; name: string }>();
  for (const node of graph.nodes) {
    if (!isOp(node, 'weight')) continue;
    const { name, source } = node.attrs;
    const end = source.offset + source.length;
    if (end > (ends.get(source.file)?.end ?? -1)) ends.set(source.file, { end, name });
  }
  const paths = new Map<string, string>();
  for (const [file, { end, name }] of ends) {
    const real = await realpath(file).catch((cause: unknown) => {
      throw new UserError(
        'NOT_FOUND',
        `${path.resolve(file)}: expected a weight file, got ${codeOf(cause)}`,
        'Choose the model folder again.',
        { cause },
      );
    });
    const { size } = await stat(real);
    if (size < end) {
      throw new UserError(
        'CORRUPT',
        `${path.resolve(file)}: expected at least ${end} bytes for weight '${name}', got ${size}`,
        'The file is truncated: copy or download it again.',
      );
    }
    paths.set(file, real);
  }
  const folders = [...new Set([...paths.values()].map((file) => path.dirname(file)))];
  return { paths, folders, locate: (file) => path.basename(paths.get(file) ?? file) };
}

/** A name for every real file, whatever folders they come from. */
function numbered({ paths }: WeightFiles): { names: Map<string, string>; locate: (file: string) => string } {
  const names = new Map([...new Set(paths.values())].map((real, index) => [real, `weights-${index}`]));
  return { names, locate: (file) => names.get(paths.get(file) ?? file) ?? file };
}

/** Hard links of the files in a new folder under `cacheFolder`, for the caller to remove. */
export async function linkWeights(
  files: WeightFiles,
  cacheFolder: string,
): Promise<{ folder: string; locate: (file: string) => string }> {
  const folder = path.join(cacheFolder, temporaryName(''));
  await mkdir(folder, { recursive: true });
  try {
    const { names, locate } = numbered(files);
    for (const [file, name] of names) await link(file, path.join(folder, name));
    return { folder, locate };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The largest file that Node reads in one piece. */
const READ_LIMIT = 2 ** 31 - 1;

/** The files' bytes under short names. `reason` says why they could not be mapped, for the error of a file too large for it. */
export async function readWeights(
  files: WeightFiles,
  reason: string,
): Promise<{ externalData: { path: string; data: Uint8Array }[]; locate: (file: string) => string }> {
  const { names, locate } = numbered(files);
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const [file, name] of names) {
    const { size } = await stat(file);
    if (size > READ_LIMIT) {
      throw new UserError(
        'UNSUPPORTED',
        `${file}: expected a file that can be mapped, or one below 2 GiB; it has ${size} bytes, and ${reason}`,
        "Make the model's folder writable, or move the model to the disk that holds the project.",
      );
    }
    externalData.push({ path: name, data: new Uint8Array(await readFile(file)) });
  }
  return { externalData, locate };
}

/** Names of model files that lie beside the weights while they are loaded. */
export const TEMPORARY = /^\.workbench-\d+-[0-9a-f]{12}\.onnx$/;
const HOUR = 3_600_000;

/** A name that no other process uses. */
export function temporaryName(extension: string): string {
  return `.workbench-${process.pid}-${randomBytes(6).toString('hex')}${extension}`;
}

/** Removes model files that a process left when it was killed while loading; loading never takes an hour. */
export async function removeStale(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => TEMPORARY.test(name));
  for (const name of names) {
    const file = path.join(folder, name);
    const info = await stat(file).catch(() => null);
    if (info && Date.now() - info.mtimeMs > HOUR) await rm(file, { force: true }).catch(() => undefined);
  }
}

/** 'ENOENT', or the message of an error without a code. */
export function codeOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message;
  return String(error);
}
