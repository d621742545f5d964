import type { Ddl, Migration } from './migration.js';

/** Load columns that every storage table ends with. */
const LOAD_COLUMNS = `
  run_id LowCardinality(String),
  redacted Array(LowCardinality(String)),
  inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))`;

function logsTable(ddl: Ddl): string {
  return `CREATE TABLE IF NOT EXISTS ${ddl.table('logs_raw')}${ddl.onCluster} (
  tenant LowCardinality(String),
  log_id String CODEC(ZSTD(1)),
  date DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  type LowCardinality(String),
  description String CODEC(ZSTD(1)),
  connection LowCardinality(String),
  connection_id LowCardinality(String),
  client_id LowCardinality(String),
  client_name LowCardinality(String),
  ip String CODEC(ZSTD(1)),
  hostname LowCardinality(String),
  user_id String CODEC(ZSTD(1)),
  user_name String CODEC(ZSTD(1)),
  user_agent String CODEC(ZSTD(1)),
  audience LowCardinality(String),
  scope LowCardinality(String),
  strategy LowCardinality(String),
  strategy_type LowCardinality(String),
  organization_id LowCardinality(String),
  organization_name LowCardinality(String),
  is_mobile Nullable(Bool),
  country_code LowCardinality(String),
  city_name LowCardinality(String),
  raw String CODEC(ZSTD(1)),${LOAD_COLUMNS},
  INDEX log_id_index log_id TYPE bloom_filter GRANULARITY 1,
  INDEX user_id_index user_id TYPE bloom_filter GRANULARITY 1
) ENGINE = ${ddl.replacing()}
PARTITION BY toYYYYMM(date)
ORDER BY (tenant, date, log_id)
${ddl.settings()}`;
}

function usersTable(ddl: Ddl): string {
  return `CREATE TABLE IF NOT EXISTS ${ddl.table('users_raw')}${ddl.onCluster} (
  tenant LowCardinality(String),
  user_id String CODEC(ZSTD(1)),
  version UInt64,
  deleted Bool DEFAULT false,
  deleted_at Nullable(DateTime64(3, 'UTC')),
  email String CODEC(ZSTD(1)),
  email_verified Nullable(Bool),
  username String CODEC(ZSTD(1)),
  phone_number String CODEC(ZSTD(1)),
  phone_verified Nullable(Bool),
  name String CODEC(ZSTD(1)),
  nickname String CODEC(ZSTD(1)),
  given_name String CODEC(ZSTD(1)),
  family_name String CODEC(ZSTD(1)),
  picture String CODEC(ZSTD(1)),
  created_at Nullable(DateTime64(3, 'UTC')),
  updated_at Nullable(DateTime64(3, 'UTC')),
  last_login Nullable(DateTime64(3, 'UTC')),
  last_ip String CODEC(ZSTD(1)),
  logins_count Nullable(Int64),
  last_password_reset Nullable(DateTime64(3, 'UTC')),
  blocked Nullable(Bool),
  connections Array(LowCardinality(String)),
  app_metadata String CODEC(ZSTD(1)),
  user_metadata String CODEC(ZSTD(1)),
  raw String CODEC(ZSTD(1)),${LOAD_COLUMNS}
) ENGINE = ${ddl.replacing('version')}
ORDER BY (tenant, user_id)
${ddl.settings()}`;
}

function clientsTable(ddl: Ddl): string {
  return `CREATE TABLE IF NOT EXISTS ${ddl.table('clients_raw')}${ddl.onCluster} (
  tenant LowCardinality(String),
  client_id String,
  version UInt64,
  deleted Bool DEFAULT false,
  deleted_at Nullable(DateTime64(3, 'UTC')),
  name String,
  description String,
  app_type LowCardinality(String),
  is_first_party Nullable(Bool),
  is_global Nullable(Bool),
  oidc_conformant Nullable(Bool),
  token_endpoint_auth_method LowCardinality(String),
  organization_usage LowCardinality(String),
  grant_types Array(LowCardinality(String)),
  callbacks Array(String),
  allowed_origins Array(String),
  web_origins Array(String),
  client_metadata String,
  raw String CODEC(ZSTD(1)),${LOAD_COLUMNS}
) ENGINE = ${ddl.replacing('version')}
ORDER BY (tenant, client_id)
${ddl.settings()}`;
}

