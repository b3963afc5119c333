/** @file The one error class for things a user can cause and mend; everything else is a bug and says `internal:`. */

/** Machine-readable kinds of user-facing failure; the window picks wording and icons by these. */
export type UserErrorCode =
  | 'BAD_INPUT'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'LOCKED'
  | 'NEWER_VERSION'
  | 'UNSUPPORTED'
  | 'CORRUPT'
  | 'DISK_FULL'
  | 'OUT_OF_MEMORY'
  | 'CANCELLED'
  | 'WORKER_DIED'
  | 'UNAVAILABLE';

/** What went wrong, in words for the user, and what to do next. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly code: UserErrorCode;
  /** The next step, as an instruction; empty when there is none. */
  readonly hint: string;

  constructor(code: UserErrorCode, message: string, hint = '', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** Plain form of an error that survives process and network boundaries. */
export type PlainError = { code: UserErrorCode | 'INTERNAL'; message: string; hint: string };

/** Maps any thrown value to its plain form; system errors users can mend (disk full, missing file) get their code. */
export function toPlainError(thrown: unknown): PlainError {
  if (thrown instanceof UserError) return { code: thrown.code, message: thrown.message, hint: thrown.hint };
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = (thrown as { code?: unknown } | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return {
      code: 'DISK_FULL',
      message,
      hint: 'Free some space on this disk; nothing that was saved is lost.',
    };
  if (code === 'ENOENT')
    return { code: 'NOT_FOUND', message, hint: 'Check that the path exists and is spelled as shown.' };
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return { code: 'CANCELLED', message: message || 'Cancelled.', hint: '' };
  return { code: 'INTERNAL', message, hint: 'This is a fault of the workbench; the log has the details.' };
}

/** Kinds of failure that one file or one row of input causes; the others around it can go on. */
const OF_INPUT: readonly string[] = ['NOT_FOUND', 'CORRUPT', 'CONFLICT', 'BAD_INPUT', 'UNSUPPORTED'];

/** The message of an error that the input at hand caused. @throws the error when it is a failure of the whole */
export function faultOfInput(error: unknown): string {
  const { code, message } = toPlainError(error);
  if (!OF_INPUT.includes(code)) throw error;
  return message;
}

/** The inverse of {@link toPlainError}, for the receiving side of a process boundary. */
export function fromPlainError(plain: PlainError): Error {
  if (plain.code === 'INTERNAL') return new Error(plain.message);
  return new UserError(plain.code, plain.message, plain.hint);
}
