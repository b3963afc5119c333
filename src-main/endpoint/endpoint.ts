/** @file The person's endpoint: its settings and key, whether it may be asked and why not, and the one client that asks it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EndpointSettings } from '../contract/endpoint.ts';
import type { EndpointState, EndpointTest, EndpointUsage } from '../contract/endpoint.ts';
import { toPlainError, UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { userDataDir } from '../platform/paths.ts';
import { EndpointClient } from './client.ts';
import { KEY_VARIABLE, KeyStore } from './key-store.ts';
import type { Keychain } from './key-store.ts';
import { Ledger } from './ledger.ts';
import { chatUrl } from './protocol.ts';

/** Of the person's folder; the key is elsewhere. */
const FILE = 'endpoint.json';

const NO_USAGE: EndpointUsage = { requests: 0, cached: 0, tokensIn: 0, tokensOut: 0, uncounted: 0, cost: 0 };

/** A key that is shorter shows nothing of itself. */
const SHOW_FROM = 12;

export class Endpoint {
  readonly #folder: string;
  readonly #keys: KeyStore;
  readonly #backoffMs: number | undefined;
  #ledger: Ledger | null = null;
  #client: Promise<EndpointClient> | null = null;

  /** `keychain`: what the door brings to keep the key in. `backoffMs`: see `client.ts`, for tests. */
  constructor({
    keychain = null,
    folder = userDataDir(),
    backoffMs,
  }: { keychain?: Keychain | null; folder?: string; backoffMs?: number } = {}) {
    this.#folder = folder;
    this.#keys = new KeyStore(folder, keychain);
    this.#backoffMs = backoffMs;
  }

  /** Everything about it but the key. */
  async state(): Promise<EndpointState> {
    const settings = await this.#settings();
    const { key, origin } = await this.#key(settings);
    return {
      settings,
      key: {
        set: key !== null,
        lastFour: key !== null && key.length >= SHOW_FROM ? key.slice(-4) : null,
        origin,
        place: this.#keys.place,
      },
      usage: this.#existingLedger()?.usage() ?? NO_USAGE,
      problem: problemOf(settings),
    };
  }

  /** Changes the settings. A key of another address is forgotten: it is not to be sent to this one. */
  async save(settings: EndpointSettings): Promise<EndpointState> {
    const stored = await this.#keys.read();
    if (settings.url.trim() !== '') {
      const { origin } = chatUrl(settings.url, settings.allowPlainHttp);
      if (stored && stored.origin !== origin) await this.#keys.forget();
    }
    await writeFileAtomic(path.join(this.#folder, FILE), `${JSON.stringify(settings, null, 2)}\n`);
    this.#drop();
    return this.state();
  }

  /** Stores the key of the present address, or forgets it (null). */
  async setKey(key: string | null): Promise<EndpointState> {
    if (key === null) await this.#keys.forget();
    else {
      const { url, allowPlainHttp } = await this.#settings();
      await this.#keys.write({ origin: chatUrl(url, allowPlainHttp).origin, key: key.trim() });
    }
    this.#drop();
    return this.state();
  }

  /** Begins counting tokens and dollars anew. */
  async resetUsage(): Promise<EndpointState> {
    this.#existingLedger()?.resetUsage();
    return this.state();
  }

  /** The client for the present settings. @throws UserError UNAVAILABLE when it is off or not set up, saying what to do */
  async client(): Promise<EndpointClient> {
    const settings = await this.#settings();
    const problem = problemOf(settings);
    if (problem !== '')
      throw new UserError(
        'UNAVAILABLE',
        `endpoint: expected one that is set up and on. ${problem}`,
        'See Settings.',
      );
    // All who ask at once share one client, and so its rate; one that could not be made is made anew.
    return (this.#client ??= this.#make(settings).catch((error: unknown) => {
      this.#client = null;
      throw error;
    }));
  }

  /** One tiny request; tells in words what came. Nothing is sent while the endpoint is off. */
  async test(): Promise<EndpointTest> {
    const settings = await this.#settings();
    const problem = problemOf(settings);
    if (problem !== '') return { ok: false, message: problem, hint: '' };
    const client = await this.#make({ ...settings, retries: 0 });
    const began = performance.now();
    try {
      const { text, tokens } = await client.ask(
        [{ role: 'user', content: 'Reply with the one word: ready' }],
        {
          fresh: true,
        },
      );
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const said = text.trim() === '' ? 'an empty text' : `“${text.trim().slice(0, 80)}”`;
      const counted = tokens
        ? `${tokens.in} + ${tokens.out} tokens`
        : 'it does not say how many tokens that was';
      return { ok: true, message: `${client.name} answered ${said} in ${seconds} s; ${counted}.`, hint: '' };
    } catch (error) {
      const { message, hint } = toPlainError(error);
      return { ok: false, message, hint };
    } finally {
      client.close();
    }
  }

  /** Ends what is under way and closes the file. */
  close(): void {
    this.#drop();
    this.#ledger?.close();
    this.#ledger = null;
  }

  #drop(): void {
    void this.#client?.then(
      (client) => client.close(),
      () => undefined,
    );
    this.#client = null;
  }

  async #make(settings: EndpointSettings): Promise<EndpointClient> {
    const { key } = await this.#key(settings);
    this.#ledger ??= new Ledger(this.#folder);
    return new EndpointClient({
      settings,
      url: chatUrl(settings.url, settings.allowPlainHttp),
      key,
      ledger: this.#ledger,
      backoffMs: this.#backoffMs,
    });
  }

  #existingLedger(): Ledger | null {
    if (this.#ledger === null && Ledger.exists(this.#folder)) this.#ledger = new Ledger(this.#folder);
    return this.#ledger;
  }

  /** What was set; the defaults (off) when nothing was, or the file was damaged by hand. */
  async #settings(): Promise<EndpointSettings> {
    try {
      const text = await readFile(path.join(this.#folder, FILE), 'utf8');
      return EndpointSettings.parse(JSON.parse(text));
    } catch {
      return EndpointSettings.parse({});
    }
  }

  /** The key for these settings' address: the environment's, else the stored one if it belongs to it. */
  async #key({
    url,
    allowPlainHttp,
  }: EndpointSettings): Promise<{ key: string | null; origin: string | null }> {
    let origin: string;
    try {
      ({ origin } = chatUrl(url, allowPlainHttp));
    } catch {
      return { key: null, origin: null };
    }
    const given = process.env[KEY_VARIABLE];
    if (given !== undefined && given !== '') return { key: given, origin };
    const stored = await this.#keys.read();
    return stored?.origin === origin ? stored : { key: null, origin: null };
  }
}

/** Why it cannot be asked, as something to do; empty when it can. An endpoint on one's own machine may need no key. */
function problemOf({
  enabled,
  url,
  allowPlainHttp,
  model,
  priceIn,
  priceOut,
  spendLimit,
}: EndpointSettings): string {
  if (url.trim() === '') return 'Enter the address of an endpoint in Settings.';
  if (model.trim() === '') return "Enter the model's name in Settings.";
  try {
    chatUrl(url, allowPlainHttp);
  } catch (error) {
    return toPlainError(error).hint;
  }
  if (spendLimit !== null && priceIn === null && priceOut === null)
    return 'A limit on spending needs prices: enter them in Settings, or take the limit away.';
  return enabled ? '' : 'The endpoint is off; switch it on in Settings.';
}
