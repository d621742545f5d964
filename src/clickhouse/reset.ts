import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { resources } from '../resources/index.js';
import type { ResourceName } from '../contracts/names.js';
import { classifyClickHouseError } from './errors.js';
import { type DdlTarget, ddlFor } from './migrations/migration.js';
import { desiredSchema } from './schema.js';
import { createStatements } from './statements.js';

/** What a reset takes away: one resource of a tenant, or all that is held of it. */
export interface ResetChoice {
  tenant: string;
  resource: ResourceName | null;
}

/** Rows of a table that are meant. */
export interface MeantRows {
  table: string;
  rows: number;
}

const counted = z.object({ n: z.coerce.number() });

/** The tables that hold something of what is meant, and how much. Throws ExtractError. */
export async function countMeant(
  client: ClickHouseClient,
  target: DdlTarget,
  choice: ResetChoice,
): Promise<MeantRows[]> {
  const { select } = createStatements(client);
  const ddl = ddlFor(target);
  const counts: MeantRows[] = [];
  for (const { table, where } of meantTables(target, choice)) {
    const [row] = await select(counted, `SELECT count() AS n FROM ${ddl.table(table)} FINAL WHERE ${where}`, choice);
    counts.push({ table, rows: row?.n ?? 0 });
  }
  return counts;
}

/**
 * Takes it away, records first: whatever is left where this is interrupted, the next run reads again what is not there.
 * A row in the ledger says that it was done, and by whom. Throws ExtractError.
 */
export async function resetRows(
  client: ClickHouseClient,
  target: DdlTarget,
  choice: ResetChoice,
  { by, rows, now }: { by: string; rows: number; now: number },
): Promise<void> {
  const ddl = ddlFor(target);
  const tables = meantTables(target, choice);
  for (const { table, where } of tables) {
    try {
      await client.command({
        query: `ALTER TABLE ${ddl.table(table)}${ddl.onCluster} DELETE WHERE ${where} SETTINGS mutations_sync = 2`,
        query_params: { ...choice },
      });
    } catch (error) {
      throw classifyClickHouseError(error);
    }
  }
  const at = new Date(now).toISOString();
  const named = choice.resource === null ? Object.values(resources).map(({ name }) => name) : [choice.resource];
  await createStatements(client).insert(
    ddl.table('_pipeline_runs'),
    named.map((resource) => ({
      tenant: choice.tenant,
      resource,
      run_id: `reset-${at}`,
      mode: 'reset',
      status: 'reset',
      rows: choice.resource === null ? 0 : rows,
      reconciled: 'unknown',
      started_at: at,
      ended_at: at,
      warnings: [`reset by ${by}`],
      version: 1,
    })),
  );
}

/** The tables of ours that are meant, those with records first. */
function meantTables(target: DdlTarget, { resource }: ResetChoice): { table: string; where: string }[] {
  const storage = new Set(Object.values(resources).map(({ table }) => table));
  const own = resource === null ? null : resources[resource].table;
  return desiredSchema(ddlFor(target))
    .filter(({ kind }) => kind === 'table')
    .flatMap(({ name, columns }) => {
      const has = (column: string) => columns.some((one) => one.name === column);
      if (!has('tenant')) return [];
      if (own === null || name === own) return [{ table: name, where: 'tenant = {tenant:String}' }];
      return has('resource')
        ? [{ table: name, where: 'tenant = {tenant:String} AND resource = {resource:String}' }]
        : [];
    })
    .toSorted((a, b) => Number(storage.has(b.table)) - Number(storage.has(a.table)));
}
