/** @file Files that were dropped into a browser and are to be copied into the project: one after the other, with progress and cancel. */
import { computed, reactive, ref, type ComputedRef, type Ref } from 'vue';
import { plain } from '../client/errors.ts';
import { sendFile, UploadRefused } from '../client/upload.ts';
import { extensionOf, SAMPLE_FILES } from './usePaths.ts';

export interface Upload {
  readonly file: File;
  /** Clips are added to the library, tables of answers go to the import. */
  readonly kind: 'video' | 'table';
  state: 'waiting' | 'sending' | 'added' | 'duplicate' | 'found' | 'failed' | 'cancelled';
  /** Bytes. */
  sent: number;
  /** Why it failed. */
  why: string;
  /** Where it is now; empty before. */
  path: string;
}

const list = ref<Upload[]>([]);
const sending = ref(false);
let abort = new AbortController();

/** Whether this file is a table of answers, by its name. */
export const isTable = (name: string): boolean => SAMPLE_FILES.extensions.includes(extensionOf(name));

export function useUploads(): {
  /** What was dropped; empty when there is nothing to ask or to show. */
  uploads: Readonly<Ref<Upload[]>>;
  sending: Readonly<Ref<boolean>>;
  /** 0..1 of all bytes. */
  progress: ComputedRef<number>;
  offer: (files: readonly File[]) => void;
  /** Sends all that wait; resolves when each has ended. */
  start: () => Promise<void>;
  /** Stops what is being sent and what waits. */
  cancel: () => void;
  clear: () => void;
} {
  return {
    uploads: list,
    sending,
    progress: computed(() => {
      const total = list.value.reduce((sum, { file }) => sum + file.size, 0);
      const sent = list.value.reduce(
        (sum, { state, file, sent }) => sum + (ended(state) ? file.size : sent),
        0,
      );
      return total === 0 ? 0 : Math.min(1, sent / total);
    }),
    offer(files) {
      // A second drop while the first is under way joins it.
      const more = files.map((file): Upload => ({
        file,
        kind: isTable(file.name) ? 'table' : 'video',
        state: 'waiting',
        sent: 0,
        why: '',
        path: '',
      }));
      list.value = [...(sending.value ? list.value : []), ...more.map((upload) => reactive(upload))];
    },
    async start() {
      if (sending.value) return;
      sending.value = true;
      abort = new AbortController();
      for (let next = waiting(); next; next = waiting()) await send(next, abort.signal);
      sending.value = false;
    },
    cancel() {
      abort.abort(new DOMException('Cancelled', 'AbortError'));
      for (const upload of list.value) if (upload.state === 'waiting') upload.state = 'cancelled';
    },
    clear() {
      list.value = [];
    },
  };
}

const waiting = (): Upload | undefined => list.value.find(({ state }) => state === 'waiting');
const ended = (state: Upload['state']): boolean => state !== 'waiting' && state !== 'sending';

async function send(upload: Upload, signal: AbortSignal): Promise<void> {
  upload.state = 'sending';
  try {
    const { outcome, path } = await sendFile(upload.file, upload.kind, {
      signal,
      onBytes: (sent) => (upload.sent = sent),
    });
    upload.path = path;
    upload.state = outcome;
  } catch (error) {
    if (signal.aborted) upload.state = 'cancelled';
    else {
      const { message, hint } = error instanceof UploadRefused ? error : plain(error);
      upload.why = [message, hint].filter(Boolean).join(' ');
      upload.state = 'failed';
    }
  }
}
