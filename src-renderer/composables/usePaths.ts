/** @file Asking for paths: native dialogs in Electron, our own picker over the services' folder listing in a browser. */
import { shallowRef } from 'vue';
import { bridge, type FileFilter } from '../client/bridge.ts';

export interface PathRequest {
  readonly kind: 'files' | 'folder' | 'save';
  readonly title: string;
  readonly filters: readonly FileFilter[];
  readonly multiple: boolean;
  readonly defaultName: string;
  /** Something the person should know, shown on top. */
  readonly note: string;
  readonly resolve: (paths: string[]) => void;
}

/** The question our own picker shows now. */
export const pathRequest = shallowRef<PathRequest | null>(null);

export const VIDEO_FILES: FileFilter = {
  name: 'Video',
  extensions: ['mp4', 'm4v', 'mov', 'mkv', 'webm', 'avi', 'gif'],
};
export const SAMPLE_FILES: FileFilter = {
  name: 'Questions and answers',
  extensions: ['json', 'jsonl', 'ndjson', 'csv', 'tsv'],
};

function ask(question: Partial<PathRequest> & Pick<PathRequest, 'kind' | 'title'>): Promise<string[]> {
  pathRequest.value?.resolve([]);
  return new Promise((resolve) => {
    pathRequest.value = { filters: [], multiple: false, defaultName: '', note: '', ...question, resolve };
  });
}

/** Paths of files; empty when cancelled. */
export function pickFiles(options: {
  title: string;
  filters: readonly FileFilter[];
  multiple?: boolean;
  note?: string;
}): Promise<string[]> {
  const native = bridge();
  return native ? native.pickFiles(options) : ask({ kind: 'files', ...options });
}

/** Path of a folder; null when cancelled. */
export async function pickFolder(options: { title: string; note?: string }): Promise<string | null> {
  const native = bridge();
  if (native) return native.pickFolder(options);
  return (await ask({ kind: 'folder', ...options }))[0] ?? null;
}

/** Path to write to; null when cancelled. */
export async function pickSavePath(options: {
  title: string;
  defaultName: string;
  filters?: readonly FileFilter[];
}): Promise<string | null> {
  const native = bridge();
  if (native)
    return native.saveFile({
      title: options.title,
      defaultPath: options.defaultName,
      filters: options.filters,
    });
  return (await ask({ kind: 'save', ...options }))[0] ?? null;
}

/** `folder` and `name` joined with the separator that the folder's own path uses. */
export function joinPath(folder: string, name: string): string {
  const separator = folder.includes('\\') && !folder.includes('/') ? '\\' : '/';
  return folder.endsWith(separator) ? folder + name : folder + separator + name;
}

/** Lower-case extension without the dot; empty when there is none. */
export function extensionOf(path: string): string {
  return /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
}
