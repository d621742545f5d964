import type { Migration } from './migration.js';

/**
 * What `status` shows of deletes that wait for a yes, and whether a checkpoint was given by `state import`. A view keeps
 * the columns that it was made with, so each is made again.
 */
export const waitingAndImported: Migration = {
  version: 2,
  name: 'deletes that wait, checkpoints that were imported',
  statements: (ddl) => {
    const addColumn = (table: string, column: string): string =>
      `ALTER TABLE ${ddl.table(table)}${ddl.onCluster} ADD COLUMN IF NOT EXISTS ${column}`;
    const renew = (name: string): string =>
      `CREATE OR REPLACE VIEW ${ddl.table(name)}${ddl.onCluster} AS
SELECT * FROM ${ddl.table(`_${name}`)} FINAL`;
    return [
      addColumn('_pipeline_runs', 'deletes_waiting UInt64 DEFAULT 0'),
      addColumn('_pipeline_checkpoints', 'imported Bool DEFAULT false'),
      renew('pipeline_runs'),
      renew('pipeline_checkpoints'),
    ];
  },
};
