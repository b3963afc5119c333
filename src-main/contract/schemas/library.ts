/** @file The Library: videos, samples and their import. */
import { z } from 'zod';
import { Id, Split, QuestionType } from './basics.ts';

/** Something worth telling about a file, in plain words. */
export const Finding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
});
export type Finding = z.infer<typeof Finding>;

export const Video = z.object({
  id: Id,
  name: z.string(),
  /** Absolute path where the file was last seen. */
  path: z.string(),
  state: z.enum(['queued', 'probing', 'ready', 'missing', 'broken']),
  /** Lower-case hex SHA-256 of the content; null until probed. */
  sha256: z.string().nullable(),
  /** File size in bytes. */
  bytes: z.number().int().nullable(),
  container: z.string().nullable(),
  codec: z.string().nullable(),
  /** Displayed size in pixels (rotation applied). */
  width: z.number().int().nullable(),
  height: z.number().int().nullable(),
  /** Clockwise rotation in degrees that the file asks players to apply. */
  rotation: z.number().nullable(),
  /** Seconds from the first to the end of the last frame. */
  duration: z.number().nullable(),
  frameCount: z.number().int().nullable(),
  frameRate: z.enum(['constant', 'variable']).nullable(),
  hasAudio: z.boolean().nullable(),
  /** 'direct': the browser plays the file itself; 'proxy': plays a proxy with the same frame identities. */
  playback: z.enum(['direct', 'proxy', 'proxy-pending', 'none']),
  split: Split,
  findings: z.array(Finding),
  /** Videos that look the same as this one: another encoding, size or container. All of them are in one split. */
  alike: z.array(z.object({ id: Id, name: z.string() })),
  sampleCount: z.number().int(),
});
export type Video = z.infer<typeof Video>;

export const Sample = z.object({
  id: Id,
  videoId: Id,
  videoName: z.string(),
  question: z.string(),
  type: QuestionType,
  /** The preferred answer. */
  chosen: z.string(),
  source: z.string(),
  split: Split,
  /** How many candidate pairs exist for it. */
  pairCount: z.number().int(),
});
export type Sample = z.infer<typeof Sample>;

export const SampleFilter = z.object({
  /** Full-text search over question and answers. */
  text: z.string().optional(),
  split: Split.optional(),
  type: QuestionType.optional(),
  videoId: Id.optional(),
});
export type SampleFilter = z.infer<typeof SampleFilter>;

/** Order of the sample list; ties keep the order of adding. */
export const SampleSort = z.object({
  by: z.enum(['added', 'video', 'question', 'type', 'split']),
  descending: z.boolean(),
});
export type SampleSort = z.infer<typeof SampleSort>;

export const ImportFormat = z.enum([
  'rrpo-json',
  'videochat2-json',
  'hf-preference-jsonl',
  'llava-json',
  'csv',
  'tsv',
]);
export type ImportFormat = z.infer<typeof ImportFormat>;

/** Fields of a row, for which a column or key of the file can be chosen. */
export const ImportField = z.enum([
  'video',
  'question',
  'chosen',
  'rejected',
  'chosen_masked',
  'rejected_masked',
  'type',
  'split',
  'source',
  'id',
]);
export type ImportField = z.infer<typeof ImportField>;

/** Field here -> column or key in the file; an empty text leaves the field out. */
export const ImportMapping = z.partialRecord(ImportField, z.string());
export type ImportMapping = z.infer<typeof ImportMapping>;

export const ImportPreview = z.object({
  path: z.string(),
  format: ImportFormat,
  /** Why this format was recognised. */
  reason: z.string(),
  /** Columns or keys of the file in their order; `example` is the first row's value, shortened. */
  columns: z.array(z.object({ name: z.string(), example: z.string() })),
  /** What each field is read from, by name or as chosen. */
  mapping: ImportMapping,
  /** Fields that may be chosen; the others come from where this format has them. */
  choosable: z.array(ImportField),
  /** Needed fields that no column is chosen for: nothing can be imported before. */
  missing: z.array(ImportField),
  /** Keys that mean something to the format and cannot be chosen -> what they are. */
  fixed: z.record(z.string(), z.string()),
  /** An import of this very file with these settings was stopped after so many rows, at this fraction: it goes on there. */
  stopped: z.object({ rows: z.number().int(), fraction: z.number() }).nullable(),
  /** An import of this file was stopped, and the file is another one since: it begins anew. */
  changed: z.boolean(),
  rows: z.array(
    z.object({
      line: z.number().int(),
      video: z.string(),
      videoFound: z.boolean(),
      question: z.string(),
      chosen: z.string(),
      rejected: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});
export type ImportPreview = z.infer<typeof ImportPreview>;

export const ImportReport = z.object({
  imported: z.number().int(),
  duplicates: z.number().int(),
  failed: z.number().int(),
  /** The first thousand bad rows; the whole list is in `errorsFile`. */
  errors: z.array(z.object({ line: z.number().int(), reason: z.string() })),
  errorsFile: z.string().nullable(),
  /** Videos that rows name and no file was found for; their rows are in and wait for the file. */
  missingVideos: z.number().int(),
  /** Rows that an earlier import of this file had done before it was stopped; they are in the counts above. 0: it began anew. */
  continuedAfter: z.number().int(),
});
export type ImportReport = z.infer<typeof ImportReport>;
