/**
 * @file Asking one language model behind an OpenAI-compatible address: one question, one reply, whatever happens on the way. Tries again
 * what may pass, keeps to the rate, gives up in time, reads no more than a reply can be, follows no redirect, and counts what it costs.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { EndpointSettings } from '../contract/endpoint.ts';
import { UserError } from '../platform/errors.ts';
import { connectionFailure, EndpointError, statusFailure, withoutKey } from './errors.ts';
import type { Failure } from './errors.ts';
import { questionKey } from './ledger.ts';
import type { Kept, Ledger } from './ledger.ts';
import { Limiter } from './limiter.ts';
import { ChatCompletion, ChatRequest, requestBody, UsageOnly } from './protocol.ts';
import type { ChatMessage, Refused, Tokens } from './protocol.ts';

/** A reply. `finished` is false when it was cut at the most tokens; `cached` when it was not asked for again; `cost` in dollars. */
export type ChatReply = {
  text: string;
  finished: boolean;
  cached: boolean;
  tokens: Tokens | null;
  cost: number;
};

/** How a question is asked. */
export type AskOptions = {
  signal?: AbortSignal;
  /** Asks also when the same was answered before, and keeps nothing. @default false */
  fresh?: boolean;
  /** Whether a reply can be used. One that cannot is given back all the same, but not kept: asked again it may be better. @default any whole one */
  usable?: (reply: Kept) => boolean;
};

/** How one is set up: everything about the endpoint, its key if there is one, and where replies and cost are kept. */
export type ClientOptions = {
  settings: EndpointSettings;
  url: URL;
  key: string | null;
  ledger: Ledger;
  /** Before the second try, in milliseconds; doubled before each further one. @default 1000 */
  backoffMs?: number;
};

/** Longest pause between tries that no server asked for, in milliseconds. */
const LONGEST_BACKOFF_MS = 30_000;
/** Between two looks whether requests under way have left enough of the limit on spending, in milliseconds. */
const LOOK_AGAIN_MS = 50;
/** Tokens that a server puts around each message, at most. */
const MESSAGE_TOKENS = 20;
/** No reply of a few thousand tokens is larger. */
const MAX_REPLY_BYTES = 1 << 20;

type Outcome = { ok: true; reply: ChatReply } | ({ ok: false } & Failure);

