import { writeSync } from 'node:fs';
import type { ActivityStep } from '../../src/activities/deps.js';
import { loadConfig } from '../../src/config/load.js';
import { createLogger } from '../../src/logger.js';
import { runWorker } from '../../src/worker.js';

/**
 * The worker as it is in production, with one thing added: it kills itself the moment an activity reaches a step
 * (`CHAOS_STEP`) for the n-th time (`CHAOS_NTH`). Nobody outside could hit that moment.
 */
const { CHAOS_STEP: fatal, CHAOS_NTH: nth } = process.env;
let met = 0;

const config = loadConfig();
await runWorker(config, await createLogger(config.logLevel), {
  reached(step: ActivityStep) {
    if (step !== fatal) return;
    met++;
    if (met !== Number(nth)) return;
    // Written at once: what a stream still holds dies with the process.
    writeSync(1, `${JSON.stringify({ event: 'reached', step })}\n`);
    process.kill(process.pid, 'SIGKILL');
  },
});
