/** @file The operating system's keychain, for the key of an endpoint. Only after the app is ready. */
import { safeStorage } from 'electron';
import type { Keychain } from '../endpoint/key-store.ts';

const NAMES: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'the keychain of this Mac',
  win32: "Windows' data protection",
};

/** Null where there is none: Linux without a secret service has a fixed password only, which seals nothing. */
export function systemKeychain(): Keychain | null {
  if (!safeStorage.isEncryptionAvailable()) return null;
  const linux = process.platform === 'linux' ? safeStorage.getSelectedStorageBackend() : null;
  if (linux === 'basic_text' || linux === 'unknown') return null;
  return {
    name:
      linux === null
        ? (NAMES[process.platform] ?? 'the keychain of this system')
        : `the keychain of this system (${linux})`,
    seal: (text) => safeStorage.encryptString(text),
    open: (sealed) => safeStorage.decryptString(Buffer.from(sealed)),
  };
}
