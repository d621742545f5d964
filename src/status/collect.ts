import type { ClickHouseClient } from '@clickhouse/client';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { tablesOf } from '../clickhouse/client.js';
import { describeSchema, readSchema } from '../clickhouse/schema.js';
import { createStatements } from '../clickhouse/statements.js';
import { ExtractError } from '../contracts/errors.js';
import { isResourceName, RESOURCES, type ResourceName } from '../contracts/names.js';
import { parseInstant } from '../resources/columns.js';
import { listSchedules } from '../temporal/schedules.js';
import { readProgress } from '../temporal/sync-run.js';
import { mapLimited } from './map-limited.js';
import { type HeldFacts, heldKey, type TenantRuns } from './status.js';

/** Questions that are under way at Temporal at a time: a worker of many tenants must not be flooded by one look. */
const AT_A_TIME = 16;

/**
 * Asks Temporal for the runs and schedules of tenants. `ended`: also how far runs came that have ended; `schedules`:
 * whether they are wanted. Throws what the Temporal client throws.
 */
export async function askRuns(
  client: Client,
  tenants: readonly string[],
  { ended = false, schedules = true }: { ended?: boolean; schedules?: boolean } = {},
): Promise<Map<string, TenantRuns>> {
  const pairs = tenants.flatMap((tenant) => RESOURCES.map((resource) => ({ tenant, resource })));
  const [live, listed] = await Promise.all([
    mapLimited(pairs, AT_A_TIME, ({ tenant, resource }) => readProgress(client, tenant, resource, { ended })),
    mapLimited(tenants, AT_A_TIME, async (tenant) => (schedules ? listSchedules(client, tenant) : null)),
  ]);
  return new Map(
    tenants.map((tenant, i) => {
      const mine = pairs.flatMap((pair, at) => (pair.tenant === tenant ? [[pair.resource, live[at] ?? null]] : []));
      return [tenant, { live: Object.fromEntries(mine), schedules: listed[i] ?? null }];
    }),
  );
}

const number = z.coerce.number();
const key = { tenant: z.string(), resource: z.string() };
const heldRow = z.object({ ...key, rows: number, newest: number });
const checkpointRow = z.object({ ...key, cursor: z.string(), cursor_at: number });
const gapRow = z.object({ ...key, gaps: number });
const runRow = z.object({
  ...key,
  run_status: z.string(),
  run_ended: z.string(),
  run_error: z.string(),
  good: z.tuple([number, number, number]),
  bad: z.tuple([z.string(), z.string(), number]),
  deletes_waiting: number,
  snapshot_ended: number,
});

/** The column that tells how new a resource's newest record is. */
const NEWEST = { logs: 'date', users: 'updated_at', clients: 'inserted_at' } as const satisfies Record<
  ResourceName,
  string
>;

/** Names that one statement names: parameters travel in the URL, of which some servers take no more than 16 kB. */
const NAMES_IN_A_STATEMENT = 50;

/**
 * Asks ClickHouse what is held, where the checkpoints are, how the runs ended: four statements for all tenants. Throws
 * ExtractError.
 */
