/** @file Seeded random numbers, for the services. They stand in the contract because the window draws the same plans from them. */
export { Random, type Seed } from '../contract/random.ts';
