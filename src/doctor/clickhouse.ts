import { text } from 'node:stream/consumers';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { checkIsClickHouse, identifier } from '../clickhouse/client.js';
import { classifyClickHouseError } from '../clickhouse/errors.js';
import { readMigrationState } from '../clickhouse/migrate.js';
import type { DdlTarget } from '../clickhouse/migrations/migration.js';
import { describeSchema, readSchema } from '../clickhouse/schema.js';
import { createStatements } from '../clickhouse/statements.js';
import { MIN_VERSION } from '../clickhouse/version.js';
import { ExtractError } from '../contracts/errors.js';
import { type Check, fail, failedWith, ok, skipped, warn } from './check.js';

/** What the checks of ClickHouse need. The client names no database: it may not be there yet. */
export interface ClickHouseDeps {
  client: ClickHouseClient;
  url: string;
  target: DdlTarget;
  username: string;
}

/** Asks the destination whether everything that a worker does there is possible. Writes nothing. */
export async function checkClickHouse(deps: ClickHouseDeps): Promise<Check[]> {
  const { client, url } = deps;
  try {
    const version = await checkIsClickHouse(client, url);
    const reached = ok('version', `${url} is ClickHouse ${version} (${MIN_VERSION} or later is needed)`);
    return [
      reached,
      await checkRights(deps),
      await checkReadonly(deps),
      ...(await checkTables(deps)),
      await checkWindow(deps),
      await checkDisk(deps),
    ];
  } catch (error) {
    const isOld = error instanceof ExtractError && error.kind === 'DestinationTooOld';
    return [failedWith(isOld ? 'version' : 'reachable', error)];
  }
}

function codeOf(error: unknown): string {
  return error instanceof ExtractError ? (error.context.code ?? '') : '';
}

/** What a worker does in its database, as docs/clickhouse-cloud.md grants it: no statement of ours drops a table. */
const RIGHTS = ['SELECT', 'INSERT', 'CREATE DATABASE', 'CREATE TABLE', 'ALTER ADD COLUMN', 'DROP VIEW'] as const;
/** A view that is replaced is dropped under a name of this form. */
const ON_REPLACED = { right: 'DROP TABLE', tables: '_tmp_replace_*' } as const;

async function checkRights(deps: ClickHouseDeps): Promise<Check> {
  const name = 'rights';
  const { database } = deps.target;
  const asked = [...RIGHTS.map((right) => ({ right, tables: '*' })), ON_REPLACED];
  const missing: string[] = [];
  try {
    for (const { right, tables } of asked) {
      // The statement takes no FORMAT clause, which the client's `query` would add.
      const answer = await deps.client.exec({ query: `CHECK GRANT ${right} ON ${identifier(database)}.${tables}` });
      const granted = (await text(answer.stream)).trim();
      if (granted !== '1') missing.push(`${right} ON ${database}.${tables}`);
    }
  } catch (error) {
    const failure = classifyClickHouseError(error);
    // The statement is of 24.11: servers before it say so by a syntax error.
    if (codeOf(failure) === 'SYNTAX_ERROR' || failure.message.startsWith('ClickHouse error 62 '))
      return skipped(name, 'this server has no CHECK GRANT to ask by');
    return failedWith(name, failure);
  }
  if (missing.length === 0)
    return ok(name, `${deps.username} may read, write and make tables in ${deps.target.database}`);
  return fail(
    name,
    `${deps.username} lacks ${missing.join(', ')}`,
    `As an administrator: ${missing.map((right) => `GRANT ${right} TO ${deps.username}`).join('; ')}`,
  );
}

async function checkReadonly(deps: ClickHouseDeps): Promise<Check> {
  const name = 'readonly';
  try {
    const [row] = await createStatements(deps.client).select(
      z.object({ value: z.string() }),
      "SELECT value FROM system.settings WHERE name = 'readonly'",
    );
    if (row === undefined || row.value === '0') return ok(name, 'the user may write and set what inserts need');
    return fail(
      name,
      `the user's profile has readonly = ${row.value}`,
      'Give the user a profile without readonly: inserts set their own settings.',
    );
  } catch (error) {
    return skipped(name, `system.settings cannot be read (${codeOf(error)})`);
  }
}

