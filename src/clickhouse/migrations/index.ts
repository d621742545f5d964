import { tables } from './001-tables.js';
import { waitingAndImported } from './002-waiting-and-imported.js';
import { acknowledgedGaps } from './003-acknowledged-gaps.js';
import { checkpointAndIdentity } from './004-checkpoint-and-identity.js';
import { lostRecords } from './005-lost-records.js';
import type { Ddl, Migration } from './migration.js';

/** All migrations in the order of their versions. */
export const MIGRATIONS: readonly Migration[] = [
  tables,
  waitingAndImported,
  acknowledgedGaps,
  checkpointAndIdentity,
  lostRecords,
];

/** The statement that makes the list of those that were applied. */
export function migrationsTable(ddl: Ddl): string {
  return `CREATE TABLE IF NOT EXISTS ${ddl.table('_migrations')}${ddl.onCluster} (
  version UInt32,
  name String,
  checksum String,
  applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${ddl.replacing('applied_at')}
ORDER BY version
${ddl.settings()}`;
}
