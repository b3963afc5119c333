/**
 * @file Property tests draw the same cases at every run: a failure is due to what was changed, never to the draw. To look further,
 * `PROPERTY_SEED=random` draws anew (fast-check prints the seed of a failure), and a number draws those of that seed.
 */
import fc from 'fast-check';

const wanted = process.env.PROPERTY_SEED;
if (wanted !== 'random') fc.configureGlobal({ seed: Number(wanted ?? 1) });
