import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Config,
  ConfigError,
  parseConfig,
  type TenantConfig,
  tenantNameOf,
  type TenantSettings,
} from '../../../src/config/config.js';
import { COMPOSE_SETTINGS, renderEnvExample, type Setting, SETTINGS } from '../../../src/config/settings.js';
import { problemsOf } from '../../support/config-problems.js';

const TENANT = { AUTH0_DOMAIN: 'acme.eu.auth0.com', AUTH0_CLIENT_ID: 'id', AUTH0_CLIENT_SECRET: 's3cr3t' };

/** Temporal without all that test/unit/config/temporal.test.ts is about. */
const PLAIN = { tls: null, apiKey: null, headers: {}, codecKeys: [], searchAttributes: 'auto', deployment: null };

function requireTenant({ tenants }: Config): TenantConfig {
  return tenants[0] ?? expect.fail('there is no tenant');
}

const DEFAULTS: TenantSettings = {
  resources: ['logs', 'users', 'clients'],
  httpTimeoutMs: 60_000,
  pacing: { headroom: 0.2, maxRps: null },
  extract: {
    pagesPerActivity: 10,
    logsStart: 'oldest',
    logsOverlapMs: 30_000,
    logRetentionMs: null,
    snapshotIntervalMs: 86_400_000,
    exportFields: [],
    exportWaitMs: 30 * 60_000,
    maxDeleteShare: 0.2,
  },
  schedules: {
    specs: {
      logs: { kind: 'every', everyMs: 60_000 },
      users: { kind: 'every', everyMs: 86_400_000 },
      'users-changed': { kind: 'every', everyMs: 3_600_000 },
      clients: { kind: 'every', everyMs: 86_400_000 },
    },
    timezone: 'UTC',
    jitterMs: 0,
  },
};

it('has a value for everything that is not a tenant, a server or a program', () => {
  expect(parseConfig({})).toEqual({
    tenants: [],
    tenantName: null,
    defaults: DEFAULTS,
    temporal: { ...PLAIN, address: null, namespace: 'default', taskQueue: 'auth0-clickhouse' },
    clickhouse: { url: null, database: 'auth0', username: 'default', password: '', cluster: null, databaseId: null },
    stack: {
      dataDir: '.data',
      temporalCliPath: null,
      temporalPort: 7233,
      temporalUiPort: 8233,
      clickhousePort: 8123,
      emulator: { port: 9400, logs: 20_000, users: 2_500, clients: 120, seed: 1 },
    },
    shutdownGraceMs: 20_000,
    logLevel: 'info',
    observability: { logFormat: 'auto', metrics: { host: '127.0.0.1', port: null, allowedHosts: [] }, tracing: null },
  });
});

it('counts an empty variable as unset, as compose makes them', () => {
  const empty = Object.fromEntries(Object.values(SETTINGS).map(({ name }, i) => [name, i % 2 === 0 ? '' : '  ']));
  expect(parseConfig(empty)).toEqual(parseConfig({}));
});

