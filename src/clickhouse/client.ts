import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { agentFor } from '../outbound-proxy.js';
import { classifyClickHouseError } from './errors.js';
import { refuseOldServer } from './version.js';

/** Where and as whom the destination is reached. */
export interface Destination {
  /** http(s) origin, e.g. `http://127.0.0.1:8123`. */
  url: string;
  database: string;
  username: string;
  password: string;
  /** Name of the cluster whose tables are replicated; null for a single server. */
  cluster: string | null;
}

/**
 * Opens the HTTP client of a destination; nothing is sent yet. Its own logger is off: it prints failed statements,
 * and ClickHouse's parse errors quote the offending row.
 */
export function openClickHouse(
  destination: Destination,
  { timeoutMs = 120_000, useDatabase = false }: { timeoutMs?: number; useDatabase?: boolean } = {},
): ClickHouseClient {
  const agent = agentFor(new URL(destination.url));
  return createClient({
    url: destination.url,
    ...(agent && { http_agent: agent }),
    // A server refuses every statement in a database that it does not have yet, CREATE DATABASE included.
    ...(useDatabase && { database: destination.database }),
    username: destination.username,
    password: destination.password,
    application: 'auth0-clickhouse',
    request_timeout: timeoutMs,
    max_open_connections: 10,
    // A connection that the server has closed meanwhile is the usual cause of "socket hang up".
    keep_alive: { enabled: true, idle_socket_ttl: 2_000 },
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { date_time_input_format: 'best_effort', output_format_json_quote_64bit_integers: 1 },
  });
}

/**
 * Asks a server for its version. Throws ExtractError: a web server that answers everything with 200 would else look
 * like one that has stored every row, and a server that is too old would be found out halfway through.
 */
export async function checkIsClickHouse(client: ClickHouseClient, url: string): Promise<string> {
  let body: unknown;
  try {
    const answer = await client.query({ query: 'SELECT version() AS version', format: 'JSONEachRow' });
    body = await answer.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw classifyClickHouseError(error);
  }
  const parsed = z.tuple([z.object({ version: z.string() })]).safeParse(body);
  if (parsed.success) {
    const [{ version }] = parsed.data;
    refuseOldServer(version);
    return version;
  }
  throw new ExtractError('Configuration', `CLICKHOUSE_URL ${url} answers, but it is no ClickHouse`);
}

/** A database, table or column name as SQL. Throws on what cannot be one. */
export function identifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`not a usable name for ClickHouse: ${name}`);
  return `\`${name}\``;
}

/** Names of a database's tables as SQL. The function throws on what cannot be a name. */
export function tablesOf(database: string): (name: string) => string {
  return (name) => `${identifier(database)}.${identifier(name)}`;
}
