import { createLogger } from '../logger.js';
import { runWorker } from '../worker.js';
import { type CommonFlags, configOf } from './context.js';
import { EXIT } from './failure.js';

/** Runs a worker until SIGINT or SIGTERM. */
export async function worker(flags: CommonFlags): Promise<number> {
  const config = configOf(flags);
  await runWorker(config, await createLogger(config.logLevel, { format: config.observability.logFormat }));
  return EXIT.done;
}
