import type { ClickHouseClient } from '@clickhouse/client';
import { checkIsClickHouse, openClickHouse } from '../clickhouse/client.js';
import { migrate } from '../clickhouse/migrate.js';
import type { Repaired } from '../clickhouse/schema.js';
import type { Config } from '../config/config.js';
import { startEmbeddedClickHouse } from '../embedded/clickhouse/process.js';
import { isDataDir, openDataDir, readPassword } from '../embedded/data-dir.js';
import { reach, withEmbeddedUser } from './context.js';
import { CommandError } from './failure.js';
import { refuseOldClickHouse } from './old-clickhouse.js';

/** A ClickHouse that a command may ask; `close` stops what was started for it. */
export interface OpenDestination {
  client: ClickHouseClient;
  url: string;
  close(): Promise<void>;
}

/**
 * Opens the destination: the configured one, the one of the running stack, or the embedded one, started for as long as
 * the command takes. `create`: the data folder is made where there is none. Throws CommandError when there is none.
 */
export async function openDestination(
  config: Config,
  { create = false }: { create?: boolean } = {},
): Promise<OpenDestination> {
  const { clickhouse } = reach(config);
  if (clickhouse !== null) {
    await refuseOldClickHouse(config);
    const client = openClickHouse({ ...config.clickhouse, url: clickhouse.url }, { useDatabase: true });
    return { client, url: clickhouse.url, close: () => client.close() };
  }
  const { dataDir: folder } = config.stack;
  if (!isDataDir(folder) && !create)
    throw new CommandError(`There is no data in DATA_DIR ${folder} yet: fill it with npm start, or set CLICKHOUSE_URL`);
  const dataDir = openDataDir(folder);
  process.on('exit', () => dataDir.release());
  try {
    const part = await startEmbeddedClickHouse({
      path: dataDir.file('clickhouse'),
      port: 0,
      passwordFile: dataDir.passwordFile,
      logFile: dataDir.file('logs', 'clickhouse.log'),
    });
    // The folder may have got its password only now.
    const { clickhouse: own } = withEmbeddedUser(config, dataDir.password);
    const client = openClickHouse({ ...own, url: part.url }, { useDatabase: true });
    return {
      client,
      url: part.url,
      async close() {
        await client.close();
        await part.stop(5_000);
        dataDir.release();
      },
    };
  } catch (error) {
    dataDir.release();
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
}

/** Brings the tables of a destination up to date, as a worker does. Throws ExtractError. */
export async function migrateDestination(config: Config, url: string): Promise<Repaired[]> {
  // The data folder may have got its password only now.
  const { clickhouse } = withEmbeddedUser(config, readPassword(config.stack.dataDir));
  const target = { ...clickhouse, url };
  const client = openClickHouse(target);
  try {
    await checkIsClickHouse(client, url);
    return await migrate(client, target);
  } finally {
    await client.close();
  }
}
