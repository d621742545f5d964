import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config.js';
import { ERRORS, ExtractError } from '../../../src/contracts/errors.js';
import { failedWith } from '../../../src/doctor/check.js';
import { judgeDisks } from '../../../src/doctor/clickhouse.js';
import { brokenConfiguration, checkConfiguration } from '../../../src/doctor/configuration.js';
import { planOf, readLimit } from '../../../src/doctor/plan.js';
import { judgeRetention, retentionCheck } from '../../../src/doctor/retention.js';
import { scheduleCheck, workerChecks } from '../../../src/doctor/temporal.js';
import { clockCheck, limitCheck } from '../../../src/doctor/tenant.js';
import { scopesOfToken } from '../../../src/doctor/token-scopes.js';
import { schedule } from '../status/facts.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (ms: number) => new Date(NOW + ms).toUTCString();

describe('the clock', () => {
  it.each([
    [10_000, 'ok'],
    [-25_000, 'ok'],
    [31_000, 'warn'],
    [-290_000, 'warn'],
    [301_000, 'fail'],
    [-3_600_000, 'fail'],
  ])('%i ms apart: %s', (ms, status) => {
    expect(clockCheck(at(ms), NOW)).toMatchObject({
      status,
      detail: expect.stringContaining(ms < 0 ? 'ahead' : 'behind'),
    });
  });

  it('is not judged without a time', () => {
    expect(clockCheck(null, NOW).status).toBe('skipped');
  });
});

describe('the plan', () => {
  const all = (limit: number) => ({ logs: seen(limit), users: seen(limit), clients: seen(limit) });
  const seen = (limit: number, remaining = limit) => ({ limit, remaining });
  it.each([
    [all(2), 'Free'],
    [all(10), 'Enterprise, not production'],
    [all(50), /^Enterprise production/],
    [all(750), /1,500 requests/],
    [{ logs: seen(10), users: seen(40), clients: seen(5) }, 'Essentials or Professional'],
    [{ users: seen(40), clients: seen(5) }, 'Essentials or Professional'],
    [{ users: seen(40) }, 'Essentials or Professional'],
    [{ logs: seen(10) }, 'Essentials, Professional or Enterprise, not production'],
    [{ logs: seen(10), users: seen(41) }, null],
    [all(77), null],
    [{}, null],
  ])('of %j is %s', (limits, plan) => {
    const guess = planOf(limits);
    if (plan instanceof RegExp) expect(guess).toMatch(plan);
    else expect(guess).toBe(plan);
  });

  it('warns when somebody else uses the limit up', () => {
    expect(limitCheck({ logs: seen(50, 3) })).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('3 left'),
    });
    expect(limitCheck({ logs: seen(50, 30) }).status).toBe('ok');
    // Of two requests one is always gone.
    expect(limitCheck({ logs: seen(2, 0) }).status).toBe('ok');
    expect(limitCheck({}).status).toBe('ok');
  });

  it('reads the headers', () => {
    expect(readLimit(new Headers({ 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '49' }))).toEqual(seen(50, 49));
    expect(readLimit(new Headers({ 'x-ratelimit-limit': 'many' }))).toBeNull();
    expect(readLimit(new Headers())).toBeNull();
  });
});

describe('the log retention', () => {
  it.each([
    [4.9, 5, 'ok', ''],
    [5.8, 5, 'ok', ''],
    [9.9, 5, 'warn', 'longer'],
    [4.9, 30, 'warn', 'shorter'],
    [9.9, null, 'warn', '10 looks right'],
    [0.3, null, 'warn', '1 looks right'],
    [90, null, 'warn', 'Set AUTH0_LOG_RETENTION_DAYS'],
  ])('oldest %d, set %s: %s', (oldest, set, status, cure) => {
    const check = judgeRetention(oldest, set);
    expect(check.status).toBe(status);
    expect(check.cure ?? '').toContain(cure);
  });

  it('is read from the oldest log', () => {
    const page = JSON.stringify([{ log_id: 'a', date: '2026-02-24T12:00:00.000Z' }]);
    expect(retentionCheck(page, 5 * 86_400_000, NOW).detail).toContain('5.0 days old');
    expect(retentionCheck('[]', null, NOW).status).toBe('ok');
    expect(retentionCheck('<html>', null, NOW).status).toBe('fail');
  });
});