it('takes every setting', () => {
  const config = parseConfig({
    ...TENANT,
    AUTH0_AUDIENCE: 'https://acme.eu.auth0.com/api/v2/',
    AUTH0_TENANT: 'acme',
    AUTH0_RESOURCES: 'clients, logs,clients',
    AUTH0_HTTP_TIMEOUT: '5',
    AUTH0_RATE_HEADROOM: '0.1',
    AUTH0_MAX_RPS: '2.5',
    AUTH0_LOG_RETENTION_DAYS: '5',
    LOGS_OVERLAP_SECONDS: '0',
    MAX_DELETE_SHARE: '0.5',
    TEMPORAL_ADDRESS: 'temporal.example:7233',
    TEMPORAL_NAMESPACE: 'ns',
    TEMPORAL_TASK_QUEUE: 'q',
    CLICKHOUSE_URL: 'https://clickhouse.example:8443/',
    CLICKHOUSE_DATABASE: 'db',
    CLICKHOUSE_USER: 'u',
    CLICKHOUSE_PASSWORD: ' p ',
    CLICKHOUSE_CLUSTER: 'c',
    PAGES_PER_ACTIVITY: '50',
    LOGS_START: '2026-01-31',
    SNAPSHOT_INTERVAL: '0',
    USERS_EXPORT_FIELDS: ' locale, upn ,,',
    USERS_EXPORT_WAIT: '5',
    SCHEDULE_LOGS: '0',
    SCHEDULE_USERS: '1',
    SCHEDULE_USERS_CHANGED: '15m',
    SCHEDULE_CLIENTS: '30 2  * * MON-FRI',
    SCHEDULE_TIMEZONE: 'europe/berlin',
    SCHEDULE_JITTER: '10s',
    DATA_DIR: '/data',
    TEMPORAL_CLI_PATH: '/bin/temporal',
    TEMPORAL_PORT: '0',
    TEMPORAL_UI_PORT: '1',
    CLICKHOUSE_PORT: '2',
    EMULATOR_PORT: '3',
    EMULATOR_LOGS: '4',
    EMULATOR_USERS: '5',
    EMULATOR_CLIENTS: '6',
    EMULATOR_SEED: '7',
    SHUTDOWN_GRACE: '8',
    LOG_LEVEL: 'debug',
    LOG_FORMAT: 'pretty',
    METRICS_HOST: '0.0.0.0',
    METRICS_ALLOWED_HOSTS: 'metrics.acme.example, other.acme.example',
    METRICS_PORT: '9',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/otlp',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%3Db, x=',
    OTEL_SERVICE_NAME: 'copy',
  });
  const settings: TenantSettings = {
    resources: ['clients', 'logs'],
    httpTimeoutMs: 5_000,
    pacing: { headroom: 0.1, maxRps: 2.5 },
    extract: {
      pagesPerActivity: 50,
      logsStart: '2026-01-31',
      logsOverlapMs: 0,
      logRetentionMs: 432_000_000,
      snapshotIntervalMs: 0,
      exportFields: ['locale', 'upn'],
      exportWaitMs: 5 * 60_000,
      maxDeleteShare: 0.5,
    },
    schedules: {
      specs: {
        logs: null,
        users: { kind: 'every', everyMs: 3_600_000 },
        'users-changed': { kind: 'every', everyMs: 900_000 },
        clients: { kind: 'cron', expression: '30 2 * * MON-FRI' },
      },
      timezone: 'Europe/Berlin',
      jitterMs: 10_000,
    },
  };
  expect(config).toEqual({
    tenants: [
      {
        ...settings,
        name: 'acme',
        credentials: {
          origin: 'https://acme.eu.auth0.com',
          audience: 'https://acme.eu.auth0.com/api/v2/',
          clientId: 'id',
          auth: { method: 'client_secret', clientSecret: 's3cr3t' },
        },
      },
    ],
    tenantName: 'acme',
    defaults: settings,
    temporal: { ...PLAIN, address: 'temporal.example:7233', namespace: 'ns', taskQueue: 'q' },
    clickhouse: {
      url: 'https://clickhouse.example:8443',
      database: 'db',
      username: 'u',
      password: ' p ',
      cluster: 'c',
      databaseId: null,
    },
    stack: {
      dataDir: '/data',
      temporalCliPath: '/bin/temporal',
      temporalPort: 0,
      temporalUiPort: 1,
      clickhousePort: 2,
      emulator: { port: 3, logs: 4, users: 5, clients: 6, seed: 7 },
    },
    shutdownGraceMs: 8_000,
    logLevel: 'debug',
    observability: {
      logFormat: 'pretty',
      metrics: { host: '0.0.0.0', port: 9, allowedHosts: ['metrics.acme.example', 'other.acme.example'] },
      tracing: { endpoint: 'https://collector/otlp', serviceName: 'copy', headers: { 'api-key': 'a=b', x: '' } },
    },
  });
});

