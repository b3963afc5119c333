/** @file A project, and what a person chose for it or for this machine. */
import { z } from 'zod';
import { Id, Timestamp } from './basics.ts';

export const ProjectInfo = z.object({
  id: Id,
  name: z.string(),
  /** Absolute path of the project folder. */
  path: z.string(),
  createdAt: Timestamp,
  /** Checkpoint directory (Hugging Face layout) used for generation and training; null until one is chosen. */
  modelDir: z.string().nullable(),
  /** Who is working; stamped on history rows. */
  reviewer: z.string(),
  /** Reviewers do not see each other's versions of a pair before their own decision. */
  independent: z.boolean(),
  counts: z.object({
    videos: z.number().int(),
    samples: z.number().int(),
    pairs: z.number().int(),
    runs: z.number().int(),
  }),
});
export type ProjectInfo = z.infer<typeof ProjectInfo>;

/** Groups of words or phrases that count as the same. */
export const Synonyms = z.array(z.array(z.string().max(80)).max(40)).max(500);
export type Synonyms = z.infer<typeof Synonyms>;

export const RecentProject = z.object({
  name: z.string(),
  path: z.string(),
  openedAt: Timestamp,
  exists: z.boolean(),
});
export type RecentProject = z.infer<typeof RecentProject>;

/** Keys a person chose instead of the defaults: action -> key strokes. The window knows the actions. */
export const KeyBindings = z.record(z.string().max(64), z.array(z.string().min(1).max(40)).max(8));
export type KeyBindings = z.infer<typeof KeyBindings>;

/** How the window looks: as the system does, or always one way. */
export const ThemeChoice = z.enum(['system', 'light', 'dark']);
export type ThemeChoice = z.infer<typeof ThemeChoice>;

/** What a folder holds, for the path picker. */
export const FolderListing = z.object({
  path: z.string(),
  /** The file that was asked for, when the path was one: its folder is listed. */
  file: z.string().nullable(),
  parent: z.string().nullable(),
  entries: z.array(z.object({ name: z.string(), path: z.string(), folder: z.boolean() })),
});
export type FolderListing = z.infer<typeof FolderListing>;
