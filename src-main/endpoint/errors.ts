/** @file What went wrong at an endpoint: expected, got, what to do; and whether other questions can still be asked. */
import { UserError } from '../platform/errors.ts';
import { ErrorBody } from './protocol.ts';

/**
 * A question that got no answer. `question`: this one, or this moment; the next may be answered. `endpoint`: none will be until a person
 * has done something (key, address, model, money).
 */
export class EndpointError extends UserError {
  readonly concerns: 'question' | 'endpoint';

  constructor(concerns: 'question' | 'endpoint', message: string, hint: string, options?: ErrorOptions) {
    super(concerns === 'endpoint' ? 'BAD_INPUT' : 'UNAVAILABLE', `endpoint: ${message}`, hint, options);
    this.concerns = concerns;
  }
}

/** A failed try; `retry`: it may pass by itself, after so many milliseconds when the server said so. */
export type Failure = { error: EndpointError; retry: boolean; waitMs?: number };

/** Longest wait that a server may ask for; more is a failure that says so. */
const LONGEST_WAIT_MS = 120_000;

/** Milliseconds of a `Retry-After` header: seconds, or a date. Null without one that can be read. */
export function retryAfter(header: string | null, now = Date.now()): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** The server's own words, short and in one line, without the key. */
function serverWords(body: string, key: string | null): { text: string; code: string | null } {
  let text = body;
  let code: string | null = null;
  try {
    const parsed = ErrorBody.safeParse(JSON.parse(body));
    if (parsed.success) {
      const { data } = parsed;
      if ('error' in data) {
        text = typeof data.error === 'string' ? data.error : data.error.message;
        if (typeof data.error !== 'string' && typeof data.error.code === 'string') code = data.error.code;
      } else text = 'message' in data ? data.message : data.detail;
    }
  } catch {
    // not JSON: a page of a proxy, or plain text
  }
  const short = text.replace(/[\s\p{C}]+/gu, ' ').trim();
  return { text: withoutKey(short, key).slice(0, 200), code };
}

/** Takes the key out of a text that somebody else wrote. */
export function withoutKey(text: string, key: string | null): string {
  return key === null || key === '' ? text : text.replaceAll(key, '(the key)');
}

/** What a status other than 200 means. */
export function statusFailure(
  status: number,
  {
    host,
    model,
    body,
    retryAfter: header,
    key,
  }: { host: string; model: string; body: string; retryAfter: string | null; key: string | null },
): Failure {
  const { text, code } = serverWords(body, key);
  const got = `expected an answer from ${host}, got HTTP ${status}${text === '' ? '' : `: ${text}`}`;
  const stop = (hint: string): Failure => ({ error: new EndpointError('endpoint', got, hint), retry: false });
  if (status === 401 || status === 403) return stop('Enter the key of this endpoint anew in Settings.');
  if (status === 404) return stop(`Check the address and the model "${model}" in Settings.`);
  if (status === 402 || code === 'insufficient_quota') return stop("Look at your account's credit there.");
  if (status === 408 || status === 429 || status >= 500) {
    const waitMs = retryAfter(header) ?? undefined;
    const long = waitMs !== undefined && waitMs > LONGEST_WAIT_MS;
    const wait = long ? `; it asks to wait ${Math.ceil(waitMs / 1000)} s` : '';
    const hint =
      status === 429
        ? 'Lower the requests a minute in Settings, or try later.'
        : 'Try again when the server is well.';
    return { error: new EndpointError('question', got + wait, hint), retry: !long, waitMs };
  }
  return {
    error: new EndpointError(
      'question',
      got,
      `Check what the server expects of a request with the model "${model}".`,
    ),
    retry: false,
  };
}

/** Codes of a connection that another try may bring about; a certificate that is refused stays so. */
const CERTIFICATE = /^(CERT_|DEPTH_ZERO_|UNABLE_TO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_)/;

/** What a connection that failed, or broke, means. */
export function connectionFailure(thrown: unknown, host: string): Failure {
  const cause = (thrown as { cause?: { code?: unknown; message?: unknown } } | null)?.cause;
  const code = typeof cause?.code === 'string' ? cause.code : '';
  const words = code || (typeof cause?.message === 'string' ? cause.message : String(thrown));
  const got = `expected an answer from ${host}, got no connection (${words})`;
  if (CERTIFICATE.test(code))
    return {
      error: new EndpointError(
        'endpoint',
        got,
        'Its certificate is not trusted on this machine: check the address.',
      ),
      retry: false,
    };
  return {
    error: new EndpointError(
      'question',
      got,
      'Check that the server runs and that this machine reaches it.',
      {
        cause: thrown,
      },
    ),
    retry: true,
  };
}
