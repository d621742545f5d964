import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterEach, describe, expect, it } from 'vitest';

import { startEmulator } from '../../../src/emulator/emulator.js';
import type { EmulatorOptions } from '../../../src/emulator/options.js';
import { bodyOf, lines, startTestTenant, type TestTenant } from './tenant-client.js';

const EPOCH = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const running: TestTenant[] = [];

async function tenant(options: EmulatorOptions = {}): Promise<TestTenant> {
  const started = await startTestTenant(options);
  running.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(async ({ emulator }) => emulator.close()));
});

interface ErrorBody {
  readonly statusCode: number;
  readonly error: string;
  readonly message: string;
  readonly errorCode?: string;
}

async function errorOf(response: Response): Promise<ErrorBody> {
  const body = await bodyOf<ErrorBody>(response);
  expect(body.statusCode).toBe(response.status);
  return body;
}

function nextOf(response: Response): string {
  const next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
  if (next === undefined) throw new Error('There is no Link.');
  return next;
}

describe('POST /oauth/token', () => {
  it('takes JSON and forms, and counts', async () => {
    const { emulator, tokenAnswer } = await tenant({ tokenLifetimeSeconds: 77 });
    const answer = await bodyOf<Record<string, unknown>>(await tokenAnswer());
    expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 77 });
    expect(answer['scope']).toContain('read:logs');
    const form = await fetch(`${emulator.origin}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'emulator-client',
        client_secret: 'emulator-s3cr3t-2f8c1b7e',
        audience: 'https://emulator.auth0.com/api/v2/',
      }),
    });
    expect(form.status).toBe(200);
    expect(emulator.stats().tokensMinted).toBe(3);
  });

  it.each([
    [{ client_secret: 'wrong' }, 401, 'access_denied'],
    [{ client_id: 'other' }, 401, 'access_denied'],
    [{ audience: 'https://elsewhere.example/api/v2/' }, 403, 'access_denied'],
    [{ audience: 'https://emulator.auth0.com/api/v2' }, 403, 'access_denied'],
    [{ grant_type: undefined }, 400, 'invalid_request'],
    [{ grant_type: 'password' }, 403, 'unauthorized_client'],
  ])('refuses %j with %i %s', async (fields, status, error) => {
    const { tokenAnswer } = await tenant();
    const answer = await tokenAnswer(fields);
    expect(answer.status).toBe(status);
    const body = await bodyOf<Record<string, unknown>>(answer);
    expect(Object.keys(body)).toEqual(['error', 'error_description']);
    expect(body['error']).toBe(error);
  });
});

describe('tokens', () => {
  it('are asked for, checked and expire', async () => {
    let now = EPOCH;
    const { emulator, get } = await tenant({ clock: () => now, tokenLifetimeSeconds: 60 });
    const missing = await fetch(`${emulator.origin}/api/v2/logs`);
    expect(await errorOf(missing)).toMatchObject({ statusCode: 401, error: 'Unauthorized' });
    expect((await errorOf(await get('/api/v2/logs', { authorization: 'Bearer a.b.c' }))).message).toContain(
      'Invalid signature',
    );
    expect((await errorOf(await get('/api/v2/logs', { authorization: 'Bearer x' }))).message).toBe('Invalid token');
    expect((await get('/api/v2/logs')).status).toBe(200);
    now += 60_000;
    expect((await errorOf(await get('/api/v2/logs'))).message).toContain('Expired token');
  });

  it('are refused where they lack the scope', async () => {
    const { get } = await tenant({ scopes: ['read:clients'] });
    expect(await errorOf(await get('/api/v2/users'))).toEqual({
      statusCode: 403,
      error: 'Forbidden',
      message: 'Insufficient scope, expected any of: read:users',
      errorCode: 'insufficient_scope',
    });
    expect((await get('/api/v2/clients')).status).toBe(200);
  });

  it('can be revoked', async () => {
    const { get, post } = await tenant();
    expect((await get('/api/v2/logs')).status).toBe(200);
    await post('/_emulator/config', { revokeTokens: true });
    expect((await get('/api/v2/logs')).status).toBe(401);
  });
});

describe('GET /api/v2/users', () => {
  it('pages as an array and with totals, sorted', async () => {
    const { json } = await tenant();
    const page = await json<{ updated_at: string }[]>('/api/v2/users?per_page=100&sort=updated_at:-1');
    const times = page.map((user) => user.updated_at);
    expect(times).toHaveLength(100);
    expect(times).toEqual(times.toSorted().toReversed());
    const totals = await json<{ users: object[] }>(
      '/api/v2/users?page=2&per_page=100&include_totals=true&fields=user_id',
    );
    expect(totals).toMatchObject({ start: 200, limit: 100, length: 100, total: 300 });
    const [first] = totals.users;
    expect(Object.keys(first ?? {})).toEqual(['user_id']);
    expect(await json('/api/v2/users?page=4&per_page=100')).toEqual([]);
  });

  it('ends at the wall', async () => {
    const { get } = await tenant();
    expect((await get('/api/v2/users?page=9&per_page=100')).status).toBe(200);
    const error = await errorOf(await get('/api/v2/users?page=10&per_page=100'));
    expect(error).toMatchObject({ statusCode: 400, error: 'Bad Request', errorCode: 'invalid_paging' });
    expect(error.message).toMatch(/^You can only page through the first 1000 records\./);
  });

  it('finds users by windows of updated_at that meet without gap or overlap, and by id', async () => {
    const { json, get } = await tenant();
    const all = await lines<string>(await get('/_emulator/ids/users'));
    const middle = '2025-06-01T00:00:00.000Z';
    const find = async (q: string) => {
      const found = await json<{ user_id: string }[]>(`/api/v2/users?per_page=100&q=${encodeURIComponent(q)}`);
      const more = await json<{ user_id: string }[]>(`/api/v2/users?page=1&per_page=100&q=${encodeURIComponent(q)}`);
      const last = await json<{ user_id: string }[]>(`/api/v2/users?page=2&per_page=100&q=${encodeURIComponent(q)}`);
      return [...found, ...more, ...last].map((user) => user.user_id);
    };
    const before = await find(`updated_at:[* TO ${middle}}`);
    const after = await find(`updated_at:[${middle} TO *]`);
    expect(before.length).toBeGreaterThan(10);
    expect(after.length).toBeGreaterThan(10);
    expect([...before, ...after].toSorted()).toEqual(all.toSorted());
    const id = all[7] ?? '';
    expect(await find(`user_id:${JSON.stringify(id)}`)).toEqual([id]);
    expect((await errorOf(await get('/api/v2/users?q=shoe_size:44'))).errorCode).toBe('invalid_query_string');
    expect(await json(`/api/v2/users/${encodeURIComponent(id)}`)).toMatchObject({ user_id: id });
    expect(await errorOf(await get('/api/v2/users/auth0%7Cnobody'))).toMatchObject({
      statusCode: 404,
      errorCode: 'inexistent_user',
    });
  });

  it('shows changes and deletions', async () => {
    const { json, post } = await tenant();
    const since = new Date().toISOString();
    const changed = await bodyOf<Record<string, string[]>>(
      await post('/_emulator/users', { add: 2, touch: 3, remove: 4 }),
    );
    const found = await json<{ user_id: string }[]>(
      `/api/v2/users?q=${encodeURIComponent(`updated_at:[${since} TO *]`)}`,
    );
    expect(found.map((user) => user.user_id).toSorted()).toEqual(
      [...(changed['added'] ?? []), ...(changed['touched'] ?? [])].toSorted(),
    );
    const { total } = await json<{ total: number }>('/api/v2/users?include_totals=true');
    expect(total).toBe(298);
    expect(await json(`/api/v2/users/${encodeURIComponent(changed['removed']?.[0] ?? '')}`)).toMatchObject({
      statusCode: 404,
    });
  });

  it('shows the tokens of identity providers only by scope', async () => {
    const { get } = await tenant();
    expect(await (await get('/api/v2/users?per_page=100')).text()).toContain('access-s3cr3t');
    const other = await tenant({ scopes: ['read:users'] });
    expect(await (await other.get('/api/v2/users?per_page=100')).text()).not.toContain('s3cr3t');
  });
});

describe('GET /api/v2/clients', () => {
  it('gives three shapes of answer', async () => {
    const { json } = await tenant({ clients: 120 });
    expect(await json<object[]>('/api/v2/clients')).toHaveLength(50);
    const totals = await json<Record<string, unknown>>('/api/v2/clients?include_totals=true&per_page=100&page=1');
    expect(totals).toMatchObject({ total: 120, start: 100, limit: 100 });
    expect(Object.hasOwn(totals, 'length')).toBe(false);
    const ids: string[] = [];
    let query = 'take=50';
    for (let page = 0; page < 3; page++) {
      const answer = await json<{ next?: string; clients: { client_id: string }[] }>(`/api/v2/clients?${query}`);
      ids.push(...answer.clients.map((client) => client.client_id));
      expect(answer.next === undefined).toBe(page === 2);
      query = `take=50&from=${encodeURIComponent(answer.next ?? '')}`;
    }
    expect(ids).toHaveLength(120);
    expect(new Set(ids).size).toBe(120);
  });

  it('lets a cursor expire after a day', async () => {
    let now = EPOCH;
    const { json, get } = await tenant({ clock: () => now, tokenLifetimeSeconds: 10 * DAY });
    const { next } = await json<{ next: string }>('/api/v2/clients?take=5');
    expect((await get(`/api/v2/clients?take=5&from=${next}`)).status).toBe(200);
    now += DAY;
    expect((await get(`/api/v2/clients?take=5&from=${next}`)).status).toBe(400);
    expect((await get('/api/v2/clients?take=5&from=junk')).status).toBe(400);
  });

  it('holds the pseudo client and keeps secrets behind a scope', async () => {
    const { json, get } = await tenant();
    expect(await json<{ name: string }[]>('/api/v2/clients?is_global=true')).toMatchObject([
      { name: 'All Applications', global: true },
    ]);
    expect(await json<object[]>('/api/v2/clients?is_global=false')).toHaveLength(29);
    expect(await (await get('/api/v2/clients')).text()).toContain('client-s3cr3t');
    const plain = await tenant({ scopes: ['read:clients'] });
    expect(await (await plain.get('/api/v2/clients')).text()).not.toContain('client-s3cr3t');
    expect((await plain.get('/api/v2/clients?fields=client_secret')).status).toBe(403);
    expect((await plain.get('/api/v2/clients?fields=client_secret&include_fields=false')).status).toBe(200);
  });

  it('shows added and deleted clients', async () => {
    const { json, post } = await tenant();
    const { removed } = await bodyOf<{
      removed: string[];
    }>(await post('/_emulator/clients', { add: 3, remove: 2 }));
    const all = await json<{ client_id: string }[]>('/api/v2/clients');
    expect(all).toHaveLength(31);
    expect(all.filter((client) => removed.includes(client.client_id))).toEqual([]);
  });
});

describe('GET /api/v2/logs', () => {
  it('by checkpoint walks all logs once, byte for byte, and then stays', async () => {
    const { get, emulator } = await tenant();
    const raws = await lines<{ id: string; raw: string }>(await get('/_emulator/raw/logs'));
    let url = `${emulator.origin}/api/v2/logs?take=100`;
    const texts: string[] = [];
    for (let page = 0; page < 5; page++) {
      const answer = await get(url);
      texts.push((await answer.text()).slice(1, -1));
      url = nextOf(answer);
    }
    expect(texts.join(',')).toBe(raws.map(({ raw }) => raw).join(','));
    expect(url).toBe(`${emulator.origin}/api/v2/logs?from=${raws.at(-1)?.id ?? ''}&take=100`);
    const empty = await get(url);
    expect(await empty.text()).toBe('[]');
    expect(nextOf(empty)).toBe(url);
  });

  it('shows appended logs behind the last position', async () => {
    const { get, post, json } = await tenant({ logs: 0 });
    const start = nextOf(await get('/api/v2/logs?take=10'));
    await post('/_emulator/logs', { count: 7 });
    expect(await json<object[]>(start)).toHaveLength(7);
  });

  it('takes made-up ids as positions and refuses what is no id', async () => {
    const { json, get } = await tenant({ logSpanMs: 500_000 });
    const half = `900${new Date(EPOCH - 250_000).toISOString().replaceAll(/\D/g, '').slice(0, 14)}`.padEnd(56, '0');
    expect((await json<object[]>(`/api/v2/logs?take=100&from=${half}`)).length).toBe(100);
    const page = await get(`/api/v2/logs?take=100&from=${half}`);
    expect(await json<object[]>(nextOf(await get(nextOf(page))))).toHaveLength(50);
    expect(await json<object[]>(`/api/v2/logs?take=100&from=${'90020010101'.padEnd(56, '0')}`)).toHaveLength(100);
    expect((await errorOf(await get('/api/v2/logs?from=abc'))).errorCode).toBe('invalid_query_string');
    expect((await errorOf(await get('/api/v2/logs?take=101'))).message).toContain('greater than maximum 100');
  });

  it('loses positions older than the retention, loudly or not', async () => {
    const { get, json, post } = await tenant({ clock: () => EPOCH, logSpanMs: 10 * DAY });
    const [first] = await json<{ log_id: string }[]>('/api/v2/logs?take=1');
    await post('/_emulator/config', { logRetentionMs: DAY });
    const error = await errorOf(await get(`/api/v2/logs?from=${first?.log_id ?? ''}`));
    expect(error).toMatchObject({ statusCode: 400, errorCode: 'invalid_query_string' });
    const kept = await lines<string>(await get('/_emulator/ids/logs'));
    expect(kept).toHaveLength(50);
    expect(await lines(await get('/_emulator/ids/logs?all=1'))).toHaveLength(500);
    await post('/_emulator/config', { expiredCursor: 'continue' });
    const rows = await json<{ log_id: string }[]>(`/api/v2/logs?take=100&from=${first?.log_id ?? ''}`);
    expect(rows.map((log) => log.log_id)).toEqual(kept);
    expect((await json<{ log_id: string }[]>('/api/v2/logs?take=1'))[0]?.log_id).toBe(kept[0]);
    expect((await get(`/api/v2/logs/${first?.log_id ?? ''}`)).status).toBe(404);
    expect((await get(`/api/v2/logs/${kept[0] ?? ''}`)).status).toBe(200);
  });

  it('searches: newest first, by date, by query, up to the wall', async () => {
    const { get, json } = await tenant({ logSpanMs: 60_000 });
    const ids = await lines<string>(await get('/_emulator/ids/logs'));
    const found = await json<{ log_id: string }[]>('/api/v2/logs?per_page=100');
    expect(found.map((log) => log.log_id)).toEqual(ids.toReversed().slice(0, 100));
    const byDate = async (sort: string) => {
      const pages = await Promise.all(
        [0, 1, 2, 3, 4].map(async (page) =>
          json<{ date: string }[]>(`/api/v2/logs?sort=${sort}&per_page=100&page=${page}`),
        ),
      );
      return pages.flat().map((log) => log.date);
    };
    const dates = await byDate('date:1');
    expect(dates).toHaveLength(500);
    expect(dates).toEqual(dates.toSorted());
    expect(await byDate('date:-1')).toEqual(dates.toReversed());
    const low = dates[100] ?? '';
    const high = dates[150] ?? '';
    const window = await json<{ date: string }[]>(
      `/api/v2/logs?sort=date:1&per_page=100&q=${encodeURIComponent(`date:[${low} TO ${high}}`)}`,
    );
    expect(window.map((log) => log.date)).toEqual(dates.filter((date) => date >= low && date < high));
    const typed = await json<{ type: string }[]>('/api/v2/logs?q=type:fp%20OR%20type:fu&per_page=100');
    expect(new Set(typed.map((log) => log.type))).toEqual(new Set(['fp', 'fu']));
    const totals = await json<Record<string, unknown>>('/api/v2/logs?include_totals=true&per_page=20&fields=log_id');
    expect(totals).toMatchObject({ start: 0, limit: 20, length: 20, total: 20 });
    const wall = await errorOf(await get('/api/v2/logs?page=10&per_page=100'));
    expect(wall.message).toMatch(/^Requesting page 10 exceeds the allowed maximum of 1000 records/);
    expect((await errorOf(await get('/api/v2/logs?q=mood:good'))).errorCode).toBe('invalid_query_string');
  });

  it('happens by itself', async () => {
    let now = EPOCH;
    const { json } = await tenant({ clock: () => now, logs: 0, liveIntervalMs: 100 });
    expect(await json<object[]>('/api/v2/logs?take=100')).toHaveLength(0);
    now += 4250;
    expect(await json<object[]>('/api/v2/logs?take=100')).toHaveLength(42);
  });
});

describe('export jobs', () => {
  it('run their course and give a file of the fields named', async () => {
    let now = EPOCH;
    const { post, json, get } = await tenant({ clock: () => now, exportJobMs: 3000, tokenLifetimeSeconds: 10 * DAY });
    const fields = ['user_id', 'updated_at', 'identities', 'app_metadata', 'blocked'].map((name) => ({ name }));
    const answer = await post('/api/v2/jobs/users-exports', { format: 'json', fields });
    expect(answer.status).toBe(200);
    const { id, ...rest } = await bodyOf<{ id: string }>(answer);
    expect(id).toMatch(/^job_[A-Za-z0-9]{16}$/);
    expect(rest).toEqual({
      type: 'users_export',
      status: 'pending',
      created_at: new Date(EPOCH).toISOString(),
      format: 'json',
      fields,
    });
    now += 500;
    expect(await json(`/api/v2/jobs/${id}`)).toMatchObject({ status: 'pending' });
    now += 1000;
    expect(await json(`/api/v2/jobs/${id}`)).toMatchObject({
      status: 'processing',
      percentage_done: 50,
      time_left_seconds: 2,
    });
    now += 1500;
    const { location, status } = await json<{ location: string; status: string }>(`/api/v2/jobs/${id}`);
    expect(status).toBe('completed');
    expect((await json<{ location: string }>(`/api/v2/jobs/${id}`)).location).not.toBe(location);
    await post('/_emulator/users', { remove: 5 });
    const file = await fetch(location);
    const users = gunzipSync(Buffer.from(await file.arrayBuffer()))
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line): object => JSON.parse(line));
    expect(users).toHaveLength(300);
    expect(Object.keys(users[0] ?? {}).slice(0, 3)).toEqual(['user_id', 'updated_at', 'identities']);
    expect(JSON.stringify(users)).toContain('access-s3cr3t');

    const withToken = await get(location);
    expect(withToken.status).toBe(400);
    expect(await withToken.text()).toContain('<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed');
    expect((await fetch(location.replace(/Signature=./, 'Signature=_'))).status).toBe(403);
    now += 60_000;
    const expired = await fetch(location);
    expect(expired.status).toBe(403);
    expect(await expired.text()).toContain('<Message>Request has expired</Message>');
    now += DAY;
    expect(await errorOf(await get(`/api/v2/jobs/${id}`))).toEqual({
      statusCode: 404,
      error: 'Not Found',
      message: 'Job not found.',
      errorCode: 'inexistent_job',
    });
  });

  it('filter by connection, limit, write nulls, and may fail', async () => {
    const { post, json, emulator } = await tenant({ exportJobMs: 0, exportNulls: true, exportIdentityTokens: false });
    const file = async (body: object) => {
      const { id } = await bodyOf<{ id: string }>(await post('/api/v2/jobs/users-exports', body));
      const { location } = await json<{ location: string }>(`/api/v2/jobs/${id}`);
      return gunzipSync(Buffer.from(await (await fetch(location)).arrayBuffer())).toString('utf8');
    };
    const text = await file({
      connection_id: 'con_GoogleSocial0000',
      limit: 5,
      fields: [{ name: 'identities' }, { name: 'phone_number' }],
    });
    expect(
      text.split('\n').filter((line) => line.includes('google-oauth2') && line.endsWith('"phone_number":null}')),
    ).toHaveLength(5);
    expect(text).not.toContain('s3cr3t');
    expect(emulator.stats().exportsCreated).toBe(1);
    await post('/_emulator/config', { exportOutcome: 'failed' });
    const { id } = await bodyOf<{ id: string }>(await post('/api/v2/jobs/users-exports', {}));
    expect(await json(`/api/v2/jobs/${id}`)).toMatchObject({ status: 'failed' });
  });

  it('are refused for what they do not know', async () => {
    const { post } = await tenant();
    for (const body of [
      { format: 'csv' },
      { format: 'xml' },
      { connection_id: 'con_0000000000000000' },
      { limit: 0 },
      { colour: 1 },
    ]) {
      expect((await errorOf(await post('/api/v2/jobs/users-exports', body))).statusCode).toBe(400);
    }
  });
});

describe('the server', () => {
  it('limits the rate with headers on every answer', async () => {
    let now = EPOCH;
    const { get } = await tenant({ clock: () => now, rateLimit: { requestsPerSecond: 1, burst: 2, retryAfter: true } });
    const first = await get('/api/v2/logs');
    expect(Object.fromEntries([...first.headers].filter(([name]) => name.startsWith('x-ratelimit')))).toEqual({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': String(EPOCH / 1000 + 1),
    });
    expect((await get('/api/v2/users?q=nonsense:1')).headers.get('x-ratelimit-remaining')).toBe('0');
    const refused = await get('/api/v2/clients');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await errorOf(refused)).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Global limit has been reached',
      errorCode: 'too_many_requests',
    });
    now += 1000;
    expect((await get('/api/v2/logs')).status).toBe(200);
  });

  it('answers in other shapes', async () => {
    const { json, post } = await tenant();
    for (const [shape, key] of [
      ['named', 'users'],
      ['data', 'data'],
    ] as const) {
      await post('/_emulator/config', { shape });
      expect(Object.keys(await json<object>('/api/v2/users'))).toEqual([key]);
    }
    await post('/_emulator/config', { shape: 'array' });
    expect(Array.isArray(await json('/api/v2/users?include_totals=true'))).toBe(true);
  });

  it('answers 404 for what it does not serve, and says what it met', async () => {
    const { get, emulator, post } = await tenant();
    expect(await errorOf(await get('/api/v2/hooks'))).toEqual({
      statusCode: 404,
      error: 'Not Found',
      message: 'Not Found',
    });
    await get('/api/v2/logs');
    expect(emulator.stats().requests).toEqual({ token: { 200: 1 }, unknown: { 404: 1 }, logs: { 200: 1 } });
    await post('/_emulator/stats/reset', {});
    expect(emulator.stats()).toMatchObject({ requests: {}, tokensMinted: 0 });
  });

  it('refuses admin requests of a web page', async () => {
    const { get } = await tenant();
    expect((await get('/_emulator/stats', { origin: 'https://evil.example' })).status).toBe(403);
  });

  it('names the port that is in use', async () => {
    const { emulator } = await tenant();
    await expect(startEmulator({ port: emulator.port })).rejects.toThrow(String(emulator.port));
  });
});

describe('faults', () => {
  it('meet the requests they are set on', async () => {
    const { get, post, emulator } = await tenant();
    await post('/_emulator/faults', [
      { route: 'logs', nth: 1, action: { status: 503, body: { statusCode: 503 }, headers: { 'retry-after': '7' } } },
      { route: 'logs', nth: 2, action: 'html' },
      { route: 'logs', nth: 3, action: 'reset' },
      { route: 'logs', nth: 4, action: 'truncate' },
      { route: 'logs', nth: 5, action: { truncateAfterBytes: 10 } },
      { route: 'logs', nth: 6, action: { delayMs: 120 } },
      { route: 'logs', nth: 7, action: 'hang' },
    ]);
    const unavailable = await get('/api/v2/logs');
    expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([503, '7']);
    const page = await get('/api/v2/logs');
    expect([page.status, page.headers.get('content-type')]).toEqual([502, 'text/html']);
    await expect(get('/api/v2/logs')).rejects.toThrow('fetch failed');
    for (let cut = 0; cut < 2; cut++) {
      const answer = await get('/api/v2/logs');
      expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(10_000);
      await expect(answer.text()).rejects.toThrow('terminated');
    }
    const started = performance.now();
    expect((await get('/api/v2/logs')).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(100);
    await expect(fetch(`${emulator.origin}/api/v2/logs`, { signal: AbortSignal.timeout(150) })).rejects.toThrow(
      'timeout',
    );
    expect((await get('/api/v2/logs')).status).toBe(200);
    expect(emulator.stats()).toMatchObject({ faultsFired: 7, requests: { logs: { 0: 2, 200: 4, 502: 1, 503: 1 } } });
  });

  it('cut off a download, carry out what is lost afterwards, and end', async () => {
    const { get, post, json, emulator } = await tenant({ exportJobMs: 0, users: 3000 });
    await post('/_emulator/faults', { route: 'users-exports', times: 1, afterHandling: true, action: 'reset' });
    await expect(post('/api/v2/jobs/users-exports', {})).rejects.toThrow('fetch failed');
    expect(emulator.stats().exportsCreated).toBe(1);
    const { id } = await bodyOf<{ id: string }>(await post('/api/v2/jobs/users-exports', {}));
    await post('/_emulator/faults', { route: 'download', action: 'truncate' });
    const { location } = await json<{ location: string }>(`/api/v2/jobs/${id}`);
    const cut = await fetch(location);
    expect(cut.status).toBe(200);
    await expect(cut.arrayBuffer()).rejects.toThrow('terminated');
    await fetch(`${emulator.origin}/_emulator/faults`, { method: 'DELETE' });
    expect((await (await fetch(location)).arrayBuffer()).byteLength).toBeGreaterThan(10_000);
    expect((await post('/_emulator/faults', { action: 'explode' })).status).toBe(400);
    expect(await (await get('/_emulator/faults')).text()).toBe('[]');
  });
});

async function dump(of: TestTenant): Promise<readonly string[]> {
  return Promise.all(['logs', 'users', 'clients'].map(async (name) => (await of.get(`/_emulator/raw/${name}`)).text()));
}

describe('the state file', () => {
  it('brings the same tenant back, killed or closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emulator-'));
    const stateFile = join(folder, 'deep', 'tenant.json');
    try {
      let now = EPOCH;
      const options = { stateFile, clock: () => now, liveIntervalMs: 500 };
      const first = await tenant(options);
      now += 10_000;
      await first.post('/_emulator/users', { add: 3, touch: 4, remove: 5, spreadMs: 10 });
      await first.post('/_emulator/clients', { add: 1, touch: 1, remove: 1 });
      await first.post('/_emulator/logs', { count: 9 });
      now += 20_000;
      const before = await dump(first);
      const killedState = readFileSync(stateFile, 'utf8');
      await first.emulator.close();
      now += 30_000;

      const closed = await tenant({ ...options, seed: 1, logs: 1, epochMs: 5 });
      expect(await dump(closed)).toEqual(before);
      await closed.emulator.close();
      // What the second one stored at its end holds the changes that it was given at its start.
      const reopened = await tenant(options);
      expect(await dump(reopened)).toEqual(before);
      await reopened.emulator.close();

      writeFileSync(stateFile, killedState);
      now += 30_000;
      const killed = await tenant(options);
      const [logs = ''] = await dump(killed);
      expect(logs.startsWith(before[0] ?? '?')).toBe(true);
      expect(logs.split('\n').length - (before[0] ?? '').split('\n').length).toBe(120);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is named when it is not one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emulator-'));
    try {
      const stateFile = join(folder, 'tenant.json');
      writeFileSync(stateFile, '{"version":9}');
      await expect(startEmulator({ stateFile })).rejects.toThrow(stateFile);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
