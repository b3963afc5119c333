/** @file The content security policy of the window, the same behind every door: nothing from outside, no eval. */

/**
 * Styles may be inline because the component library and the editor insert style elements; scripts may not.
 * `connect` lists what the page may open besides its own origin (the WebSocket of `serve`).
 */
export function contentSecurityPolicy(connect: readonly string[] = []): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self' data:",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
