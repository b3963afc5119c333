/** @file Numeric comparison for tests: the relative error that the project's bars are stated in. */

/** L2 norm of the difference over the L2 norm of the reference (the plain norm of the difference where that is 0). */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let reference = 0;
  for (let index = 0; index < expected.length; index++) {
    difference += (actual[index] - expected[index]) ** 2;
    reference += expected[index] ** 2;
  }
  const error = Math.sqrt(difference) / (reference === 0 ? 1 : Math.sqrt(reference));
  return Number.isNaN(error) ? Infinity : error;
}
