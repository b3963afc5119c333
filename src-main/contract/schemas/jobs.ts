/** @file Work that takes longer than a moment. */
import { z } from 'zod';
import { Id, Timestamp } from './basics.ts';

export const JobKind = z.enum([
  'probe',
  'proxy',
  'copy',
  'search',
  'import',
  'generate',
  'train',
  'evaluate',
  'export',
  'estimate',
  'bulk',
  'judge',
  'rewrite',
  'swap',
  'agreement',
]);

/** `paused`: it stands until it is resumed, and others run meanwhile. */
export const JobState = z.enum(['queued', 'running', 'paused', 'done', 'failed', 'cancelled']);

export const Job = z.object({
  id: Id,
  kind: JobKind,
  title: z.string(),
  state: JobState,
  /** Whether it can be paused: then it goes on where it was, also after a restart. */
  pausable: z.boolean().default(false),
  /** 0..1, or null when the end is unknown. */
  progress: z.number().min(0).max(1).nullable(),
  /** Seconds left, or null while unknown. */
  secondsLeft: z.number().nullable(),
  detail: z.string(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  result: z.unknown().optional(),
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
});
export type Job = z.infer<typeof Job>;
