import { z } from 'zod';
import { identifier, tablesOf } from '../clickhouse/client.js';
import { createStatements } from '../clickhouse/statements.js';
import type { Resource } from '../resources/resource.js';
import type { Entry } from './compare.js';
import type { VerifyDeps } from './deps.js';

type DestinationAccess = Pick<VerifyDeps, 'clickhouse' | 'database' | 'tenant' | 'retry'>;

/** One end of a range of log ids. */
export interface Bound {
  id: string;
  inclusive: boolean;
}

/** Log ids in the order of `compareIds`; null: no bound. */
export interface IdRange {
  low: Bound | null;
  high: Bound | null;
}

/** Rows of one question: an answer stays small, however much a range holds. */
const ROWS_PER_PAGE = 10_000;
/** Ids that one look-up names: parameters travel in the URL, of which some servers take no more than 16 kB. */
const IDS_PER_LOOKUP = 50;
/** How far the date of a log may lie from the time in its id and the row still counts as an ordinary one. */
const DAY_MS = 86_400_000;

const DIGEST = 'lower(hex(SHA256(raw)))';
/** Logs that came without an id are kept under a digest of their text: they have no place in the order. */
const HAS_ID = `NOT startsWith(log_id, 'sha256:')`;
const POSITION = '(length(log_id), log_id)';
const TIMED = `match(log_id, '^900[0-9]{53}$')`;
/**
 * Rows that do not lie where the time in their id says. The table is sorted by date, so all others are found by
 * the dates of a range without reading the rest of the table.
 */
const ODD = `(NOT ${TIMED} OR ifNull(abs(dateDiff('millisecond',
  toDateTime64(parseDateTimeBestEffortOrNull(substring(log_id, 4, 14), 'UTC'), 3, 'UTC'), date)) > ${DAY_MS}, true))`;

/** What the destination holds of the tenant's logs, as its readers see it. All throw ExtractError. */
export interface HeldLogs {
  /** Ordinary rows of a range. */
  count(range: IdRange): Promise<number>;
  /** Ordinary rows of a range in the order of their ids. */
  read(range: IdRange): AsyncGenerator<Entry>;
  /** Rows of these ids wherever they lie, as a map from id to digest. */
  lookUp(ids: readonly string[]): Promise<Map<string, string>>;
  /** Ids of the rows of a range that are not ordinary, one for each row. */
  readOdd(range: IdRange): AsyncGenerator<string>;
}

/**
 * Reads the logs of one tenant. `timeOfId`: the time that an id carries; where it knows none, because the
 * tenant's ids are of another form, every row is an ordinary one.
 */
export function openHeldLogs(
  access: DestinationAccess,
  timeOfId: ((id: string) => number | undefined) | null,
): HeldLogs {
  const table = `${tablesOf(access.database)('logs_raw')} FINAL`;

  /** All of its columns are of the sorting key: a filter before FINAL leaves out no version that would have won. */
  const within = ({ low, high }: IdRange, isOdd = false) => {
    const parts = ['tenant = {tenant:String}', HAS_ID];
    const parameters: Record<string, unknown> = {};
    if (low !== null) {
      parts.push(`${POSITION} ${low.inclusive ? '>=' : '>'} (length({low:String}), {low:String})`);
      parameters['low'] = low.id;
    }
    if (high !== null) {
      parts.push(`${POSITION} ${high.inclusive ? '<=' : '<'} (length({high:String}), {high:String})`);
      parameters['high'] = high.id;
    }
    if (timeOfId === null) return { where: isOdd ? '0' : parts.join(' AND '), parameters };
    parts.push(isOdd ? ODD : `NOT ${ODD}`);
    const [from, to] = [low && timeOfId(low.id), high && timeOfId(high.id)];
    if (!isOdd && typeof from === 'number') {
      parts.push(`date >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')`);
      parameters['from'] = from - DAY_MS;
    }
    if (!isOdd && typeof to === 'number') {
      parts.push(`date <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')`);
      // An id names whole seconds.
      parameters['to'] = to + DAY_MS + 1_000;
    }
    return { where: parts.join(' AND '), parameters };
  };

  async function* inPages<T extends { log_id: string }>(
    row: z.ZodType<T>,
    columns: string,
    range: IdRange,
    isOdd: boolean,
  ): AsyncGenerator<T> {
    let { low } = range;
    // Pages are cut by the number of rows: all rows of one id must lie in one page, and an id has few.
    for (;;) {
      const { where, parameters } = within({ ...range, low }, isOdd);
      const rows = await select(
        access,
        row,
        `SELECT ${columns} FROM ${table} PREWHERE ${where} ORDER BY length(log_id), log_id LIMIT ${ROWS_PER_PAGE} WITH TIES`,
        parameters,
      );
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_PER_PAGE) return;
      low = { id: last.log_id, inclusive: false };
    }
  }

  return {
    async count(range) {
      const { where, parameters } = within(range);
      const [row] = await select(
        access,
        z.object({ n: z.coerce.number() }),
        `SELECT count() AS n FROM ${table} PREWHERE ${where}`,
        parameters,
      );
      return row?.n ?? 0;
    },
    async *read(range) {
      const row = z.object({ log_id: z.string(), digest: z.string() });
      for await (const { log_id: id, digest } of inPages(row, `log_id, ${DIGEST} AS digest`, range, false))
        yield { id, digest };
    },
    async lookUp(ids) {
      const found = new Map<string, string>();
      for (let at = 0; at < ids.length; at += IDS_PER_LOOKUP) {
        const rows = await select(
          access,
          z.object({ log_id: z.string(), digest: z.string() }),
          `SELECT log_id, ${DIGEST} AS digest FROM ${table}
           PREWHERE tenant = {tenant:String} AND log_id IN {ids:Array(String)}`,
          { ids: ids.slice(at, at + IDS_PER_LOOKUP) },
        );
        for (const { log_id: id, digest } of rows) found.set(id, digest);
      }
      return found;
    },
    async *readOdd(range) {
      if (timeOfId === null) return;
      for await (const { log_id: id } of inPages(z.object({ log_id: z.string() }), 'log_id', range, true)) yield id;
    },
  };
}

