/** @file How the command line ends. */

/** Exit codes, also listed by `--help`. */
export const EXIT = { ok: 0, failure: 1, badInput: 2, cancelled: 130 } as const;
