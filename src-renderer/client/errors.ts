/** @file Errors of a call, turned into words: what happened, and what to do. */
import { ORPCError } from '@orpc/client';
import { UserErrorData } from '../../src-main/contract/contract.ts';

/** The connection went away while a call was out, or could not be made. The call may or may not have arrived. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

export interface Plain {
  readonly code: string;
  readonly message: string;
  /** What to do; empty when there is nothing to add. */
  readonly hint: string;
}

/** Words for anything a call can throw. */
export function plain(error: unknown): Plain {
  if (error instanceof ConnectionLost)
    return {
      code: 'CONNECTION',
      message: 'The workbench does not answer.',
      hint: 'It is tried again by itself; what you typed is kept here.',
    };
  const failure = error instanceof ORPCError ? (error as ORPCError<string, unknown>) : null;
  if (failure) {
    const data = UserErrorData.safeParse(failure.data);
    if (data.success) return data.data;
    if (failure.code === 'CONFLICT')
      return { code: 'CONFLICT', message: 'Somebody else changed this meanwhile.', hint: '' };
    return { code: failure.code, message: failure.message, hint: '' };
  }
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), hint: '' };
}

/** What happened and what to do, in one line. Messages that end in what was found instead have no full stop of their own. */
export function inWords({ message, hint }: Pick<Plain, 'message' | 'hint'>): string {
  if (!hint) return message;
  return `${message}${/[.!?…]$/.test(message) ? '' : '.'} ${hint}`;
}

/** One sentence for a toast or a status line. */
export function sentence(error: unknown): string {
  return inWords(plain(error));
}

export function isConflict(error: unknown): boolean {
  return /CONFLICT/.test(plain(error).code);
}
