import { randomUUID } from 'node:crypto';
import { type ClickHouseClient, type ClickHouseSettings, parseError } from '@clickhouse/client';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { classifyClickHouseError } from './errors.js';

/** How long a question may take, and settings of its own. */
export interface SelectOptions {
  timeoutMs?: number;
  settings?: ClickHouseSettings;
}

/** Statements on the destination, answered with parsed rows. All throw ExtractError. */
export interface Statements {
  select<T>(row: z.ZodType<T>, query: string, parameters?: object, options?: SelectOptions): Promise<T[]>;
  /** Stores rows in one of the pipeline's own tables. */
  insert(table: string, rows: readonly Record<string, unknown>[]): Promise<void>;
  /** Runs an INSERT whose rows are in the statement, or come from a SELECT within the destination. */
  write(query: string, parameters?: object): Promise<void>;
}

/** Statements through a client. */
export function createStatements(client: ClickHouseClient): Statements {
  return {
    async select(row, query, parameters = {}, { timeoutMs, settings } = {}) {
      let body: unknown;
      try {
        const answer = await client.query({
          query,
          format: 'JSONEachRow',
          query_params: { ...parameters },
          ...(timeoutMs !== undefined && { abort_signal: AbortSignal.timeout(timeoutMs) }),
          ...(settings && { clickhouse_settings: settings }),
        });
        body = await answer.json();
      } catch (error) {
        throw classifyClickHouseError(error);
      }
      return parseRows(row, query, body);
    },
    async insert(table, rows) {
      if (rows.length === 0) return;
      try {
        await client.insert({
          table,
          values: [...rows],
          format: 'JSONEachRow',
          clickhouse_settings: neverDeduplicated(),
        });
      } catch (error) {
        throw classifyClickHouseError(error);
      }
    },
    async write(query, parameters = {}) {
      try {
        await client.command({
          query,
          query_params: { ...parameters },
          clickhouse_settings: neverDeduplicated(),
        });
      } catch (error) {
        throw classifyClickHouseError(error);
      }
    },
  };
}

/**
 * How the pipeline's own tables are written. Their rows replace each other by their keys, so that nothing is gained by
 * deduplication; and a server that was killed in an insert can have noted it and lost its rows: the repetition would be
 * dropped.
 *
 * Servers before 26.2 are told so by `insert_deduplicate`. Later ones do not heed it beside `deduplicate_insert`, which
 * those before them refuse as unknown: there a token does it that no other insert has.
 */
function neverDeduplicated(): ClickHouseSettings {
  return {
    async_insert: 0,
    wait_end_of_query: 1,
    insert_deduplicate: 0,
    insert_deduplication_token: randomUUID(),
  };
}

/**
 * Parses the rows of an answer. Throws ExtractError: DestinationUnreadable names the columns that are of another form
 * and where they were asked for, never their values.
 */
export function parseRows<T>(row: z.ZodType<T>, query: string, body: unknown): T[] {
  const parsed = z.array(row).safeParse(body);
  if (parsed.success) return parsed.data;
  const broken = brokenOff.safeParse(body);
  if (broken.success) throw classifyClickHouseError(parseError(broken.data.exception));
  const columns = [
    ...new Set(parsed.error.issues.flatMap(({ path }) => (path[1] === undefined ? [] : [String(path[1])]))),
  ];
  const what = columns.length > 0 ? columns.join(', ') : 'rows';
  throw new ExtractError(
    'DestinationUnreadable',
    `ClickHouse answered with ${what} in another form than expected (asked of ${sourceOf(query)})`,
  );
}

/**
 * Servers from 23.8 to 25.10 tell of an error in the midst of an answer by a last row that holds nothing else, after
 * they have said 200.
 */
const brokenOff = z
  .array(z.unknown())
  .transform((rows) => rows.at(-1))
  .pipe(z.strictObject({ exception: z.string() }));

/** What a statement reads from, or its beginning where it names no table. It holds no values: those are parameters. */
function sourceOf(query: string): string {
  const names = [...query.matchAll(/\bFROM\s+([\w`]+(?:\.[\w`]+)?)/g)].map(([, name = '']) => name.replaceAll('`', ''));
  return names.length > 0 ? [...new Set(names)].join(', ') : query.replaceAll(/\s+/g, ' ').slice(0, 100);
}
