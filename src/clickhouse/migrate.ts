import { createHash } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { identifier } from './client.js';
import { classifyClickHouseError } from './errors.js';
import { loadLogTypes } from './log-types.js';
import { tables } from './migrations/001-tables.js';
import { type DdlTarget, ddlFor, type Migration } from './migrations/migration.js';

/** All migrations in the order of their versions. */
export const MIGRATIONS: readonly Migration[] = [tables];

const applied = z.array(z.object({ version: z.coerce.number(), checksum: z.string() }));

/**
 * Brings the database up to date. Every statement is idempotent (`IF NOT EXISTS`), so that several workers may start
 * at once. Throws ExtractError: Configuration when an applied migration is not the one in this program.
 */
export async function migrate(client: ClickHouseClient, target: DdlTarget): Promise<void> {
  const ddl = ddlFor(target);
  try {
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(target.database)}${ddl.onCluster}` });
    await client.command({
      query: `CREATE TABLE IF NOT EXISTS ${ddl.table('_migrations')}${ddl.onCluster} (
  version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${ddl.replacing('applied_at')} ORDER BY version ${ddl.settings()}`,
    });
    const answer = await client.query({
      query: `SELECT version, checksum FROM ${ddl.table('_migrations')} FINAL`,
      format: 'JSONEachRow',
    });
    const known = new Map(applied.parse(await answer.json()).map((row) => [row.version, row.checksum]));

    for (const migration of MIGRATIONS) {
      const statements = migration.statements(ddl);
      const checksum = createHash('sha256').update(statements.join(';\n')).digest('hex').slice(0, 32);
      const before = known.get(migration.version);
      if (before === checksum) continue;
      if (before !== undefined) throw changedMigration(migration, target.database);
      for (const query of statements) await client.command({ query });
      await client.insert({
        table: `${identifier(target.database)}._migrations`,
        values: [{ version: migration.version, name: migration.name, checksum }],
        format: 'JSONEachRow',
        clickhouse_settings: { async_insert: 0 },
      });
    }
    await loadLogTypes(client, target.database);
  } catch (error) {
    throw classifyClickHouseError(error);
  }
}

function changedMigration(migration: Migration, database: string): ExtractError {
  return new ExtractError(
    'Configuration',
    `The tables in CLICKHOUSE_DATABASE=${database} were made by another version of auth0-clickhouse (migration ` +
      `${migration.version} "${migration.name}" differs). Use that version, or another database`,
  );
}
