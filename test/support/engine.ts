import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { startClickHouseServer } from '../../src/embedded/clickhouse/server.js';

/** The engine alone, in the test's own process, with our tables in the database `auth0`. */
export interface TestEngine {
  clickhouse: ClickHouseClient;
  /** Origin of its HTTP interface. */
  url: string;
  target: { database: string; cluster: null };
  /** Rows of a query as objects; every value as text. */
  rows(query: string): Promise<Record<string, string>[]>;
  close(): Promise<void>;
}

/** Starts an engine with a folder of its own. One a test file: a process has one data directory. */
export async function startEngine(): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const server = await startClickHouseServer({ path: join(folder, 'data'), port: 0 });
  const destination = { url: server.url, database: 'auth0', username: 'default', password: '', cluster: null };
  const clickhouse = openClickHouse(destination);
  await migrate(clickhouse, destination);
  return {
    clickhouse,
    url: server.url,
    target: destination,
    rows: async (query) => (await clickhouse.query({ query, format: 'JSONStringsEachRow' })).json(),
    async close() {
      await clickhouse.close();
      await server.stop(10_000);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