export async function askHeld(
  client: ClickHouseClient,
  database: string,
  tenants: readonly string[],
): Promise<Map<string, HeldFacts>> {
  const table = tablesOf(database);
  const mine = tenants.length <= NAMES_IN_A_STATEMENT ? 'tenant IN {tenants:Array(String)}' : '1';
  const statements = createStatements(client);
  const parameters = { tenants: tenants.slice(0, NAMES_IN_A_STATEMENT) };
  const select = <T>(row: z.ZodType<T>, query: string): Promise<T[]> => statements.select(row, query, parameters);
  const milliseconds = (value: string) => `toUnixTimestamp64Milli(coalesce(${value}, toDateTime64(0, 3)))`;
  const held = RESOURCES.map(
    (resource) => `SELECT tenant, '${resource}' AS resource, count() AS rows,
      ${milliseconds(`max(${NEWEST[resource]})`)} AS newest FROM ${table(resource)} WHERE ${mine} GROUP BY tenant`,
  );
  // A backfill reads an interval beside the run of its resource, and says nothing of that one.
  // argMax leaves rows out whose value is null; inside of a tuple it does not.
  const runs = `SELECT tenant, resource, argMax(status, started_at) AS run_status, argMax(error, started_at) AS run_error,
      argMax(ifNull(toString(ended_at), ''), started_at) AS run_ended,
      argMaxIf((toUnixTimestamp64Milli(started_at), ${milliseconds('ended_at')}, rows), started_at, status = 'completed') AS good,
      argMaxIf((error_kind, error, ${milliseconds('ended_at')}), started_at, status IN ('failed', 'unavailable')) AS bad,
      argMaxIf(deletes_waiting, started_at, status = 'completed' AND mode != 'users-changed') AS deletes_waiting,
      argMaxIf(${milliseconds('ended_at')}, started_at, status = 'completed' AND mode != 'users-changed') AS snapshot_ended
    FROM ${table('pipeline_runs')} WHERE ${mine} AND mode != 'logs-backfill' GROUP BY tenant, resource`;
  try {
    const [heldRows, runRows, checkpoints, gaps] = await Promise.all([
      select(heldRow, held.join(' UNION ALL ')),
      select(runRow, runs),
      select(
        checkpointRow,
        `SELECT tenant, resource, cursor, ${milliseconds('last_date, snapshot_at')} AS cursor_at
         FROM ${table('pipeline_checkpoints')} WHERE ${mine}`,
      ),
      select(
        gapRow,
        `SELECT tenant, resource, count() AS gaps FROM ${table('pipeline_gaps')}
         WHERE ${mine} AND NOT refilled AND acknowledged_at IS NULL GROUP BY tenant, resource`,
      ),
    ]);
    const facts = new Map<string, HeldFacts>();
    const rowsOf = byKey(heldRows);
    const [runOf, checkpointOf, gapsOf] = [byKey(runRows), byKey(checkpoints), byKey(gaps)];
    for (const place of new Set([rowsOf, runOf, checkpointOf, gapsOf].flatMap((rows) => [...rows.keys()]))) {
      const checkpoint = checkpointOf.get(place);
      facts.set(place, {
        rows: rowsOf.get(place)?.rows ?? 0,
        newest: rowsOf.get(place)?.newest ?? 0,
        cursor: checkpoint?.cursor ?? '',
        cursorAt: checkpoint?.cursor_at ?? 0,
        gaps: gapsOf.get(place)?.gaps ?? 0,
        ...runFacts(runOf.get(place)),
      });
    }
    return facts;
  } catch (error) {
    throw error instanceof ExtractError ? await explain(error, client, database) : error;
  }
}

/** Which tables and views somebody has dropped or changed, and what to do; null where all are as they should be. */
export async function askTables(client: ClickHouseClient, database: string): Promise<string | null> {
  const schema = await readSchema(client, { database, cluster: null });
  // Who may read the views only sees nothing else, and a worker that is just starting has not made all of them yet.
  if (!schema.seesAll || schema.problems.length === 0) return null;
  return `${describeSchema(schema, database)}. ${REPAIR}`;
}

async function droppedTables(client: ClickHouseClient, database: string): Promise<string | null> {
  try {
    return await askTables(client, database);
  } catch {
    return null;
  }
}

const REPAIR = 'repair tables makes them again, and so does the start of a worker; the next sync reads what they held';

function byKey<T extends { tenant: string; resource: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(
    rows.flatMap((row) => (isResourceName(row.resource) ? [[heldKey(row.tenant, row.resource), row] as const] : [])),
  );
}

function runFacts(
  row: z.infer<typeof runRow> | undefined,
): Pick<HeldFacts, 'lastRun' | 'lastGoodRun' | 'lastError' | 'deletesWaiting' | 'lastSnapshotEndedAt'> {
  if (!row) return { lastRun: null, lastGoodRun: null, lastError: null, deletesWaiting: 0, lastSnapshotEndedAt: 0 };
  const [startedAt, endedAt, rows] = row.good;
  const [kind, message, at] = row.bad;
  const ended = parseInstant(row.run_ended);
  return {
    lastRun: {
      status: row.run_status,
      endedAt: ended === undefined ? null : new Date(ended).toISOString(),
      error: row.run_error,
    },
    lastGoodRun: startedAt > 0 ? { startedAt, endedAt, rows } : null,
    lastError: kind === '' && message === '' ? null : { kind, message, at },
    deletesWaiting: row.deletes_waiting,
    lastSnapshotEndedAt: row.snapshot_ended,
  };
}

/** Tables that are not there, or not yet as this program knows them, are nothing that a person has done wrong. */
async function explain(error: ExtractError, client: ClickHouseClient, database: string): Promise<ExtractError> {
  switch (error.context.code) {
    case 'UNKNOWN_TABLE':
    case 'UNKNOWN_DATABASE': {
      const dropped = await droppedTables(client, database);
      return new ExtractError(
        'DestinationRefused',
        dropped ?? `ClickHouse has no tables in ${database} yet: they are made when a worker starts`,
      );
    }
    case 'UNKNOWN_IDENTIFIER':
      return new ExtractError(
        'DestinationRefused',
        `The tables in ${database} are those of an earlier version: they are brought up to date when a worker of this one starts`,
      );
    default:
      return error;
  }
}
