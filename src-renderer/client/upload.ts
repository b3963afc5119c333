/** @file Sending a file to the workbench from a browser, which does not tell where the file lies. */
import { z } from 'zod';
import { UserErrorData } from '../../src-main/contract/contract.ts';
import type { Plain } from './errors.ts';

/** What became of a file: `path` is where it is now. */
const Received = z.object({
  outcome: z.enum(['added', 'duplicate', 'found']),
  path: z.string(),
  videoId: z.string().nullable(),
});
export type Received = z.infer<typeof Received>;

/** A refusal in the workbench's own words. */
export class UploadRefused extends Error implements Plain {
  override readonly name = 'UploadRefused';
  readonly code: string;
  readonly hint: string;

  constructor({ code, message, hint }: Plain) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/**
 * Streams a file; `onBytes` hears how much has been sent. XMLHttpRequest, because fetch tells nothing of the way out.
 * @throws UploadRefused, or the signal's reason when it was aborted
 */
export function sendFile(
  file: File,
  kind: 'video' | 'table',
  { signal, onBytes }: { signal: AbortSignal; onBytes: (sent: number) => void },
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const broken = (message: string): void =>
      reject(
        new UploadRefused({ code: 'CONNECTION', message, hint: 'Nothing of it was kept. Try it again.' }),
      );
    const request = new XMLHttpRequest();
    request.open('PUT', `/upload?kind=${kind}&name=${encodeURIComponent(file.name)}`);
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => onBytes(event.loaded));
    request.addEventListener('load', () => {
      const received = Received.safeParse(request.response);
      if (received.success) return resolve(received.data);
      const refused = UserErrorData.safeParse(request.response);
      if (refused.success) return reject(new UploadRefused(refused.data));
      broken(`The workbench answered with ${request.status}.`);
    });
    // Also when the file cannot be read: it was changed or removed since it was dropped.
    request.addEventListener('error', () => broken(`${file.name} could not be sent to its end.`));
    request.addEventListener('abort', () => reject(signal.reason as Error));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file);
  });
}
