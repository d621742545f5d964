import { afterEach, describe, expect, it } from 'vitest';
import { checkIsClickHouse, openClickHouse } from '../../../src/clickhouse/client.js';
import { migrate } from '../../../src/clickhouse/migrate.js';
import { compareVersions, MIN_VERSION, refuseOldServer } from '../../../src/clickhouse/version.js';
import { checkClickHouse } from '../../../src/doctor/clickhouse.js';
import { type LoopbackServer, startServer } from '../auth0/loopback-server.js';

let server: LoopbackServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** A server that says it is ClickHouse of this version, and takes every other statement for done. */
async function serverOf(version: string) {
  server = await startServer(({ url, body }, response) => {
    const isVersion = `${decodeURIComponent(url)}${body}`.includes('version()');
    response.end(isVersion ? `${JSON.stringify({ version })}\n` : '');
  });
  const target = { url: server.origin, database: 'auth0', username: 'default', password: '', cluster: null };
  return { target, received: server.received, client: openClickHouse(target) };
}

describe('versions', () => {
  it.each([
    ['26.7.2.1', '23.8', 1],
    ['23.8', '23.8.1.1', -1],
    ['23.10', '23.8', 1],
    ['v24.3.5-lts', '24.3.5', 0],
    ['nonsense', '23.8', null],
  ])('%s against %s', (a, b, sign) => {
    const order = compareVersions(a, b);
    expect(order === null ? null : Math.sign(order)).toBe(sign);
  });

  it('at the floor and above pass, and one that cannot be read', () => {
    for (const version of [MIN_VERSION, `${MIN_VERSION}.1.1`, '26.7.2.1', 'head']) refuseOldServer(version);
    expect(() => refuseOldServer('23.7.9.9')).toThrow(
      `ClickHouse 23.7.9.9 is too old: ${MIN_VERSION} or later is needed`,
    );
  });
});

describe('a server of 22.8', () => {
  it('is refused by name before anything is written', async () => {
    const { client, target, received } = await serverOf('22.8.21.38');
    const refused = { kind: 'DestinationTooOld', message: expect.stringContaining('22.8.21.38 is too old') };
    await expect(migrate(client, target)).rejects.toMatchObject(refused);
    await expect(checkIsClickHouse(client, target.url)).rejects.toMatchObject(refused);
    await client.close();
    expect(received).toHaveLength(2);
    for (const { url, body } of received)
      expect(`${decodeURIComponent(url)}${body}`).not.toMatch(/CREATE|INSERT|ALTER/i);
  });

  it('is the one thing that the doctor says of it', async () => {
    const { client, target } = await serverOf('22.8.21.38');
    const checks = await checkClickHouse({ client, url: target.url, target, username: 'default' });
    await client.close();
    expect(checks).toEqual([
      {
        name: 'version',
        status: 'fail',
        detail: expect.stringContaining('22.8.21.38 is too old'),
        cure: expect.stringContaining('Update the ClickHouse server'),
      },
    ]);
  });
});
