import type { BenchCase } from './case.js';
import { logs100k, logs20k } from './logs.js';

/** Every case, in the order in which they run. */
export const CASES: readonly BenchCase[] = [logs20k, logs100k];
