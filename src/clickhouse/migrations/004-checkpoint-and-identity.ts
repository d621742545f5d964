import type { Migration } from './migration.js';

/**
 * What a checkpoint of logs stands on: where its run began and what it has stored since, so that a destination which has
 * lost rows is noticed; whether the lookback window behind it has been read for the last time. And the id by which a
 * database is known again.
 */
export const checkpointAndIdentity: Migration = {
  version: 4,
  name: 'what a checkpoint stands on, the id of the database',
  statements: (ddl) => [
    ...[
      'run_from String',
      'run_from_id String',
      `run_from_date Nullable(DateTime64(3, 'UTC'))`,
      'run_rows UInt64',
      `run_since Nullable(DateTime64(3, 'UTC'))`,
      'settled Bool DEFAULT false',
    ].map(
      (column) =>
        `ALTER TABLE ${ddl.table('_pipeline_checkpoints')}${ddl.onCluster} ADD COLUMN IF NOT EXISTS ${column}`,
    ),
    `CREATE OR REPLACE VIEW ${ddl.table('pipeline_checkpoints')}${ddl.onCluster} AS
SELECT * FROM ${ddl.table('_pipeline_checkpoints')} FINAL`,
    `CREATE TABLE IF NOT EXISTS ${ddl.table('_database')}${ddl.onCluster} (
  id String,
  made_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${ddl.replacing()}
ORDER BY (made_at, id)
${ddl.settings()}`,
  ],
};