function pipelineTables(ddl: Ddl): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${ddl.table('_log_types')}${ddl.onCluster} (
  type String,
  event String,
  category LowCardinality(String),
  description String
) ENGINE = ${ddl.replacing()}
ORDER BY type
${ddl.settings()}`,
    `CREATE TABLE IF NOT EXISTS ${ddl.table('_pipeline_runs')}${ddl.onCluster} (
  tenant LowCardinality(String),
  resource LowCardinality(String),
  run_id String,
  mode LowCardinality(String),
  status LowCardinality(String),
  pages UInt64,
  rows UInt64,
  requests UInt64,
  malformed UInt64,
  redacted UInt64,
  gaps UInt32,
  visible Nullable(UInt64),
  deleted UInt64,
  reconciled LowCardinality(String),
  first_cursor String,
  last_cursor String,
  started_at DateTime64(3, 'UTC'),
  ended_at Nullable(DateTime64(3, 'UTC')),
  error_kind LowCardinality(String),
  error String,
  warnings Array(String),
  version UInt64
) ENGINE = ${ddl.replacing('version')}
ORDER BY (tenant, resource, started_at, run_id)
${ddl.settings()}`,
    `CREATE TABLE IF NOT EXISTS ${ddl.table('_pipeline_checkpoints')}${ddl.onCluster} (
  tenant LowCardinality(String),
  resource LowCardinality(String),
  epoch UInt64,
  block UInt32,
  run_id String,
  cursor String,
  last_id String,
  last_date Nullable(DateTime64(3, 'UTC')),
  snapshot_at Nullable(DateTime64(3, 'UTC')),
  rows_held UInt64,
  overlap_refused Bool DEFAULT false,
  written_at DateTime64(3, 'UTC') DEFAULT now64(3),
  version UInt64 MATERIALIZED epoch * 1000000 + block
) ENGINE = ${ddl.replacing('version')}
ORDER BY (tenant, resource)
${ddl.settings()}`,
    `CREATE TABLE IF NOT EXISTS ${ddl.table('_pipeline_gaps')}${ddl.onCluster} (
  tenant LowCardinality(String),
  resource LowCardinality(String),
  gap_from String,
  gap_to String,
  from_date Nullable(DateTime64(3, 'UTC')),
  to_date Nullable(DateTime64(3, 'UTC')),
  reason String,
  run_id String,
  found_at DateTime64(3, 'UTC') DEFAULT now64(3),
  refilled Bool DEFAULT false,
  version UInt64
) ENGINE = ${ddl.replacing('version')}
ORDER BY (tenant, resource, gap_from)
${ddl.settings()}`,
  ];
}

/**
 * Which ids a snapshot held. Kept apart from the rows, since a row that loses on its version is gone after a merge
 * and its record was seen all the same. Filled by views on the storage tables, so that no insert can forget it.
 */
function seenTables(ddl: Ddl): string[] {
  const seen = (
    name: string,
    key: string,
  ) => `CREATE MATERIALIZED VIEW IF NOT EXISTS ${ddl.table(`_${name}_seen`)}${ddl.onCluster}
TO ${ddl.table('_snapshot_ids')} AS
SELECT tenant, '${name}' AS resource, run_id, ${key} AS id FROM ${ddl.table(`${name}_raw`)} WHERE NOT deleted`;
  return [
    `CREATE TABLE IF NOT EXISTS ${ddl.table('_snapshot_ids')}${ddl.onCluster} (
  tenant LowCardinality(String),
  resource LowCardinality(String),
  run_id String,
  id String,
  seen_at DateTime DEFAULT now()
) ENGINE = ${ddl.replacing()}
ORDER BY (tenant, resource, run_id, id)
TTL seen_at + INTERVAL 7 DAY
${ddl.settings()}`,
    seen('users', 'user_id'),
    seen('clients', 'client_id'),
  ];
}

const HIDDEN_IN_VIEWS = 'deleted, deleted_at, version';

function views(ddl: Ddl): string[] {
  const live = (name: string) => `CREATE VIEW IF NOT EXISTS ${ddl.table(name)}${ddl.onCluster} AS
SELECT * EXCEPT (${HIDDEN_IN_VIEWS}) FROM ${ddl.table(`${name}_raw`)} FINAL WHERE NOT deleted`;
  const deleted = (name: string) => `CREATE VIEW IF NOT EXISTS ${ddl.table(`${name}_deleted`)}${ddl.onCluster} AS
SELECT * EXCEPT (deleted, version) FROM ${ddl.table(`${name}_raw`)} FINAL WHERE deleted`;
  // Their tables hold a row for each step of a run until they are merged; people and joins want one.
  const latest = (name: string) => `CREATE VIEW IF NOT EXISTS ${ddl.table(name)}${ddl.onCluster} AS
SELECT * FROM ${ddl.table(`_${name}`)} FINAL`;
  return [
    `CREATE VIEW IF NOT EXISTS ${ddl.table('logs')}${ddl.onCluster} AS SELECT * FROM ${ddl.table('logs_raw')} FINAL`,
    live('users'),
    live('clients'),
    deleted('users'),
    deleted('clients'),
    ...['log_types', 'pipeline_runs', 'pipeline_checkpoints', 'pipeline_gaps'].map((name) => latest(name)),
  ];
}

export const tables: Migration = {
  version: 1,
  name: 'tables',
  statements: (ddl) => [
    logsTable(ddl),
    usersTable(ddl),
    clientsTable(ddl),
    ...pipelineTables(ddl),
    ...seenTables(ddl),
    ...views(ddl),
  ],
};
