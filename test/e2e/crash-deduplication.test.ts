import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { createDestinationFacts } from '../../src/clickhouse/identity.js';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { builtFile } from '../support/compiled.js';
import { storeRecords } from '../support/store-records.js';

/**
 * The state that a kill between two steps of an insert leaves behind, made by hand: the deduplication log names the
 * block, and its part is not there.
 */
it('stores a block again whose rows a crash has taken, although the server knows its token', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crash-'));
  const path = join(folder, 'data');
  const start = async () => {
    const engine = await startEmbeddedClickHouse({
      path,
      port: 0,
      entry: builtFile('embedded/clickhouse/main.js'),
    });
    const destination = { url: engine.url, database: 'auth0', username: 'default', password: '', cluster: null };
    const client = openClickHouse(destination);
    await migrate(client, destination);
    const facts = createDestinationFacts(client, 'auth0');
    const serverStart = async () => (await facts()).serverStart;
    const insert = async (startedAt: number): Promise<void> => {
      const record = '{"log_id":"90020260101000000000000000000000001","date":"2026-01-01T00:00:00.000Z"}';
      await storeRecords(client, 'logs', [record], { tenant: 't', runId: 'run', serverStart: startedAt });
    };
    const select = async (sql: string): Promise<string> => {
      const answer = await client.query({ query: sql, format: 'TabSeparated' });
      return (await answer.text()).trim();
    };
    return { serverStart, insert, select, stop: () => client.close().then(() => engine.stop(5_000)) };
  };

  const before = await start();
  const first = await before.serverStart();
  expect(await before.serverStart()).toBe(first);
  await before.insert(first);
  const part = await before.select("SELECT path FROM system.parts WHERE table = 'logs_raw' AND active");
  await before.stop();
  await rm(part, { recursive: true });

  // The clock of a server's start is in whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const after = await start();
  const second = await after.serverStart();
  expect(second - first).toBeGreaterThan(1);
  // As if nothing had happened: this is how the rows would be lost.
  await after.insert(first);
  expect(await after.select('SELECT count() FROM auth0.logs_raw')).toBe('0');
  await after.insert(second);
  expect(await after.select('SELECT count() FROM auth0.logs_raw')).toBe('1');
  // A repetition after a lost answer is still dropped.
  await after.insert(second);
  expect(await after.select('SELECT count() FROM auth0.logs_raw')).toBe('1');
  await after.stop();
  await rm(folder, { recursive: true, force: true });
});
