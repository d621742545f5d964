import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClickHouseError } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { createSnapshotStore } from '../../src/clickhouse/snapshots.js';
import { createPipelineStore } from '../../src/clickhouse/store.js';
import { checkClickHouse } from '../../src/doctor/clickhouse.js';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { resources } from '../../src/resources/index.js';
import { builtFile } from '../support/compiled.js';
import { sqlBlocks } from '../support/sql-blocks.js';
import { storeRecords } from '../support/store-records.js';

type Client = ReturnType<typeof openClickHouse>;
let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grants-'));
}, 120_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The statements of the page under this mark, for the engine's own user. */
function grants(mark: string): string[] {
  const blocks = sqlBlocks('docs/clickhouse-cloud.md', `grant ${mark}`);
  if (blocks.length === 0) throw new Error(`docs/clickhouse-cloud.md has no statement "grant ${mark}"`);
  return blocks.map(({ sql }) => sql.replace(/ TO \w+$/, ''));
}

/** Asks an engine whose only user has these rights and no others. */
async function as(
  rights: readonly string[],
  work: (client: Client) => Promise<void>,
  data = join(folder, `data-${++count}`),
): Promise<void> {
  const users = join(folder, `users-${++count}.xml`);
  const config = join(folder, `config-${count}.xml`);
  const user = `<password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>`;
  await writeFile(
    users,
    `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default>${user}
     <grants>${rights.map((right) => `<query>${right}</query>`).join('')}</grants></default></users></clickhouse>`,
  );
  await writeFile(config, `<clickhouse><users_config>${users}</users_config></clickhouse>`);
  const engine = await startEmbeddedClickHouse({
    path: data,
    port: 0,
    entry: builtFile('embedded/clickhouse/main.js'),
    configFile: config,
  });
  const client = openClickHouse({
    url: engine.url,
    database: 'auth0',
    username: 'default',
    password: '',
    cluster: null,
  });
  try {
    await work(client);
  } finally {
    await client.close();
    await engine.stop(10_000);
  }
}

const DATE = '2026-01-02T03:04:05.678Z';
const RECORDS = {
  logs: { log_id: '1', date: DATE, type: 's' },
  users: { user_id: 'auth0|1', updated_at: DATE },
  clients: { client_id: 'c1', name: 'one' },
};

/** All that a worker does with ClickHouse, an update of the tables included. */
async function workAsWriter(client: Client): Promise<void> {
  await migrate(client, { database: 'auth0', cluster: null });
  await migrate(client, { database: 'auth0', cluster: null });
  for (const resource of Object.values(resources)) {
    const text = JSON.stringify(RECORDS[resource.name]);
    await storeRecords(client, resource.name, [text], { tenant: 't', runId: 'r' });
  }
  const store = createPipelineStore(client, 'auth0');
  await store.writeCheckpoint({
    tenant: 't',
    resource: 'logs',
    epoch: 1,
    block: 1,
    runId: 'r',
    cursor: '1',
    lastId: '1',
    lastDate: DATE,
    snapshotAt: null,
    rowsHeld: 1,
    overlapRefused: false,
  });
  expect(await store.readCheckpoint('t', 'logs')).toMatchObject({ cursor: '1' });
  expect(await store.countHeld('t', 'users')).toBe(1);
  expect(await store.countWritten('t', 'r', 1, DATE)).toBe(1);
  await store.writeGap('t', 'logs', 'r', { from: '1', fromDate: DATE, to: '2', toDate: DATE, reason: 'test' });
  const snapshots = createSnapshotStore(client, 'auth0');
  const later = { tenant: 't', resource: 'users', runId: 'later', beganVersion: Date.parse(DATE) * 4 } as const;
  expect(await snapshots.countVanished(later)).toEqual({ live: 1, vanished: 1 });
  await snapshots.writeTombstones(later);
  expect((await snapshots.readTombstones('t', 'users')).size).toBe(1);

  await client.command({ query: 'ALTER TABLE auth0._pipeline_runs ADD COLUMN IF NOT EXISTS later UInt64' });
  await client.command({
    query: 'CREATE OR REPLACE VIEW auth0.pipeline_runs AS SELECT * FROM auth0._pipeline_runs FINAL',
  });
}