export class EndpointClient {
  readonly #options: ClientOptions;
  readonly #limiter: Limiter;
  readonly #closed = new AbortController();
  /** Questions under way: who asks the same waits for the one reply. */
  readonly #asking = new Map<string, Promise<ChatReply>>();
  #spent = 0;
  /** What the server has refused to read. */
  readonly #refused = new Set<'max_tokens' | 'temperature'>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#limiter = new Limiter(options.settings);
  }

  /** How long a job is to wait for an endpoint that has gone away, in milliseconds. */
  get patienceMs(): number {
    return this.#options.settings.patienceMinutes * 60_000;
  }

  /** Who answers, in words: model and host. */
  get name(): string {
    return `${this.model} @ ${this.host}`;
  }

  get model(): string {
    return this.#options.settings.model;
  }

  get host(): string {
    return this.#options.url.host;
  }

  /** Questions that may be asked at the same time. */
  get concurrent(): number {
    return this.#options.settings.concurrent;
  }

  /** Dollars it was charged so far, for replies that made no sense too. */
  get spent(): number {
    return this.#spent;
  }

  /** Sends nothing any more; what is under way ends with an error. */
  close(): void {
    this.#closed.abort();
  }

  /** @throws EndpointError when there is no reply; UserError CANCELLED */
  async ask(
    messages: ChatMessage[],
    { signal, fresh = false, usable = ({ finished }) => finished }: AskOptions = {},
  ): Promise<ChatReply> {
    const { settings, url, ledger } = this.#options;
    const { model, maxTokens } = settings;
    const request = ChatRequest.parse({ model, messages, temperature: 0, maxTokens });
    const place = { host: url.host, model };
    const key = questionKey(url, request);
    while (!fresh) {
      const kept = ledger.reply(key);
      // One that was kept by rules of then may not be usable by those of now.
      if (kept && usable(kept)) {
        ledger.spared(place);
        return { ...kept, cached: true, tokens: null, cost: 0 };
      }
      const same = this.#asking.get(key);
      if (same === undefined) break;
      // Whatever comes of the other one, look again: it may have been cancelled by whoever asked it.
      await same.catch(() => undefined);
      if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    }
    const asking = this.#askAnew(request, signal);
    if (fresh) return asking;
    this.#asking.set(key, asking);
    try {
      const reply = await asking;
      if (usable(reply)) ledger.keep(key, reply);
      return reply;
    } finally {
      this.#asking.delete(key);
    }
  }

  /** Tries until there is a reply, or a failure that does not pass. */
  async #askAnew(
    request: ChatRequest,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ChatReply> {
    const { retries } = this.#options.settings;
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    try {
      for (let tries = 0; ; tries++) {
        const outcome = await this.#limiter.run(stop, () => this.#withinLimit(request, stop));
        if (outcome.ok) return outcome.reply;
        if (!outcome.retry || tries >= retries) throw outcome.error;
        if (outcome.waitMs !== undefined) this.#limiter.hold(outcome.waitMs);
        await wait(outcome.waitMs ?? this.#backoff(tries), undefined, { signal: stop });
      }
    } catch (error) {
      if (error instanceof EndpointError) throw error;
      if (signal.aborted) throw new UserError('CANCELLED', 'Cancelled.');
      if (this.#closed.signal.aborted)
        throw new EndpointError(
          'endpoint',
          'expected the settings to stay, got other ones meanwhile',
          'Start again: it goes on with the new settings.',
        );
      throw error;
    }
  }

  #backoff(tries: number): number {
    const { backoffMs = 1000 } = this.#options;
    // Half of it by chance, so that those who failed together do not come again together.
    return Math.min(LONGEST_BACKOFF_MS, backoffMs * 2 ** tries) * (0.5 + Math.random() / 2);
  }

  /** One try, for which the most that it may cost is set aside first: also many at once keep to the limit on spending. */
  async #withinLimit(request: ChatRequest, stop: AbortSignal): Promise<Outcome> {
    const { settings, ledger } = this.#options;
    const { spendLimit: limit, timeoutSeconds } = settings;
    if (limit === null) return this.#once(request, stop);
    const most = mostCost(request, settings);
    for (;;) {
      const held = ledger.reserve(most, { limit, until: Date.now() + timeoutSeconds * 1000 });
      if ('id' in held)
        try {
          return await this.#once(request, stop);
        } finally {
          ledger.release(held.id);
        }
      if (held.others === 0)
        throw new EndpointError(
          'endpoint',
          `expected to spend at most $${limit}, got $${ledger.usage().cost.toFixed(4)} spent already and up to $${most.toFixed(4)} for the next reply`,
          'Raise the limit or allow only shorter replies in Settings, or reset the count there.',
        );
      // Those under way mostly cost less than was set aside for them.
      await wait(LOOK_AGAIN_MS, undefined, { signal: stop });
    }
  }

  /** One try. Cancelling throws; everything else that goes wrong is told. */
  async #once(request: ChatRequest, stop: AbortSignal): Promise<Outcome> {
    const { settings, url, key } = this.#options;
    // Not AbortSignal.timeout: thousands of those would stay in memory until their time is over.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), settings.timeoutSeconds * 1000);
    const refused = new Set(this.#refused);
    let response: Response;
    let body: string;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
        body: requestBody(request, refused),
        redirect: 'manual',
        signal: AbortSignal.any([stop, late.signal]),
      });
      body = await readAtMost(response, MAX_REPLY_BYTES);
    } catch (error) {
      if (stop.aborted) throw error;
      if (error instanceof EndpointError) return { ok: false, error, retry: false };
      if (!late.signal.aborted) return { ok: false, ...connectionFailure(error, url.host) };
      return {
        ok: false,
        retry: true,
        error: new EndpointError(
          'question',
          `expected a whole reply from ${url.host} within ${settings.timeoutSeconds} s, got none`,
          'Allow more time in Settings, or use a faster model.',
        ),
      };
    } finally {
      clearTimeout(timer);
    }
    if (response.status === 200) return this.#read(body);
    if (response.status >= 300 && response.status < 400) return this.#redirected(response);
    if (response.status === 400 && this.#adapt(body, refused)) return this.#once(request, stop);
    const header = response.headers.get('retry-after');
    const { model } = settings;
    return {
      ok: false,
      ...statusFailure(response.status, { host: url.host, model, body, retryAfter: header, key }),
    };
  }

  /** Leaves out or renames what the server says it does not read (newer models of OpenAI do); true when it was sent so `before`. */
  #adapt(body: string, before: Refused): boolean {
    const field = (['max_tokens', 'temperature'] as const).find(
      (name) => !before.has(name) && body.includes(name),
    );
    if (field !== undefined) this.#refused.add(field);
    return field !== undefined;
  }

  #redirected(response: Response): Outcome {
    const { url, key } = this.#options;
    const to = withoutKey(response.headers.get('location') ?? 'nowhere', key).slice(0, 200);
    return {
      ok: false,
      retry: false,
      error: new EndpointError(
        'endpoint',
        `expected an answer from ${url.host}, got a redirect to ${to}`,
        'Redirects are not followed: enter that address in Settings if you trust it.',
      ),
    };
  }

  #read(body: string): Outcome {
    const { settings, url, ledger, key } = this.#options;
    let json: unknown;
    try {
      json = JSON.parse(body);
    } catch {
      json = undefined;
    }
    // A reply that makes no sense is paid for all the same.
    const counted = UsageOnly.safeParse(json);
    const tokens = counted.success
      ? { in: counted.data.usage.prompt_tokens, out: counted.data.usage.completion_tokens }
      : null;
    const cost = costOf(tokens, settings);
    this.#spent += cost;
    ledger.charge({ host: url.host, model: settings.model }, tokens, cost);
    const completion = ChatCompletion.safeParse(json);
    if (!completion.success) {
      const start = withoutKey(body.slice(0, 80).replace(/[\s\p{C}]+/gu, ' '), key);
      return {
        ok: false,
        retry: true,
        error: new EndpointError(
          'question',
          `expected a chat completion from ${url.host}, got ${json === undefined ? 'no JSON' : 'another shape'}: ${start}`,
          'Check that the address is that of an OpenAI-compatible server.',
        ),
      };
    }
    const [{ message, finish_reason: reason }] = completion.data.choices;
    const text = message.content ?? '';
    return { ok: true, reply: { text, finished: reason !== 'length', cached: false, tokens, cost } };
  }
}

/** Dollars at the person's prices; 0 where there is none to reckon with. */
export function costOf(tokens: Tokens | null, { priceIn, priceOut }: EndpointSettings): number {
  return tokens === null ? 0 : (tokens.in * (priceIn ?? 0) + tokens.out * (priceOut ?? 0)) / 1e6;
}

/** Dollars that a request costs at most: no tokenizer makes more tokens of a text than it has bytes, and the server ends the reply. */
function mostCost({ messages, maxTokens }: ChatRequest, settings: EndpointSettings): number {
  const bytes = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + MESSAGE_TOKENS, 0);
  return costOf({ in: bytes, out: maxTokens }, settings);
}

/** The body as text. @throws EndpointError when it is larger than `limit` bytes, without reading on */
async function readAtMost(response: Response, limit: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const part of body ?? []) {
    size += part.length;
    // Leaving the loop cancels the stream and closes the connection.
    if (size > limit)
      throw new EndpointError(
        'question',
        `expected a reply of at most ${limit} bytes, got more`,
        'Check that the address is that of an OpenAI-compatible server.',
      );
    parts.push(part);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}
