import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, Runtime, type LogEntry, type RuntimeOptions } from '@temporalio/worker';
import { isErrorKind } from '../contracts/errors.js';
import type { Logger } from '../logger.js';
import { contextOfWorkflowId } from './log-context.js';

/**
 * Sets Temporal's part of the process up, once: its log lines go through our logger, on one stream and in one format,
 * and its own metrics are served on `metricsAddress` (host:port, loopback), from where `/metrics` takes them.
 */
export function installRuntime(logger: Logger, metricsAddress: string | null): void {
  const forwarding: RuntimeOptions['telemetryOptions'] = {
    logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
    ...(metricsAddress !== null && {
      // Seconds and suffixes as Prometheus has them; without them its counters look like gauges.
      metrics: {
        prometheus: {
          bindAddress: metricsAddress,
          countersTotalSuffix: true,
          unitSuffix: true,
          useSecondsForDurations: true,
        },
      },
    }),
  };
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry) => forward(logger, entry)),
    telemetryOptions: forwarding,
  });
}

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** One line of Temporal's in our log, unless our own activities have said the same already. */
export function forward(logger: Logger, { level, message, meta }: LogEntry): void {
  const { workflowId, runId, workflowType, activityType, attempt, error }: Record<string, unknown> = meta ?? {};
  if (message === 'Activity failed' && error instanceof ApplicationFailure && isErrorKind(error.type)) return;
  const reason = error instanceof Error ? error.message : undefined;
  const place = { ...contextOfWorkflowId(workflowId), workflowId, runId };
  logger[LEVELS[level]]({ ...place, workflowType, activity: activityType, attempt, reason }, message);
}