const read = async (client: Client, table: string): Promise<unknown> =>
  (await client.query({ query: `SELECT count() AS n FROM auth0.${table}`, format: 'JSONEachRow' })).json();

describe('docs/clickhouse-cloud.md', () => {
  const writer = grants('writer');
  const single = writer.flatMap((statement) => {
    const [, rights = '', where = ''] = /^GRANT (.*) ON (\S+)$/.exec(statement) ?? [];
    return rights.split(', ').map((right) => `GRANT ${right} ON ${where}`);
  });

  it('grants the writer all that it needs', async () => {
    await expect(as(writer, workAsWriter)).resolves.toBeUndefined();
  });

  it.each(single)('grants it nothing that it does not need: %s', async (right) => {
    const others = single.filter((other) => other !== right);
    await expect(as(others, workAsWriter)).rejects.toThrow(/Not enough privileges/);
  });

  it.each(['GRANT INSERT ON auth0.*', 'GRANT DROP TABLE ON auth0._tmp_replace_*'])(
    'is what the doctor asks for: without %s it names that one',
    async (right) => {
      const rightsCheck = async (client: Client) => {
        const target = { database: 'auth0', cluster: null };
        const checks = await checkClickHouse({ client, url: 'http://engine', target, username: 'default' });
        return checks.find(({ name }) => name === 'rights');
      };
      const others = single.filter((other) => other !== right);
      await as(others, async (client) => {
        expect(await rightsCheck(client)).toMatchObject({
          status: 'fail',
          cure: `As an administrator: ${right} TO default`,
        });
      });
      await as(writer, async (client) => {
        expect(await rightsCheck(client)).toMatchObject({ status: 'ok' });
      });
    },
  );

  it('lets it into no other database, and lets it drop and delete nothing', async () => {
    await as(writer, async (client) => {
      await workAsWriter(client);
      for (const query of [
        'CREATE DATABASE other',
        'CREATE TABLE default.t (a UInt8) ENGINE = MergeTree ORDER BY a',
        'DROP TABLE auth0.logs_raw',
        'TRUNCATE TABLE auth0.logs_raw',
        'DELETE FROM auth0.logs_raw WHERE 1',
        'CREATE USER another',
      ]) {
        const refused: unknown = await client.command({ query }).catch((error: unknown) => error);
        expect(refused, query).toBeInstanceOf(ClickHouseError);
        expect(refused, query).toMatchObject({ code: '497' });
      }
    });
  });

  it('lets readers read what it says', async () => {
    const data = join(folder, 'readers');
    await as(writer, workAsWriter, data);
    await as(
      grants('reader'),
      async (client) => {
        expect(await read(client, 'logs')).toEqual([{ n: '1' }]);
        expect(await read(client, 'users_deleted')).toEqual([{ n: '1' }]);
        await expect(client.command({ query: 'INSERT INTO auth0.logs_raw (log_id) VALUES (1)' })).rejects.toThrow(
          /privileges/,
        );
      },
      data,
    );
    await as(
      grants('logs-reader'),
      async (client) => {
        expect(await read(client, 'logs LEFT JOIN auth0.log_types USING (type)')).toEqual([{ n: '1' }]);
        await expect(read(client, 'users')).rejects.toThrow(/privileges/);
        await expect(read(client, 'users_raw')).rejects.toThrow(/privileges/);
      },
      data,
    );
    await as(
      ['GRANT SELECT ON auth0.logs'],
      async (client) => {
        await expect(read(client, 'logs')).rejects.toThrow(/privileges/);
      },
      data,
    );
  });
});
