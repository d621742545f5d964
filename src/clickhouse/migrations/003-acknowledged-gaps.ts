import type { Migration } from './migration.js';

/** That somebody has looked at a gap: who, when, and what they noted. The view keeps its columns, so it is made again. */
export const acknowledgedGaps: Migration = {
  version: 3,
  name: 'gaps that somebody has looked at',
  statements: (ddl) => {
    const addColumn = (column: string): string =>
      `ALTER TABLE ${ddl.table('_pipeline_gaps')}${ddl.onCluster} ADD COLUMN IF NOT EXISTS ${column}`;
    return [
      addColumn(`acknowledged_at Nullable(DateTime64(3, 'UTC'))`),
      addColumn(`acknowledged_by String DEFAULT ''`),
      addColumn(`note String DEFAULT ''`),
      `CREATE OR REPLACE VIEW ${ddl.table('pipeline_gaps')}${ddl.onCluster} AS
SELECT * FROM ${ddl.table('_pipeline_gaps')} FINAL`,
    ];
  },
};
