import type { BenchCase } from './case.js';
import { coldStart } from './cold-start.js';
import { delay } from './delay.js';
import { help } from './help.js';
import { incremental0, incremental500 } from './incremental.js';
import { logs1m } from './logs-1m.js';
import { logs100k, logs20k } from './logs.js';
import { logs16rps } from './rate-limit.js';
import { scaleOut } from './scale-out.js';
import { clients5k, users100k, users10k, users1m, users900 } from './users.js';

/** Every case, in the order in which they run. */
export const CASES: readonly BenchCase[] = [
  help,
  coldStart,
  logs20k,
  logs100k,
  logs1m,
  logs16rps,
  incremental0,
  incremental500,
  users900,
  users10k,
  users100k,
  users1m,
  clients5k,
  delay,
  scaleOut,
];
