import type { Migration } from './migration.js';

/** Records of a run that were too large to be read. The view keeps its columns, so it is made again. */
export const lostRecords: Migration = {
  version: 5,
  name: 'records that are too large',
  statements: (ddl) => [
    `ALTER TABLE ${ddl.table('_pipeline_runs')}${ddl.onCluster} ADD COLUMN IF NOT EXISTS lost UInt64 DEFAULT 0`,
    `CREATE OR REPLACE VIEW ${ddl.table('pipeline_runs')}${ddl.onCluster} AS
SELECT * FROM ${ddl.table('_pipeline_runs')} FINAL`,
  ],
};
