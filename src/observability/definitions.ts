/** A metric of ours, described once: the registry and docs/monitoring.md come from it. */
export interface MetricDefinition {
  kind: 'counter' | 'gauge' | 'histogram';
  name: `auth0_clickhouse_${string}`;
  help: string;
  /** Bounded sets only: tenants, resources, endpoints, kinds of errors. Never an id of a user, a client or a log. */
  labels: readonly string[];
  /** Upper bounds of a histogram, in its unit. */
  buckets?: readonly number[];
}

const copy = ['tenant', 'resource'] as const;

/** Counted by this process since its start. */
export const COUNTERS = {
  rows: {
    kind: 'counter',
    name: 'auth0_clickhouse_rows_total',
    help: 'Rows that ClickHouse has acknowledged',
    labels: copy,
  },
  pages: {
    kind: 'counter',
    name: 'auth0_clickhouse_pages_total',
    help: 'Pages of the API whose rows are stored',
    labels: copy,
  },
  malformed: {
    kind: 'counter',
    name: 'auth0_clickhouse_malformed_rows_total',
    help: 'Stored rows that broke their documented shape; they are whole in the column raw',
    labels: copy,
  },
  insertBytes: {
    kind: 'counter',
    name: 'auth0_clickhouse_insert_bytes_total',
    help: 'Bytes of acknowledged inserts, as sent',
    labels: copy,
  },
  insertSeconds: {
    kind: 'histogram',
    name: 'auth0_clickhouse_insert_seconds',
    help: 'Time that acknowledged inserts took, in seconds; its count is the number of blocks',
    labels: copy,
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
  },
  insertFailures: {
    kind: 'counter',
    name: 'auth0_clickhouse_insert_failures_total',
    help: 'Inserts that failed, by the name of the error; they are tried again where that can help',
    labels: [...copy, 'kind'],
  },
  requests: {
    kind: 'counter',
    name: 'auth0_clickhouse_requests_total',
    help: 'Requests to the Management API, by endpoint and status (2xx, 3xx, 4xx, 429, 5xx, none)',
    labels: ['tenant', 'endpoint', 'status'],
  },
  requestSeconds: {
    kind: 'histogram',
    name: 'auth0_clickhouse_request_seconds',
    help: 'Time until an answer of the Management API was read, in seconds; waiting for the rate limit is not in it',
    labels: ['tenant'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  rateLimited: {
    kind: 'counter',
    name: 'auth0_clickhouse_rate_limited_total',
    help: 'Answers with HTTP 429',
    labels: ['tenant'],
  },
  rateWait: {
    kind: 'counter',
    name: 'auth0_clickhouse_rate_wait_seconds_total',
    help: 'Seconds that requests were held back to stay within the rate limit',
    labels: ['tenant'],
  },
  tokenMints: {
    kind: 'counter',
    name: 'auth0_clickhouse_token_mints_total',
    help: 'Access tokens asked for; Auth0 meters them',
    labels: ['tenant'],
  },
  runs: {
    kind: 'counter',
    name: 'auth0_clickhouse_runs_total',
    help: 'Runs that have ended, by how (completed, failed, unavailable, cancelled)',
    labels: [...copy, 'status'],
  },
  gapsFound: {
    kind: 'counter',
    name: 'auth0_clickhouse_gaps_found_total',
    help: 'Intervals found that could not be read',
    labels: copy,
  },
  activityFailures: {
    kind: 'counter',
    name: 'auth0_clickhouse_activity_failures_total',
    help: 'Failed attempts of activities, by the name of the error; most are tried again',
    labels: [...copy, 'kind'],
  },
  stateReadErrors: {
    kind: 'counter',
    name: 'auth0_clickhouse_state_read_errors_total',
    help: 'Scrapes for which ClickHouse or the Temporal core could not be read; their gauges are then missing',
    labels: ['source'],
  },
} as const satisfies Record<string, MetricDefinition>;

/** Read from ClickHouse when they are scraped, or known from the settings. */
export const GAUGES = {
  build: {
    kind: 'gauge',
    name: 'auth0_clickhouse_build_info',
    help: 'Always 1; the version is its label',
    labels: ['version'],
  },
  lag: {
    kind: 'gauge',
    name: 'auth0_clickhouse_lag_seconds',
    help: 'How far the copy can be behind the tenant: seconds since the last good run began, or for logs since the newest log that is stored, where that is later',
    labels: copy,
  },
  cursorAge: {
    kind: 'gauge',
    name: 'auth0_clickhouse_cursor_age_seconds',
    help: 'Age of the position in the logs, to be compared with the retention',
    labels: ['tenant'],
  },
  retention: {
    kind: 'gauge',
    name: 'auth0_clickhouse_retention_seconds',
    help: 'How long the tenant keeps its logs (AUTH0_LOG_RETENTION_DAYS); missing where that is not set',
    labels: ['tenant'],
  },
  rowsStored: {
    kind: 'gauge',
    name: 'auth0_clickhouse_rows_stored',
    help: 'Rows in the storage table, with repetitions that are not merged yet and deleted records',
    labels: copy,
  },
  gaps: {
    kind: 'gauge',
    name: 'auth0_clickhouse_gaps',
    help: 'Intervals in pipeline_gaps that are not refilled',
    labels: copy,
  },
  lastGood: {
    kind: 'gauge',
    name: 'auth0_clickhouse_last_good_run_timestamp_seconds',
    help: 'When the last completed run ended, in seconds since 1970; missing where there was none',
    labels: copy,
  },
  interval: {
    kind: 'gauge',
    name: 'auth0_clickhouse_schedule_interval_seconds',
    help: 'Time between two scheduled runs; missing where none is scheduled',
    labels: copy,
  },
  stale: {
    kind: 'gauge',
    name: 'auth0_clickhouse_stale',
    help: '1 after three intervals of its schedule without a good run, else 0; missing where none is scheduled',
    labels: copy,
  },
} as const satisfies Record<string, MetricDefinition>;

/** All metrics of ours in the order of the documentation. */
export const METRICS: readonly MetricDefinition[] = [...Object.values(COUNTERS), ...Object.values(GAUGES)];
