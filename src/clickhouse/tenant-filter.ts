import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { createStatements } from './statements.js';

/**
 * Settings by which the server shows a statement the rows of one tenant only, in every table of ours that has tenants,
 * and in the views on them. Throws ExtractError.
 */
export async function tenantFilter(
  client: ClickHouseClient,
  database: string,
  tenant: string,
): Promise<Record<string, string>> {
  const tables = await createStatements(client).select(
    z.object({ found: z.string() }),
    `SELECT table AS found FROM system.columns
     WHERE database = {database:String} AND name = 'tenant'
       AND table IN (SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree')`,
    { database },
  );
  // A filter on nothing would show everything.
  if (tables.length === 0)
    throw new ExtractError('DestinationRefused', `No table in ${database} has tenants: it cannot be read by tenant`);
  const condition = `tenant = ${literal(tenant)}`;
  const filters = tables.map(({ found }) => `${literal(`${database}.${found}`)}: ${literal(condition)}`);
  return { additional_table_filters: `{${filters.join(', ')}}` };
}

function literal(value: string): string {
  return `'${value.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
