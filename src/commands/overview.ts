import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { tablesOf } from '../clickhouse/client.js';
import { createStatements } from '../clickhouse/statements.js';
import type { Stack } from '../embedded/stack.js';
import { alignColumns, count, type Terminal } from './terminal.js';

const VIEWS = [
  ['logs', 'every event, one row a log_id'],
  ['users', 'users as they are now'],
  ['clients', 'applications as they are now'],
  ['log_types', 'what the codes in logs.type mean'],
  ['pipeline_runs', 'what each run did'],
] as const;

const EXAMPLES = [
  [
    'Most frequent events',
    'SELECT type, any(event) AS event, count() AS events FROM logs LEFT JOIN log_types USING (type) GROUP BY type ORDER BY events DESC, type LIMIT 5',
  ],
  [
    'Failed logins of the last 7 days, by address',
    "SELECT ip, count() AS failures, uniqExact(user_name) AS users FROM logs WHERE type IN ('f', 'fp', 'fu') AND date > now() - INTERVAL 7 DAY GROUP BY ip ORDER BY failures DESC, ip LIMIT 3",
  ],
  [
    'Who logs in most',
    "SELECT user_id, users.name AS name, count() AS logins FROM logs INNER JOIN users USING (user_id) WHERE type = 's' GROUP BY user_id, name ORDER BY logins DESC, user_id LIMIT 3",
  ],
] as const;

/**
 * Prints what landed: tables with counts, and three questions with their answers. The client's database is ours: the
 * statements name tables only, and can be pasted into `query` as they are.
 */
export async function printOverview(terminal: Terminal, client: ClickHouseClient, database: string): Promise<void> {
  const { colors } = terminal;
  const { select } = createStatements(client);
  const table = tablesOf(database);
  terminal.line();
  terminal.line(colors.bold(`Database ${database}`));
  const rows: string[][] = [];
  for (const [view, meaning] of VIEWS) {
    const [row] = await select(z.object({ n: z.coerce.number() }), `SELECT count() AS n FROM ${table(view)}`);
    rows.push([`  ${view}`, count(row?.n ?? 0), colors.dim(meaning)]);
  }
  for (const row of alignColumns(rows, [1])) terminal.line(row);

  for (const [question, sql] of EXAMPLES) {
    terminal.line();
    terminal.line(colors.bold(question));
    terminal.line(colors.dim(`  ${sql}`));
    for (const row of await answerRows(client, sql)) terminal.line(`  ${row}`);
  }
}

/** Prints where to look further, while the stack goes on. */
export function printAddresses(
  terminal: Terminal,
  addresses: Stack['addresses'],
  { dataDir, password }: { dataDir: string | undefined; password: string | null },
): void {
  const { database, url } = addresses.clickhouse;
  terminal.line();
  if (addresses.temporal.ui !== null) terminal.line(`Temporal UI   ${addresses.temporal.ui}`);
  terminal.line(
    `ClickHouse    ${password === null ? url : url.replace('://', `://default:${password}@`)}  (database ${database}; e.g. npm run cli -- query "SELECT count() FROM logs"${dataDir === undefined ? '' : ` --data-dir ${dataDir}`})`,
  );
  if (addresses.metrics.url !== null) terminal.line(`Metrics       ${addresses.metrics.url}/metrics`);
}

/** Prints how to ask when the stack has stopped: `query` starts what it needs. */
export function printHowToAsk(terminal: Terminal, dataDir: string | undefined): void {
  const folder = dataDir === undefined ? '' : ` --data-dir ${dataDir}`;
  terminal.line();
  terminal.line(`All is stopped again. Ask: npm run -s cli -- query "SELECT count() FROM logs"${folder}`);
}

async function answerRows(client: ClickHouseClient, sql: string): Promise<string[]> {
  const answer = await client.query({
    query: sql,
    format: 'JSONCompactStringsEachRowWithNames',
  });
  const rows = z.array(z.array(z.string())).parse(await answer.json());
  return alignColumns(rows);
}
