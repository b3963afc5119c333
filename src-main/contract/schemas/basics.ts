/** @file What every room's shapes use. */
import { z } from 'zod';

/** Opaque row ids: short, sortable by creation, unique within a project. */
export const Id = z.string().min(1).max(64);

/** Milliseconds since the Unix epoch. */
export const Timestamp = z.number().int();

export const Split = z.enum(['train', 'heldout']);
export type Split = z.infer<typeof Split>;

export const QuestionType = z.enum(['multiple_choice', 'yes_no', 'short', 'open_ended']);
export type QuestionType = z.infer<typeof QuestionType>;

/** A rate with its 95 % interval (Wilson for proportions). */
export const Rate = z.object({
  value: z.number(),
  low: z.number(),
  high: z.number(),
  n: z.number().int(),
});
export type Rate = z.infer<typeof Rate>;
