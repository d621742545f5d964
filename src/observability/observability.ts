import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { NativeConnection, Worker, WorkerOptions } from '@temporalio/worker';
import { z } from 'zod';
import type { Config } from '../config/config.js';
import { describeError, ExtractError } from '../contracts/errors.js';
import { RESOURCES } from '../contracts/names.js';
import { freePort } from '../embedded/ports.js';
import type { Logger } from '../logger.js';
import { createStateGauges, type StateGauges, type WatchedTenant } from './gauges.js';
import type { Meter } from './meter.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type Readiness, serveObservability } from './server.js';
import { readCopyState } from './state.js';
import { startTracing } from './tracing.js';

/** What a running worker is asked about. */
export interface Watched {
  worker: Pick<Worker, 'getState'>;
  connection: NativeConnection;
  clickhouse: ClickHouseClient;
  database: string;
  tenants: readonly WatchedTenant[];
}

/** Metrics, probes and traces of one worker process. */
export interface Observability {
  meter: Meter;
  /** Where the Temporal core has to serve its metrics; null: nowhere. */
  temporalMetrics: string | null;
  /** What traces add to the worker; empty without them. */
  workerOptions: Pick<WorkerOptions, 'interceptors' | 'sinks'>;
  /** Whether workflows make spans, too. */
  traced: boolean;
  /** Origin of `/metrics`; null where it is switched off. */
  url: string | null;
  /** From now on `/readyz` and the gauges tell about this worker. */
  watch(watched: Watched): void;
  close(): Promise<void>;
}

/** Port of `/metrics` where METRICS_PORT is not set: that of OpenTelemetry's Prometheus exporters. */
export const METRICS_PORT = 9464;

const PROBE_MS = 4_000;

/**
 * Starts what makes a worker visible, before its servers are reached: until `watch` is called `/readyz` says that it is
 * starting. Throws ExtractError (Configuration) when the port that was asked for cannot be used.
 */
export async function openObservability(
  { observability: { metrics: where, tracing } }: Pick<Config, 'observability'>,
  logger: Logger,
  version: string,
): Promise<Observability> {
  const metrics = createMetrics(version);
  const traces = tracing === null ? null : await startTracing({ ...tracing, version });
  const common = {
    meter: metrics.meter,
    workerOptions: traces?.workerOptions ?? {},
    traced: traces !== null,
  };
  if (where.port === 'off')
    return { ...common, temporalMetrics: null, url: null, watch() {}, close: async () => traces?.close() };

  const temporalMetrics = `127.0.0.1:${await freePort()}`;
  let watched: Watched | null = null;
  let gauges: StateGauges | null = null;
  const server = await serveObservability(
    {
      metrics: () => metricsText(metrics, gauges, watched === null ? null : temporalMetrics),
      readiness: async () => (watched === null ? { worker: 'starting' } : readiness(watched)),
    },
    {
      host: where.host,
      port: where.port ?? METRICS_PORT,
      orFreePort: where.port === null,
      allowedHosts: [where.host, ...where.allowedHosts],
    },
  );
  const wanted = where.port ?? METRICS_PORT;
  if (wanted !== 0 && !server.url.endsWith(`:${wanted}`))
    logger.warn({ url: server.url, wanted }, 'The usual metrics port is in use: metrics are on another one');

  return {
    ...common,
    temporalMetrics,
    url: server.url,
    watch(next) {
      watched = next;
      const { clickhouse, database, tenants } = next;
      gauges = createStateGauges({
        metrics,
        tenants,
        read: () =>
          readCopyState(
            clickhouse,
            database,
            tenants.map(({ name }) => name),
            RESOURCES,
          ),
        onError: (error) =>
          logger.warn({ reason: reasonOf(error) }, 'The state of the copy cannot be read for metrics'),
      });
    },
    async close() {
      await server.close();
      await traces?.close();
    },
  };
}

/** Our own metrics, then those of the Temporal core, which serves them itself and cannot be asked otherwise. */
async function metricsText(metrics: Metrics, gauges: StateGauges | null, temporal: string | null) {
  const [core] = await Promise.all([
    temporal === null ? '' : readTemporalMetrics(temporal).catch(() => null),
    gauges?.refresh(),
  ]);
  if (core === null) metrics.stateReadFailed('temporal');
  return {
    contentType: metrics.registry.contentType,
    text: `${await metrics.registry.metrics()}${core ?? ''}`,
  };
}

async function readTemporalMetrics(address: string): Promise<string> {
  const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(PROBE_MS) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return text;
}

async function readiness({ worker, connection, clickhouse }: Watched): Promise<Readiness> {
  const state = worker.getState();
  const [database, temporal] = await Promise.all([
    probe(async () => {
      // Not /ping: that one is happy with a wrong password.
      const answer = await clickhouse.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' });
      z.array(z.object({ one: z.literal(1) }))
        .length(1)
        .parse(await answer.json());
    }),
    probe(() => connection.withDeadline(Date.now() + PROBE_MS, () => connection.workflowService.getSystemInfo({}))),
  ]);
  return { worker: state === 'RUNNING' ? 'ok' : `is ${state.toLowerCase()}`, clickhouse: database, temporal };
}

/** `ok`, or why not; a part that does not answer in time is not ok. */
async function probe(ask: () => Promise<unknown>): Promise<string> {
  const over = new AbortController();
  const late = sleep(PROBE_MS, 'no answer in time', { signal: over.signal, ref: false }).catch(() => 'stopped');
  const asked = ask().then(
    () => 'ok',
    (error: unknown) => reasonOf(error),
  );
  const outcome = await Promise.race([asked, late]);
  over.abort();
  return outcome;
}

/** For an error of ours its text; of any other one the class only, since texts can quote data. */
function reasonOf(error: unknown): string {
  if (error instanceof ExtractError) return describeError(error.kind, error.message, error.context);
  const code = error instanceof Error && 'code' in error ? ` ${String(error.code)}` : '';
  return `${error instanceof Error ? error.constructor.name : typeof error}${code}`;
}