async function checkTables({ client, target }: ClickHouseDeps): Promise<Check[]> {
  const name = 'tables';
  try {
    const { applied, open, foreign } = await readMigrationState(client, target);
    const { database } = target;
    if (foreign.length > 0)
      return [
        fail(
          name,
          `${database} has migrations of another version of this program: ${foreign.join(', ')}`,
          'Use that version, or another CLICKHOUSE_DATABASE.',
        ),
      ];
    if (open.length > 0)
      return [
        warn(name, `migrations ${open.join(', ')} are not applied in ${database}`, 'Start a worker of this version.'),
      ];
    const schema = await readSchema(client, target);
    if (schema.problems.length > 0) return [fail(name, describeSchema(schema, database), REPAIR)];
    return [ok(name, `${database} is up to date (migration ${applied.at(-1) ?? 0})`)];
  } catch (error) {
    if (!['UNKNOWN_DATABASE', 'UNKNOWN_TABLE'].includes(codeOf(error))) return [failedWith(name, error)];
    const schema = await readSchema(client, target).catch(() => null);
    if (schema === null || schema.isEmpty)
      return [ok(name, `none in ${target.database} yet: a worker makes them when it starts`)];
    return [fail(name, describeSchema(schema, target.database), REPAIR)];
  }
}

const REPAIR =
  'Make them again: auth0-clickhouse repair tables, or start a worker. The next sync reads what they held, as far as the tenant still has it.';

/** The storage tables, all of which must recognise a repeated insert. */
const tableRow = z.object({ name: z.string(), engine_full: z.string() });

async function checkWindow(deps: ClickHouseDeps): Promise<Check> {
  const name = 'deduplication';
  try {
    const rows = await createStatements(deps.client).select(
      tableRow,
      "SELECT name, engine_full FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'",
      { database: deps.target.database },
    );
    if (rows.length === 0) return skipped(name, 'there are no tables yet');
    const without = rows.filter(({ engine_full }) => !hasWindow(engine_full)).map((row) => row.name);
    if (without.length > 0)
      return fail(
        name,
        `${without.join(', ')} would store an insert twice that is repeated`,
        'ALTER TABLE ... MODIFY SETTING non_replicated_deduplication_window = 10000 (replicated tables: replicated_deduplication_window), or make the tables again.',
      );
    const other = rows.filter(({ engine_full }) => !/^(Replicated|Shared)?ReplacingMergeTree/.test(engine_full));
    if (other.length > 0)
      return fail(
        name,
        `${other.map((row) => row.name).join(', ')} is no ReplacingMergeTree`,
        'Move the table away, and start a worker: it makes its own.',
      );
    return ok(name, `all ${rows.length} tables recognise a repeated insert`);
  } catch (error) {
    return skipped(name, `system.tables cannot be read (${codeOf(error)})`);
  }
}

/** Whether an engine clause sets a window above 0; Shared tables have their service's own. */
function hasWindow(engine: string): boolean {
  if (engine.startsWith('Shared')) return true;
  const match = /\b(?:non_)?replicated_deduplication_window = (\d+)/.exec(engine);
  return match !== null && Number(match[1]) > 0;
}

const DISK_WARN_SHARE = 0.1;
const DISK_FAIL_BYTES = 500_000_000;

async function checkDisk(deps: ClickHouseDeps): Promise<Check> {
  const name = 'disk';
  try {
    const disks = await createStatements(deps.client).select(
      z.object({ name: z.string(), free: z.coerce.number(), total: z.coerce.number() }),
      'SELECT name, free_space AS free, total_space AS total FROM system.disks',
    );
    // Object stores say that they have no end.
    const local = disks.filter(({ free, total }) => total > 0 && total < 2 ** 60 && free <= total);
    return judgeDisks(local) ?? skipped(name, 'no disk tells how full it is');
  } catch (error) {
    return skipped(name, `system.disks cannot be read (${codeOf(error)})`);
  }
}

/** Sizes in bytes. Null for no disks. */
export function judgeDisks(disks: readonly { name: string; free: number; total: number }[]): Check | null {
  const name = 'disk';
  const [fullest] = disks.toSorted((a, b) => a.free / a.total - b.free / b.total);
  if (fullest === undefined) return null;
  const { free, total } = fullest;
  const detail = `${(free / 1e9).toFixed(1)} GB of ${(total / 1e9).toFixed(1)} GB free on ${fullest.name}`;
  const cure = 'Make room: ClickHouse refuses inserts on a full disk, and merges need room as well.';
  if (free < DISK_FAIL_BYTES) return fail(name, detail, cure);
  return free / total < DISK_WARN_SHARE ? warn(name, detail, cure) : ok(name, detail);
}
