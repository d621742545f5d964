import { createHash } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { identifier } from './client.js';
import { classifyClickHouseError } from './errors.js';
import { loadLogTypes } from './log-types.js';
import { MIGRATIONS, migrationsTable } from './migrations/index.js';
import { type Ddl, type DdlTarget, ddlFor, type Migration } from './migrations/migration.js';
import { repairSchema, type Repaired } from './schema.js';
import { createStatements, type Statements } from './statements.js';
import { refuseOldServer } from './version.js';

const appliedRow = z.object({ version: z.coerce.number(), checksum: z.string() });

/**
 * Brings the database up to date. Every statement is idempotent (`IF NOT EXISTS`), so that several workers may start
 * at once. Throws ExtractError: Configuration when an applied migration is not the one in this program,
 * DestinationTooOld before anything is written. Returns what had been dropped or changed since, and was made again.
 */
export async function migrate(client: ClickHouseClient, target: DdlTarget): Promise<Repaired[]> {
  const ddl = ddlFor(target);
  const statements = createStatements(client);
  try {
    refuseOldServer(await readVersion(statements));
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(target.database)}${ddl.onCluster}` });
    await client.command({ query: migrationsTable(ddl) });
    const known = await readApplied(statements, ddl);

    for (const migration of MIGRATIONS) {
      const checksum = checksumOf(migration, ddl);
      const before = known.get(migration.version);
      if (before === checksum) continue;
      if (before !== undefined) throw changedMigration(migration, target.database);
      for (const query of migration.statements(ddl)) await client.command({ query });
      const { version, name } = migration;
      await statements.insert(ddl.table('_migrations'), [{ version, name, checksum }]);
    }
    const repaired = await repairSchema(client, target);
    await loadLogTypes(client, target.database);
    return repaired;
  } catch (error) {
    throw classifyClickHouseError(error);
  }
}

/** The server's version, e.g. `26.7.2.1`; '' where it tells none. */
async function readVersion({ select }: Statements): Promise<string> {
  const [row] = await select(z.object({ version: z.string() }), 'SELECT version() AS version');
  return row?.version ?? '';
}

/** Checksum of a migration's statements as they are for a destination. */
function checksumOf(migration: Migration, ddl: Ddl): string {
  return createHash('sha256').update(migration.statements(ddl).join(';\n')).digest('hex').slice(0, 32);
}

async function readApplied({ select }: Statements, ddl: Ddl): Promise<Map<number, string>> {
  const rows = await select(appliedRow, `SELECT version, checksum FROM ${ddl.table('_migrations')} FINAL`);
  return new Map(rows.map((row) => [row.version, row.checksum]));
}

/** The migrations of this program against those that a destination has: numbers of the open and of the other ones. */
export interface MigrationState {
  applied: number[];
  open: number[];
  /** Made by another version of the program. */
  foreign: number[];
}

/** Reads which migrations a destination has; writes nothing. Throws ExtractError, also where it has no tables yet. */
export async function readMigrationState(client: ClickHouseClient, target: DdlTarget): Promise<MigrationState> {
  const ddl = ddlFor(target);
  const known = await readApplied(createStatements(client), ddl);
  const ours = MIGRATIONS.map((migration) => ({ version: migration.version, checksum: checksumOf(migration, ddl) }));
  const isOurs = (version: number) =>
    ours.some((one) => one.version === version && one.checksum === known.get(version));
  return {
    applied: [...known.keys()].filter((version) => isOurs(version)).toSorted((a, b) => a - b),
    open: ours.map(({ version }) => version).filter((version) => !known.has(version)),
    foreign: [...known.keys()].filter((version) => !isOurs(version)).toSorted((a, b) => a - b),
  };
}

function changedMigration(migration: Migration, database: string): ExtractError {
  return new ExtractError(
    'Configuration',
    `The tables in CLICKHOUSE_DATABASE=${database} were made by another version of auth0-clickhouse (migration ` +
      `${migration.version} "${migration.name}" differs). Use that version, or another database`,
  );
}
