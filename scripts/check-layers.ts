/**
 * @file Fails when an import goes against the direction of the layers, or when a heavy dependency is imported
 * outside the one file that knows it. The table below is `docs/architecture.md` in executable form.
 */
import { readFileSync, globSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { isMain } from '../src-main/platform/entries.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Below everything: any layer may import these. */
const BASE = ['contract', 'platform'];
/** Layers left to right; a folder may import from itself and from what stands before it. */
const ORDER = [
  'jobs',
  'project',
  'endpoint',
  'tensor',
  'models',
  'media',
  'library',
  'negatives',
  'pairs',
  'align',
  'compare',
  'exchange',
  'services',
];
/** The doors: they import everything, and nothing imports them. */
const DOORS = ['electron', 'serve', 'cli', 'workers', 'main.ts', 'preload.ts', 'serve.ts', 'cli.ts'];

/** Package name to the only source files (tests aside) that may import it. */
const SINGLE_HOME: Record<string, string[]> = {
  'onnxruntime-node': ['src-main/tensor/onnxruntime.ts'],
  'node:sqlite': ['src-main/project/sqlite.ts'],
  'node-av': ['src-main/media/ffmpeg/'],
  electron: ['src-main/main.ts', 'src-main/preload.ts', 'src-main/electron/'],
  '@huggingface/tokenizers': ['src-main/models/tokenizer.ts'],
  'wink-nlp': ['src-main/negatives/concepts.ts'],
  'wink-eng-lite-web-model': ['src-main/negatives/concepts.ts'],
  '@huggingface/jinja': ['src-main/models/chat-template.ts'],
};

function layerOf(file: string): string {
  return file.split('/')[1];
}

function allowed(from: string, to: string): boolean {
  if (from === to || DOORS.includes(from)) return true;
  if (DOORS.includes(to)) return false;
  if (BASE.includes(from)) return from === 'platform' && to === 'contract';
  if (BASE.includes(to)) return true;
  const a = ORDER.indexOf(from);
  const b = ORDER.indexOf(to);
  if (a < 0 || b < 0) throw new Error(`check-layers: folder not in the table: ${a < 0 ? from : to}`);
  return b < a;
}

/** Every complaint about one file's imports. */
export function checkFile(file: string, text: string): string[] {
  const problems: string[] = [];
  const isTest = file.endsWith('.test.ts');
  const source = file.endsWith('.vue')
    ? [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((m) => m[1]).join('\n')
    : text;
  for (const { fileName: specifier } of ts.preProcessFile(source, true, true).importedFiles) {
    if (specifier.startsWith('.')) {
      const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
      if (file.startsWith('src-renderer/')) {
        if (target.startsWith('src-main/') && !target.startsWith('src-main/contract/'))
          problems.push(`${file}: the renderer imports only src-main/contract, not ${target}`);
      } else if (file.startsWith('src-main/')) {
        if (target.startsWith('src-renderer/'))
          problems.push(`${file}: services never import the renderer (${target})`);
        else if (target.startsWith('src-main/') && !isTest && !allowed(layerOf(file), layerOf(target)))
          problems.push(`${file}: ${layerOf(file)} may not import ${layerOf(target)} (${target})`);
      }
      continue;
    }
    const name = specifier.startsWith('@')
      ? specifier.split('/').slice(0, 2).join('/')
      : specifier.startsWith('node:')
        ? specifier
        : specifier.split('/')[0];
    const homes = SINGLE_HOME[name];
    if (
      homes &&
      !isTest &&
      file.startsWith('src-') &&
      !homes.some((h) => file === h || (h.endsWith('/') && file.startsWith(h)))
    )
      problems.push(`${file}: only ${homes.join(', ')} may import ${name}`);
  }
  return problems;
}

/** Checks the whole tree. */
export function checkTree(root = ROOT): string[] {
  const files = globSync('{src-main,src-renderer}/**/*.{ts,vue}', { cwd: root }).map((f) =>
    f.split(path.sep).join('/'),
  );
  return files.sort().flatMap((f) => checkFile(f, readFileSync(path.join(root, f), 'utf8')));
}

if (isMain(import.meta.url)) {
  const problems = checkTree();
  for (const p of problems) console.error(p);
  console.log(problems.length ? `layers: ${problems.length} problem(s)` : 'layers: ok');
  process.exitCode = problems.length ? 1 : 0;
}