describe('workers', () => {
  const ours = (version: string) => `auth0-clickhouse ${version} 12@host`;
  it.each([
    [[[], []], ['fail']],
    [[[ours('1.0.0')], []], ['fail']],
    [
      [[ours('1.0.0')], [ours('1.0.0')]],
      ['ok', 'ok'],
    ],
    [
      [[ours('1.0.0'), ours('0.9.0')], [ours('1.0.0')]],
      ['ok', 'warn'],
    ],
    [
      [['12@host'], [ours('1.0.0')]],
      ['ok', 'warn'],
    ],
  ])('%j: %j', (identities, statuses) => {
    expect(workerChecks('queue', '1.0.0', identities).map(({ status }) => status)).toEqual(statuses);
  });
});

describe('schedules', () => {
  const common = { timezone: 'UTC', jitterMs: 0 };
  const wanted = [
    { schedule: 'logs' as const, spec: { kind: 'every' as const, everyMs: 60_000 }, ...common },
    { schedule: 'users' as const, spec: null, ...common },
  ];
  it.each([
    [[schedule()], 'ok'],
    [[], 'warn'],
    [[schedule({ paused: true })], 'warn'],
  ])('%j: %s', (listed, status) => {
    expect(scheduleCheck('schedules', wanted, listed).status).toBe(status);
  });
});

describe('disks', () => {
  it.each([
    [50, 'ok'],
    [5, 'warn'],
    [0.3, 'fail'],
  ])('%d of 100 GB free: %s', (free, status) => {
    const disks = [
      { name: 'roomy', free: 90e9, total: 100e9 },
      { name: 'full', free: free * 1e9, total: 100e9 },
    ];
    expect(judgeDisks(disks)).toMatchObject({ status, detail: expect.stringContaining('on full') });
  });

  it('are not judged where there are none', () => expect(judgeDisks([])).toBeNull());
});

describe('a token', () => {
  const jwt = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
  it.each([
    [jwt({ scope: 'read:logs  read:users' }), ['read:logs', 'read:users']],
    [jwt({ scope: '' }), []],
    [jwt({}), null],
    ['opaque', null],
    ['a.b.c', null],
  ])('%s says its scopes', (token, scopes) => {
    const found = scopesOfToken(token);
    expect(found === null ? null : [...found]).toEqual(scopes);
  });
});

describe('the configuration', () => {
  const check = (env: Record<string, string>, running = false) => checkConfiguration(parseConfig(env), running);
  it('that says nothing while nothing runs fails, and names what to do', () => {
    expect(check({})).toMatchObject([{ status: 'fail', cure: expect.stringContaining('npm start') }]);
    expect(check({}, true)).toMatchObject([{ status: 'ok' }]);
  });

  it('with a password for a server elsewhere and no TLS is warned of', () => {
    const password = { CLICKHOUSE_PASSWORD: 'hidden-word' };
    const remote = check({ CLICKHOUSE_URL: 'http://db.example.com:8123', ...password });
    expect(remote.map(({ status }) => status)).toEqual(['ok', 'warn']);
    expect(JSON.stringify(remote)).not.toContain('hidden-word');
    for (const url of ['https://db.example.com:8443', 'http://127.0.0.1:8123', 'http://clickhouse:8123'])
      expect(check({ CLICKHOUSE_URL: url, ...password })).toHaveLength(1);
  });

  it('that cannot be read is a failure a setting', () => {
    expect(
      brokenConfiguration(['A is wrong', 'B is missing']).map(({ status, detail }) => `${status} ${detail}`),
    ).toEqual(['fail A is wrong', 'fail B is missing']);
  });
});

it('an error is what happened and its cure, apart; a foreign one is its kind only', () => {
  expect(
    failedWith('token', new ExtractError('CredentialsRejected', 'The tenant refused it', { status: 401 })),
  ).toEqual({
    name: 'token',
    status: 'fail',
    detail: 'The tenant refused it (HTTP 401)',
    cure: ERRORS.CredentialsRejected.next,
  });
  expect(JSON.stringify(failedWith('x', new TypeError('secret things')))).not.toContain('secret things');
});
