import { afterEach, describe, expect, it } from 'vitest';
import { createManagementApi } from '../../../src/auth0/http.js';
import { createPacer } from '../../../src/auth0/pacer.js';
import { fetchPage } from '../../../src/auth0/page-fetch.js';
import { createTokenSource } from '../../../src/auth0/token.js';
import {
  type Cursor,
  FIRST_CLIENTS_PAGE,
  FIRST_USERS_PAGE,
  logsBeginning,
  windowBeginning,
} from '../../../src/contracts/cursor.js';
import { resources } from '../../../src/resources/index.js';
import { type LargeRecords, type LargeTenant, logIdOf, startLargeTenant } from '../../support/large-tenant.js';

/** What a page may have here, in place of what a worker takes. */
const MAX_BYTES = 32_000;
const KB = 1_000;
const TOO_LARGE = 70 * KB;
let tenant: LargeTenant;
afterEach(() => tenant.close());

/** Reads from a cursor to the end. */
async function read(records: LargeRecords, start: Cursor) {
  tenant = await startLargeTenant(records);
  const { origin } = tenant;
  const auth = { method: 'client_secret', clientSecret: 's' } as const;
  const api = createManagementApi({
    origin,
    tokens: createTokenSource({ origin, audience: 'a', clientId: 'c', auth }),
    pacer: createPacer({ headroom: 0, maxRps: null }),
    timeoutMs: 60_000,
    userAgent: 'test',
  });
  const resource = resources[start.kind === 'clients' ? 'clients' : start.kind.startsWith('logs') ? 'logs' : 'users'];
  const [keys, lost]: [string[], string[]] = [[], []];
  for (let cursor = start, pages = 0; ; pages++) {
    if (pages > 400) throw new Error('does not end');
    const page = await fetchPage(api, resource, cursor, { maxBytes: MAX_BYTES });
    keys.push(...[...(page.step.recheck ?? []), ...page.step.take].map((record) => resource.keyOf(record) ?? ''));
    lost.push(...page.lost.map((record) => resource.keyOf(record) ?? ''));
    if (page.step.done || page.step.switchTo !== null) return { keys, lost, switchTo: page.step.switchTo };
    ({ cursor } = page.step);
  }
}
const sizes = (name: string) =>
  tenant.asked
    .map((url) => new URL(url, 'http://x').searchParams.get(name))
    .filter((size) => size !== null)
    .filter((size, i, all) => size !== all[i - 1]);

describe('pages that are too large', () => {
  it('are asked for with fewer records (120 users, 100 of them more than twice too large)', async () => {
    const users = Array.from({ length: 120 }, () => 600);
    const { keys, lost } = await read({ users }, FIRST_USERS_PAGE);
    expect(keys).toEqual(users.map((_bytes, n) => `auth0|u${n}`));
    expect(lost).toEqual([]);
    expect(sizes('per_page')).toEqual(['100', '50', '25']);
  });

  it('are large again once they have room', async () => {
    const users = Array.from({ length: 700 }, (_user, n) => (n < 30 ? 1.4 * KB : 10));
    const { keys } = await read({ users }, FIRST_USERS_PAGE);
    expect(keys).toEqual(users.map((_bytes, n) => `auth0|u${n}`));
    expect(sizes('per_page').at(-1)).toBe('100');
    expect(tenant.asked.length).toBeLessThan(30);
  });
});

describe('a record that is too large by itself is passed and named', () => {
  const LARGE = 37;
  const around = (count: number) => Array.from({ length: count }, (_record, n) => (n === LARGE ? TOO_LARGE : 10));
  const others = (key: (n: number) => string, count: number) =>
    Array.from({ length: count }, (_record, n) => key(n)).filter((_key, n) => n !== LARGE);

  it('among users', async () => {
    const { keys, lost } = await read({ users: around(230) }, FIRST_USERS_PAGE);
    expect(keys).toEqual(others((n) => `auth0|u${n}`, 230));
    expect(lost).toEqual([`auth0|u${LARGE}`]);
    expect(tenant.asked.length).toBeLessThan(25);
  });

  it.each([90, 230])('among %i clients', async (count) => {
    const { keys, lost } = await read({ clients: around(count) }, FIRST_CLIENTS_PAGE);
    expect(keys).toEqual(others((n) => `client-${n}`, count));
    expect(lost).toEqual([`client-${LARGE}`]);
  });

  it.each([false, true])('among logs (from is inclusive: %s)', async (inclusive) => {
    const logs = around(230);
    // Nothing large beside it but what fits.
    logs[LARGE + 1] = 3 * KB;
    const { keys, lost } = await read({ logs, inclusive }, logsBeginning('oldest', logIdOf(0)));
    expect([...new Set(keys)].filter((key) => key !== logIdOf(0))).toEqual(others(logIdOf, 230).slice(1));
    expect(lost).toEqual([logIdOf(LARGE)]);
  });

  it('among the logs of a backfill', async () => {
    const window = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z' };
    const { keys, lost } = await read({ logs: around(60) }, windowBeginning(window, true));
    expect(keys).toEqual(others(logIdOf, 60));
    expect(lost).toEqual([logIdOf(LARGE)]);
  });

  it('as the newest log', async () => {
    const { keys, lost } = await read({ logs: around(LARGE + 1) }, logsBeginning('oldest', logIdOf(0)));
    expect(keys).toEqual(others(logIdOf, LARGE + 1).slice(1));
    expect(lost).toEqual([logIdOf(LARGE)]);
  });
});

describe('a tenant that does not heed how many records are asked for', () => {
  it('is read by the export where there is one', async () => {
    const users = Array.from({ length: 60 }, () => 1.2 * KB);
    expect(await read({ users, unpaged: true }, FIRST_USERS_PAGE)).toEqual({
      keys: [],
      lost: [],
      switchTo: 'users-export',
    });
  });
});
