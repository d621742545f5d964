import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Structured log on stderr: stdout belongs to results. Callers log positions, counts and names, never records. */
export function createLogger(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
