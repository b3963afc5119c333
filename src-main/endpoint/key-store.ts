/**
 * @file The key of the endpoint: in the person's own folder, sealed by the operating system's keychain where the door has one, else in a
 * file that only this user may read. It belongs to one address and is given out for no other.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../platform/errors.ts';
import { writeAtomically } from '../platform/files.ts';

/** What a door may bring: seals texts so that only this user on this machine can open them. */
export type Keychain = {
  /** In words for Settings: "the keychain of this Mac". */
  name: string;
  seal: (text: string) => Uint8Array;
  /** @throws when it was sealed elsewhere */
  open: (sealed: Uint8Array) => string;
};

const StoredKey = z.object({ origin: z.string(), key: z.string() });
export type StoredKey = z.infer<typeof StoredKey>;

/** Sealed bytes, and the form without a keychain. */
const SEALED = 'endpoint-key.sealed';
const PLAIN = 'endpoint-key.json';

/** Set it to give a key without storing one: for a server that is reached without a window. */
export const KEY_VARIABLE = 'RRPO_WORKBENCH_ENDPOINT_KEY';

export class KeyStore {
  readonly #folder: string;
  readonly #keychain: Keychain | null;

  constructor(folder: string, keychain: Keychain | null) {
    this.#folder = folder;
    this.#keychain = keychain;
  }

  /** Where a key is kept, in words. */
  get place(): string {
    if (this.#keychain !== null) return `sealed by ${this.#keychain.name}`;
    return process.platform === 'win32'
      ? 'in your own folder on this machine'
      : 'in a file of your own folder that only you may read';
  }

  /** The stored key; null when there is none, or none that can be opened here. */
  async read(): Promise<StoredKey | null> {
    if (this.#keychain !== null)
      try {
        const sealed = await readFile(path.join(this.#folder, SEALED));
        return parse(this.#keychain.open(sealed));
      } catch {
        // none, or sealed by another user or machine: it has to be entered again
      }
    try {
      return parse(await readFile(path.join(this.#folder, PLAIN), 'utf8'));
    } catch {
      return null;
    }
  }

  /** Stores the key of an address in place of any other. @throws UserError BAD_INPUT for what cannot be a key */
  async write({ origin, key }: StoredKey): Promise<void> {
    if (!/^[\x21-\x7e]{1,4096}$/.test(key))
      throw new UserError(
        'BAD_INPUT',
        'key: expected 1 to 4096 letters, digits and signs without spaces, got something else',
        'Copy the key again; take care of spaces and line ends.',
      );
    await this.forget();
    const text = JSON.stringify({ origin, key });
    const [name, data] = this.#keychain ? [SEALED, this.#keychain.seal(text)] : [PLAIN, text];
    await writeAtomically(path.join(this.#folder, name), (temporary) =>
      writeFile(temporary, data, { flag: 'wx', mode: 0o600 }),
    );
  }

  async forget(): Promise<void> {
    for (const name of [SEALED, PLAIN]) await rm(path.join(this.#folder, name), { force: true });
  }
}

const parse = (text: string): StoredKey => StoredKey.parse(JSON.parse(text));