/** The rows of an empty table. */
export const NO_LOGS: HeldLogs = {
  count: () => Promise.resolve(0),
  async *read() {},
  lookUp: () => Promise.resolve(new Map()),
  async *readOdd() {},
};

/** Text of an integer: by it two records with the same key are told apart. */
const FINGERPRINTS = {
  users: 'toString(ifNull(toUnixTimestamp64Milli(updated_at) + 1, 0))',
  clients: `concat('0x', substring(${DIGEST}, 1, 16))`,
} as const;

/** A resource that is read whole. */
export type SnapshotResource = Resource & { name: keyof typeof FINGERPRINTS };

/** A row of users or clients. */
export interface HeldRecord {
  key: string;
  fingerprint: bigint;
}

/** Live rows of a resource in pages, as its readers see them. Throws ExtractError. */
export function readHeldRecords(access: DestinationAccess, resource: SnapshotResource): AsyncGenerator<HeldRecord[]> {
  const view = tablesOf(access.database)(resource.name);
  return inKeyPages(access, resource, FINGERPRINTS[resource.name], `${view} WHERE true`);
}

/** Rows that are marked as deleted, in pages; the fingerprint is their version. Throws ExtractError. */
export function readTombstones(access: DestinationAccess, resource: Resource): AsyncGenerator<HeldRecord[]> {
  const table = tablesOf(access.database)(resource.table);
  return inKeyPages(access, resource, 'toString(version)', `${table} FINAL WHERE deleted`);
}

async function* inKeyPages(
  access: DestinationAccess,
  resource: Resource,
  fingerprint: string,
  from: string,
): AsyncGenerator<HeldRecord[]> {
  const key = identifier(resource.keyColumn);
  const row = z.object({ key: z.string(), fingerprint: z.string() });
  for (let after = ''; ;) {
    const rows = await select(
      access,
      row,
      `SELECT ${key} AS key, ${fingerprint} AS fingerprint FROM ${from}
       AND tenant = {tenant:String} AND ${key} > {after:String} ORDER BY ${key} LIMIT ${ROWS_PER_PAGE}`,
      { after },
    );
    if (rows.length > 0) yield rows.map(({ key, fingerprint }) => ({ key, fingerprint: BigInt(fingerprint) }));
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_PER_PAGE) return;
    after = last.key;
  }
}

function select<T>(
  { clickhouse, tenant, retry }: DestinationAccess,
  row: z.ZodType<T>,
  query: string,
  parameters: Record<string, unknown>,
): Promise<T[]> {
  return retry(() => createStatements(clickhouse).select(row, query, { tenant, ...parameters }));
}
