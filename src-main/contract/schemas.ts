/**
 * @file The shapes that cross the border between the window and the services, by room. Both sides validate against these at run time;
 * the types are derived from them, so there is no second definition to drift.
 */
export * from './schemas/basics.ts';
export * from './schemas/project.ts';
export * from './schemas/library.ts';
export * from './schemas/pairs.ts';
export * from './schemas/agreement.ts';
export * from './schemas/negatives.ts';
export * from './schemas/jobs.ts';
export * from './schemas/train.ts';
export * from './schemas/compare.ts';
export * from './schemas/events.ts';
