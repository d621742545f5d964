import { z } from 'zod';
import { setting } from './setting.js';
import { whole } from './values.js';

/** The worker process. */
export const WORKER_SETTINGS = {
  shutdownGrace: setting({
    name: 'SHUTDOWN_GRACE',
    group: 'Worker',
    description: 'How long a stopping worker lets the pages and inserts in flight finish',
    default: '20',
    unit: 'seconds',
    schema: whole(0, 3600),
  }),
  logLevel: setting({
    name: 'LOG_LEVEL',
    group: 'Worker',
    description: 'Lowest level that the worker logs: trace, debug, info, warn or error',
    default: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error'], { error: 'must be trace, debug, info, warn or error' }),
  }),
};
