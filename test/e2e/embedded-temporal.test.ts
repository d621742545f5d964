import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resolveTemporalCli } from '../../src/embedded/temporal/cli.js';
import { startTemporalServer, type TemporalServer } from '../../src/embedded/temporal/server.js';
import { builtFile, endsWithItsParent } from '../support/compiled.js';

let folder = '';
let binary = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temporal-'));
  const cliPath = process.env['TEMPORAL_CLI_PATH'];
  binary = await resolveTemporalCli({
    ...(cliPath === undefined ? {} : { cliPath }),
    searchPath: process.env['PATH'] ?? '',
    cacheDir: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'auth0-clickhouse'),
    say: (line) => process.stderr.write(`${line}\n`),
  });
}, 120_000);
afterAll(async () => rm(folder, { recursive: true, force: true }));

const start = async (options: { port?: number; dbFile?: string } = {}): Promise<TemporalServer> =>
  startTemporalServer({
    binary,
    uiPort: 0,
    namespace: 'auth0',
    logFile: join(folder, 'temporal.log'),
    ...options,
    port: options.port ?? 0,
  });

async function withClient<T>(server: TemporalServer, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await use(new Client({ connection, namespace: 'auth0' }));
  } finally {
    await connection.close();
  }
}

const TENANT = defineSearchAttributeKey('Auth0Tenant', 'KEYWORD');

it('is usable as soon as it is returned, keeps its state across a restart, and stops in order', async () => {
  const dbFile = join(folder, 'new', 'temporal.db');
  const first = await start({ dbFile });
  await withClient(first, async (client) => {
    await client.workflow.start('anything', {
      taskQueue: 'none',
      workflowId: 'w1',
      typedSearchAttributes: [{ key: TENANT, value: 'lab' }],
    });
  });
  const page = await fetch(first.uiUrl);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<!doctype html>')]);
  // As an operator who set the port twice would see it.
  const port = Number(first.address.split(':')[1]);
  await expect(start({ port })).rejects.toThrow(
    new RegExp(`port ${port} for the Temporal server is in use; choose another with --temporal-port`),
  );
  expect(await first.stop(10_000)).toEqual({ code: 0, signal: null });

  const second = await start({ dbFile });
  await withClient(second, async (client) => {
    const description = await client.workflow.getHandle('w1').describe();
    expect(description.status.name).toBe('RUNNING');
    expect(description.typedSearchAttributes.get(TENANT)).toBe('lab');
  });
  await second.stop(10_000);
});

it('says what the server said when it cannot start', async () => {
  const dbFile = join(folder, 'not-a-database.db');
  await writeFile(dbFile, 'hello '.repeat(1000));
  await expect(start({ dbFile })).rejects.toThrow(/Temporal ended while starting\n[\s\S]*not a database/);
});

it('does not outlive a parent that is killed', async () => {
  const options = { binary, port: 0, uiPort: 0, namespace: 'default' };
  const script = `
    import { startTemporalServer } from ${JSON.stringify(builtFile('embedded/temporal/server.js'))};
    const { pid } = await startTemporalServer(${JSON.stringify(options)});
    process.stdout.write(String(pid));
    setInterval(() => {}, 1000);`;
  expect(await endsWithItsParent(script, 10_000)).toBe(true);
});