describe('the tenant', () => {
  it('has the audience of its domain where none is named', () => {
    const { credentials, name } = requireTenant(parseConfig({ ...TENANT, AUTH0_DOMAIN: 'login.acme.com' }));
    expect([credentials.origin, credentials.audience, name]).toEqual([
      'https://login.acme.com',
      'https://login.acme.com/api/v2/',
      'login.acme.com',
    ]);
  });

  it.each([
    ['acme.eu.auth0.com', 'https://acme.eu.auth0.com'],
    [' acme.eu.auth0.com ', 'https://acme.eu.auth0.com'],
    ['https://acme.eu.auth0.com/', 'https://acme.eu.auth0.com'],
    ['ACME.eu.auth0.com', 'https://acme.eu.auth0.com'],
    ['http://127.0.0.1:9400', 'http://127.0.0.1:9400'],
    ['http://localhost:9400', 'http://localhost:9400'],
    ['http://[::1]:9400', 'http://[::1]:9400'],
    ['localhost:9400', 'https://localhost:9400'],
  ])('may be written %j', (domain, origin) => {
    expect(requireTenant(parseConfig({ ...TENANT, AUTH0_DOMAIN: domain })).credentials.origin).toBe(origin);
  });

  it.each([
    ['http://acme.eu.auth0.com', 'https'],
    ['http://127.0.0.1.example.com', 'https'],
    ['https://acme.eu.auth0.com/api/v2/', 'without a path'],
    ['acme.eu.auth0.com?x', 'without a path'],
    ['ftp://acme.eu.auth0.com', 'http or https'],
    ['a b', 'must be a host'],
  ])('may not be written %j', (domain, reason) => {
    const [problem, ...others] = problemsOf({ ...TENANT, AUTH0_DOMAIN: domain });
    expect(problem).toMatch(/^AUTH0_DOMAIN /);
    expect(problem).toContain(reason);
    expect(problem).toContain(domain);
    expect(others).toEqual([]);
  });

  it.each([
    ['https://acme.eu.auth0.com', 'acme.eu'],
    ['https://acme.auth0.com', 'acme'],
    ['https://login.acme.com', 'login.acme.com'],
    ['https://login.acme.com:8443', 'login.acme.com-8443'],
    ['http://127.0.0.1:9400', '127.0.0.1-9400'],
    ['https://acme.auth0.com.example', 'acme.auth0.com.example'],
  ])('at %s is called %s', (origin, name) => {
    expect(tenantNameOf(origin)).toBe(name);
  });

  it('has a name without what a workflow id or a path could not hold', () => {
    expect(tenantNameOf('http://[::1]:9400')).toMatch(/^[A-Za-z0-9._-]+$/);
    for (const name of ['a/b', '-a', '.a', 'a b', 'é', 'a'.repeat(101)])
      expect(problemsOf({ ...TENANT, AUTH0_TENANT: name })).toHaveLength(1);
    for (const name of ['a', 'Acme-EU_1.x', 'a'.repeat(100)]) expect(problemsOf({ AUTH0_TENANT: name })).toEqual([]);
  });

  it('is there in full or not at all', () => {
    expect(problemsOf({ AUTH0_DOMAIN: 'acme.eu.auth0.com' })).toEqual([
      'AUTH0_CLIENT_ID is missing (AUTH0_DOMAIN is set)',
      'AUTH0_CLIENT_SECRET or AUTH0_PRIVATE_KEY is missing (AUTH0_DOMAIN is set)',
    ]);
    expect(problemsOf({ AUTH0_CLIENT_ID: 'x', AUTH0_CLIENT_SECRET: 'y' })).toEqual([
      'AUTH0_DOMAIN is missing (AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET is set)',
    ]);
    // What is wrong is not missing as well.
    expect(problemsOf({ ...TENANT, AUTH0_DOMAIN: 'a b' })).toHaveLength(1);
    expect(problemsOf({ AUTH0_DOMAIN: 'a b' }).map((problem) => problem.split(' ')[0])).toEqual([
      'AUTH0_DOMAIN',
      'AUTH0_CLIENT_ID',
      'AUTH0_CLIENT_SECRET',
    ]);
  });
});

