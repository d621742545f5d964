import { pino, type DestinationStream, type Logger } from 'pino';
import { logContext } from './observability/log-context.js';
import { onLines, onOneLine } from './printable.js';

export type { Logger } from 'pino';

/** How lines look: `auto` is `pretty` on a terminal and `json` everywhere else. */
export type LogFormat = 'auto' | 'json' | 'pretty';

/**
 * Structured log on stderr: stdout belongs to results. Lines of an activity carry its tenant, resource, workflow, run
 * and attempt. Callers log positions, counts and names, never records.
 */
export async function createLogger(
  level: string,
  { format = 'auto', isTerminal = process.stderr.isTTY }: { format?: LogFormat; isTerminal?: boolean } = {},
): Promise<Logger> {
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  return loggerTo(isPretty ? await prettyStream() : pino.destination({ dest: 2, sync: true }), level);
}

/** The same logger on a stream of the caller's. */
export function loggerTo(stream: DestinationStream, level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, mixin: () => ({ ...logContext() }) },
    printableTo(stream),
  );
}

/** Texts of tenants and servers stand in lines: none of them may look like another line, or steer a terminal. */
function printableTo(stream: DestinationStream): DestinationStream {
  const plain = (name: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value;
    return name === 'stack' ? onLines(value) : onOneLine(value);
  };
  return {
    write(line) {
      stream.write(`${JSON.stringify(JSON.parse(line), plain)}\n`);
    },
  };
}

/** Loaded only where a person reads: production logs need none of it. */
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
}
