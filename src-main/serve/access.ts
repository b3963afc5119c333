/** @file Who may ask door 2: our own page at our own address, with the cookie that the token in its address was exchanged for. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export class Access {
  readonly #secret: string;
  readonly #port: () => number;

  /** `port`: the one that the server listens on, once it does. */
  constructor(secret: string, port: () => number) {
    this.#secret = secret;
    this.#port = port;
  }

  /** Addresses of this server, `host:port`: a page elsewhere must not reach it under another name (DNS rebinding). */
  get #hosts(): string[] {
    return [`127.0.0.1:${this.#port()}`, `localhost:${this.#port()}`];
  }

  /** Cookies ignore ports: the port in the name keeps two servers on one machine apart. */
  get #cookieName(): string {
    return `rrpo_workbench_${this.#port()}`;
  }

  /** Is this the token? Takes as long for any wrong one of its length. */
  matches(given: string | null | undefined): boolean {
    const a = Buffer.from(given ?? '');
    const b = Buffer.from(this.#secret);
    return a.length === b.length && timingSafeEqual(a, b);
  }

  /** The header that gives a window the token for good. */
  get cookie(): string {
    return `${this.#cookieName}=${this.#secret}; HttpOnly; SameSite=Strict; Path=/`;
  }

  hasCookie({ headers }: IncomingMessage): boolean {
    return (headers.cookie ?? '').split(/;\s*/).some((c) => {
      const at = c.indexOf('=');
      return c.slice(0, at) === this.#cookieName && this.matches(c.slice(at + 1));
    });
  }

  hostAllowed({ headers }: IncomingMessage): boolean {
    return this.#hosts.includes(headers.host ?? '');
  }

  /** Browsers send the Origin with every PUT and every socket. */
  originAllowed({ headers }: IncomingMessage): boolean {
    return this.#hosts.some((host) => headers.origin === `http://${host}`);
  }
}