it.each([
  ['AUTH0_HTTP_TIMEOUT', '0'],
  ['AUTH0_HTTP_TIMEOUT', '601'],
  ['AUTH0_HTTP_TIMEOUT', '-1'],
  ['AUTH0_HTTP_TIMEOUT', '1.5'],
  ['AUTH0_HTTP_TIMEOUT', '1e2'],
  ['AUTH0_HTTP_TIMEOUT', '60s'],
  ['TEMPORAL_ADDRESS', 'temporal'],
  ['TEMPORAL_ADDRESS', 'http://temporal:7233'],
  ['TEMPORAL_ADDRESS', 'temporal:99999'],
  ['CLICKHOUSE_URL', 'clickhouse:8123'],
  ['CLICKHOUSE_URL', 'tcp://clickhouse:9000'],
  ['CLICKHOUSE_URL', 'http://clickhouse:8123/proxy'],
  ['CLICKHOUSE_URL', 'http://clickhouse:8123/?database=x'],
  ['CLICKHOUSE_DATABASE', 'a-b'],
  ['CLICKHOUSE_DATABASE', 'a`; DROP'],
  ['CLICKHOUSE_CLUSTER', "c'"],
  ['PAGES_PER_ACTIVITY', '0'],
  ['PAGES_PER_ACTIVITY', '51'],
  ['LOGS_START', 'newest'],
  ['LOGS_START', '2026'],
  ['LOGS_START', '2026-13-01'],
  ['LOGS_START', '2026-01-31 hello'],
  ['LOGS_START', '9999-01-01'],
  ['LOGS_START', '1969-12-31'],
  ['SNAPSHOT_INTERVAL', '8761'],
  ['SCHEDULE_LOGS', '86401'],
  ['SCHEDULE_LOGS', '2d'],
  ['SCHEDULE_LOGS', '1.5m'],
  ['SCHEDULE_LOGS', '-1m'],
  ['SCHEDULE_LOGS', 'hourly'],
  ['SCHEDULE_LOGS', '* * * *'],
  ['SCHEDULE_LOGS', '0 0 30 2 *'],
  ['SCHEDULE_USERS', '366d'],
  ['SCHEDULE_USERS', '@reboot'],
  ['SCHEDULE_USERS', 'CRON_TZ=Europe/Berlin 0 3 * * *'],
  ['SCHEDULE_USERS_CHANGED', '61 * * * *'],
  ['SCHEDULE_CLIENTS', 'never'],
  ['SCHEDULE_TIMEZONE', 'Europe/Atlantis'],
  ['SCHEDULE_TIMEZONE', '+02:00'],
  ['SCHEDULE_JITTER', '10'],
  ['SCHEDULE_JITTER', '2d'],
  ['TEMPORAL_PORT', '65536'],
  ['LOG_LEVEL', 'verbose'],
  ['LOG_LEVEL', 'INFO'],
])('refuses %s=%s by its name', (name, value) => {
  const problems = problemsOf({ [name]: value });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^${name} (must|may) `));
  expect(problems[0]).toContain(`(it is "${value}")`);
});

it.each([
  ['TEMPORAL_ADDRESS', '[::1]:7233'],
  ['TEMPORAL_ADDRESS', 'ns.acct.tmprl.cloud:65535'],
  ['CLICKHOUSE_URL', 'http://127.0.0.1:8123'],
  ['LOGS_START', '2026-01-31T12:00:00Z'],
  ['LOGS_START', '2026-01-31T12:00:00+02:00'],
])('takes %s=%s', (name, value) => {
  expect(problemsOf({ [name]: value })).toEqual([]);
});

it.each([
  ['SCHEDULE_LOGS', '30s', { kind: 'every', everyMs: 30_000 }],
  ['SCHEDULE_LOGS', '30', { kind: 'every', everyMs: 30_000 }],
  ['SCHEDULE_LOGS', ' 5 M ', { kind: 'every', everyMs: 300_000 }],
  ['SCHEDULE_LOGS', '@every 5m', { kind: 'every', everyMs: 300_000 }],
  ['SCHEDULE_LOGS', '0s', null],
  ['SCHEDULE_LOGS', 'Off', null],
  ['SCHEDULE_LOGS', '*/5 * * * *', { kind: 'cron', expression: '*/5 * * * *' }],
  ['SCHEDULE_USERS', '6h', { kind: 'every', everyMs: 21_600_000 }],
  ['SCHEDULE_USERS', '7d', { kind: 'every', everyMs: 604_800_000 }],
  ['SCHEDULE_USERS', '2', { kind: 'every', everyMs: 7_200_000 }],
  ['SCHEDULE_USERS_CHANGED', '2', { kind: 'every', everyMs: 7_200_000 }],
  ['SCHEDULE_CLIENTS', '@daily', { kind: 'cron', expression: '@daily' }],
])('reads the schedule %s=%s', (name, value, spec) => {
  const names = { SCHEDULE_LOGS: 'logs', SCHEDULE_USERS: 'users', SCHEDULE_CLIENTS: 'clients' } as const;
  const schedule = Object.entries(names).find(([known]) => known === name)?.[1] ?? 'users-changed';
  expect(parseConfig({ [name]: value }).defaults.schedules.specs[schedule]).toEqual(spec);
});

it('gives an example of a good schedule where one is bad', () => {
  expect(problemsOf({ SCHEDULE_LOGS: 'hourly' })[0]).toBe(
    'SCHEDULE_LOGS must be an interval such as 30s, 5m, 6h or 1d, a cron expression of five fields such as "30 2 * * *" or @daily, or off (it is "hourly")',
  );
});

it('tells every problem at once, one a line', () => {
  const env = { AUTH0_DOMAIN: 'http://acme.com', CLICKHOUSE_URL: 'x', PAGES_PER_ACTIVITY: 'ten', LOG_LEVEL: 'all' };
  const names = problemsOf(env).map((problem) => problem.split(' ')[0]);
  expect(names).toEqual([
    'PAGES_PER_ACTIVITY',
    'AUTH0_DOMAIN',
    'AUTH0_CLIENT_ID',
    'AUTH0_CLIENT_SECRET',
    'CLICKHOUSE_URL',
    'LOG_LEVEL',
  ]);
  const { message } = new ConfigError(problemsOf(env));
  expect(message.split('\n')).toHaveLength(7);
});

it('never shows a secret, wherever it was put', () => {
  const env = {
    ...TENANT,
    CLICKHOUSE_PASSWORD: 's3cr3t',
    AUTH0_DOMAIN: 'https://user:s3cr3t@acme.com',
    CLICKHOUSE_URL: 'http://default:s3cr3t@clickhouse:8123',
    TEMPORAL_ADDRESS: 'https://x:s3cr3t/@@temporal:7233',
    LOG_LEVEL: 'all',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:s3cr3t@collector:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 's3cr3t',
  };
  const problems = problemsOf(env);
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
    'AUTH0_DOMAIN',
    'TEMPORAL_ADDRESS',
    'CLICKHOUSE_URL',
    'LOG_LEVEL',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_HEADERS',
  ]);
  expect(problems.join()).not.toContain('s3cr3t');
  for (const { secret, name } of Object.values<Setting>(SETTINGS))
    expect(secret === true).toBe(/SECRET|PASSWORD|OTLP_HEADERS|PRIVATE_KEY$|API_KEY|KEY_DATA|KEYS$/.test(name));
});

describe('the port of the metrics', () => {
  it.each([
    ['off', 'off'],
    ['0', 0],
    ['65535', 65535],
    ['', null],
  ])('may be %j', (text, port) => {
    expect(parseConfig({ METRICS_PORT: text }).observability.metrics.port).toBe(port);
  });

  it.each(['on', '65536', '-1'])('may not be %j', (text) => {
    expect(problemsOf({ METRICS_PORT: text })).toEqual([
      `METRICS_PORT must be a port between 0 and 65535, or off (it is "${text}")`,
    ]);
  });
});

describe('the list of settings', () => {
  const all = [...Object.values<Setting>(SETTINGS), ...COMPOSE_SETTINGS];

  it('names and describes each once', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, description, group } of all) {
      expect(name).toMatch(/^[A-Z][A-Z0-9_]+$/);
      expect(description.length).toBeGreaterThan(8);
      expect(description).not.toMatch(/\.$/);
      expect(group).not.toBe('');
    }
  });

  it('has defaults that it accepts itself, and units where numbers count something', () => {
    for (const { name, default: standard, schema } of all)
      if (standard !== undefined) expect([name, schema.safeParse(standard).success]).toEqual([name, true]);
  });

  it('is what .env.example shows', () => {
    const file = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');
    expect(file).toBe(renderEnvExample());
    for (const { name } of all)
      expect(file.split('\n').filter((line) => line.startsWith(`# ${name}=`))).toHaveLength(1);
  });

  it('changes nothing where somebody copies .env.example and removes the marks', () => {
    const lines = renderEnvExample().matchAll(/^# ([A-Z0-9_]+)=(.*)$/gm);
    expect(parseConfig(Object.fromEntries([...lines].map(([, name, value]) => [name, value])))).toEqual(
      parseConfig({}),
    );
  });
});
