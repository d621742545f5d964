import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { COUNTERS, GAUGES, type MetricDefinition } from './definitions.js';
import { endpointOf, statusLabel } from './endpoint.js';
import type { Meter } from './meter.js';

/** The metrics of one worker. */
export interface Metrics {
  registry: Registry;
  meter: Meter;
  gauges: { readonly [Name in keyof typeof GAUGES]: Gauge };
  /** A scrape for which a source could not be read. */
  stateReadFailed(source: 'clickhouse' | 'temporal'): void;
}

/** Creates a registry with all metrics of ours and those of the Node process. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (definition: MetricDefinition): Counter => new Counter(optionsOf(definition, registry));
  const histogram = (definition: MetricDefinition): Histogram =>
    new Histogram({ ...optionsOf(definition, registry), buckets: [...(definition.buckets ?? [])] });
  const gauge = (definition: MetricDefinition): Gauge => new Gauge(optionsOf(definition, registry));

  const rows = counter(COUNTERS.rows);
  const pages = counter(COUNTERS.pages);
  const malformed = counter(COUNTERS.malformed);
  const insertBytes = counter(COUNTERS.insertBytes);
  const insertSeconds = histogram(COUNTERS.insertSeconds);
  const insertFailures = counter(COUNTERS.insertFailures);
  const requests = counter(COUNTERS.requests);
  const requestSeconds = histogram(COUNTERS.requestSeconds);
  const rateLimited = counter(COUNTERS.rateLimited);
  const rateWait = counter(COUNTERS.rateWait);
  const tokenMints = counter(COUNTERS.tokenMints);
  const runs = counter(COUNTERS.runs);
  const gapsFound = counter(COUNTERS.gapsFound);
  const activityFailures = counter(COUNTERS.activityFailures);
  const stateReadErrors = counter(COUNTERS.stateReadErrors);
  const gauges = {
    build: gauge(GAUGES.build),
    lag: gauge(GAUGES.lag),
    cursorAge: gauge(GAUGES.cursorAge),
    retention: gauge(GAUGES.retention),
    rowsStored: gauge(GAUGES.rowsStored),
    gaps: gauge(GAUGES.gaps),
    lastGood: gauge(GAUGES.lastGood),
    interval: gauge(GAUGES.interval),
    stale: gauge(GAUGES.stale),
  };
  gauges.build.set({ version }, 1);
  // A counter that is missing until its first event hides that event from increase().
  for (const source of ['clickhouse', 'temporal']) stateReadErrors.inc({ source }, 0);

  const meter: Meter = {
    request({ tenant, path, status, waitedSeconds, tookSeconds }) {
      requests.inc({ tenant, endpoint: endpointOf(path), status: statusLabel(status) });
      rateLimited.inc({ tenant }, status === 429 ? 1 : 0);
      rateWait.inc({ tenant }, Math.max(0, waitedSeconds));
      if (status !== null) requestSeconds.observe({ tenant }, tookSeconds);
    },
    tokenMinted: (tenant) => tokenMints.inc({ tenant }),
    pagesStored: (tenant, resource, count) => pages.inc({ tenant, resource }, count),
    inserted(block) {
      const { tenant, resource } = block;
      rows.inc({ tenant, resource }, block.rows);
      malformed.inc({ tenant, resource }, block.malformed);
      insertBytes.inc({ tenant, resource }, block.bytes);
      insertSeconds.observe({ tenant, resource }, block.seconds);
    },
    insertFailed: (tenant, resource, kind) => insertFailures.inc({ tenant, resource, kind }),
    gapFound: (tenant, resource) => gapsFound.inc({ tenant, resource }),
    runClosed(tenant, resource, status) {
      // All of them, so that the first failure is an increase and not a new series.
      for (const known of ['completed', 'failed', 'unavailable', 'cancelled'])
        runs.inc({ tenant, resource, status: known }, 0);
      gapsFound.inc({ tenant, resource }, 0);
      runs.inc({ tenant, resource, status });
    },
    activityFailed: (tenant, resource, kind) => activityFailures.inc({ tenant, resource, kind }),
  };
  return { registry, meter, gauges, stateReadFailed: (source) => stateReadErrors.inc({ source }) };
}

function optionsOf({ name, help, labels }: MetricDefinition, registry: Registry) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}
