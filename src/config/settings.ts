import { z } from 'zod';
import { TASK_QUEUE } from '../contracts/names.js';
import { isLoopback } from '../auth0/loopback.js';
import { parseInstant } from '../resources/columns.js';

/** One environment variable, described once: the parser, `.env.example` and the docs come from it. */
export interface Setting<T = unknown> {
  name: string;
  group: string;
  description: string;
  /** Text of the default as a person would write it; undefined: unset. */
  default?: string;
  unit?: string;
  secret?: boolean;
  schema: z.ZodType<T, string>;
}

const text = z.string().trim();
const whole = (min: number, max: number) =>
  text
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);
const port = whole(0, 65535);

/** An origin without path: `acme.eu.auth0.com` or `https://acme.eu.auth0.com`; plain http only for loopback. */
const origin = text.transform((value, context) => {
  let url: URL;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(value) ? value : `https://${value}`);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a host such as acme.eu.auth0.com, or a full origin' });
    return z.NEVER;
  }
  const problem = originProblem(url);
  if (problem === undefined) return url.origin;
  context.addIssue({ code: 'custom', message: problem });
  return z.NEVER;
});

function originProblem(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'must not hold credentials';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'must be a host or origin without a path';
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return 'may be plain http only on loopback; use https';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be http or https';
  return undefined;
}

const httpUrl = text.transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const problem = httpUrlProblem(url);
  if (url !== undefined && problem === undefined) return url.origin;
  context.addIssue({ code: 'custom', message: problem ?? '' });
  return z.NEVER;
});

/** Only the origin is used: what else the URL says would be left out without a word. */
function httpUrlProblem(url: URL | undefined): string | undefined {
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    return 'must be an http(s) URL such as http://127.0.0.1:8123';
  if (url.username !== '' || url.password !== '')
    return 'must not hold credentials: use CLICKHOUSE_USER and CLICKHOUSE_PASSWORD';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'must be an origin without a path';
  return undefined;
}

const hostPort = text
  .regex(/^[^\s:/]+:\d{1,5}$|^\[[^\]]+\]:\d{1,5}$/, 'must be host:port such as 127.0.0.1:7233')
  .refine((value) => Number(value.slice(value.lastIndexOf(':') + 1)) <= 65535, 'must have a port up to 65535');
const name = text.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'may hold letters, digits and _ only');
const tenantName = text.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'may hold letters, digits, dot, dash and _ only');
const start = text.refine(
  (value) => value === 'oldest' || (/^\d{4}-\d\d-\d\d/.test(value) && parseInstant(value) !== undefined),
  'must be "oldest" or an ISO 8601 date such as 2026-01-31',
);
const names = text.transform((value) =>
  value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== ''),
);

const share = text.regex(/^(0(\.\d+)?|1(\.0+)?)$/, 'must be a share between 0 and 1').transform(Number);

const setting = <T>(definition: Setting<T>): Setting<T> => definition;

/** All settings, in the order in which `.env.example` shows them. */
export const SETTINGS = {
  domain: setting({
    name: 'AUTH0_DOMAIN',
    group: 'Auth0 tenant (unset: a tenant emulator is started)',
    description: 'Host of the tenant, or a full origin; plain http only on loopback',
    schema: origin,
  }),
  clientId: setting({
    name: 'AUTH0_CLIENT_ID',
    group: 'Auth0 tenant',
    description: 'Client id of a machine-to-machine application with read:users, read:clients and read:logs',
    schema: text,
  }),
  clientSecret: setting({
    name: 'AUTH0_CLIENT_SECRET',
    group: 'Auth0 tenant',
    description: 'Its client secret',
    secret: true,
    schema: text,
  }),
  audience: setting({
    name: 'AUTH0_AUDIENCE',
    group: 'Auth0 tenant',
    description:
      'Audience of the Management API; with a custom domain it stays https://<tenant>.<region>.auth0.com/api/v2/. Unset: https://<AUTH0_DOMAIN>/api/v2/',
    schema: text,
  }),
  tenant: setting({
    name: 'AUTH0_TENANT',
    group: 'Auth0 tenant',
    description: 'Name of the tenant in tables and workflow ids. Unset: made from AUTH0_DOMAIN',
    schema: tenantName,
  }),
  httpTimeout: setting({
    name: 'AUTH0_HTTP_TIMEOUT',
    group: 'Auth0 tenant',
    description: 'Longest wait for one answer of the API',
    default: '60',
    unit: 'seconds',
    schema: whole(1, 600),
  }),

  rateHeadroom: setting({
    name: 'AUTH0_RATE_HEADROOM',
    group: 'Auth0 tenant',
    description: "Share of the tenant's rate limit that is left free for its own traffic, 0 to 0.9",
    default: '0.2',
    schema: share.refine((value) => value <= 0.9, 'must be between 0 and 0.9'),
  }),
  maxRps: setting({
    name: 'AUTH0_MAX_RPS',
    group: 'Auth0 tenant',
    description: "Most requests to the API a second, whatever the tenant's limit. Unset: its limit is the only one",
    unit: 'requests a second',
    schema: text
      .regex(/^\d+(\.\d+)?$/, 'must be a number')
      .transform(Number)
      .refine((value) => value > 0, 'must be above 0'),
  }),

  temporalAddress: setting({
    name: 'TEMPORAL_ADDRESS',
    group: 'Temporal (unset: a development server is started)',
    description: 'Address of the Temporal server',
    schema: hostPort,
  }),
  temporalNamespace: setting({
    name: 'TEMPORAL_NAMESPACE',
    group: 'Temporal',
    description: 'Namespace of the workflows',
    default: 'default',
    schema: text,
  }),
  temporalTaskQueue: setting({
    name: 'TEMPORAL_TASK_QUEUE',
    group: 'Temporal',
    description: 'Task queue that the worker polls',
    default: TASK_QUEUE,
    schema: text,
  }),

  clickhouseUrl: setting({
    name: 'CLICKHOUSE_URL',
    group: 'ClickHouse (unset: an embedded one is started)',
    description: 'HTTP interface of the ClickHouse server',
    schema: httpUrl,
  }),
  clickhouseDatabase: setting({
    name: 'CLICKHOUSE_DATABASE',
    group: 'ClickHouse',
    description: 'Database of the tables',
    default: 'auth0',
    schema: name,
  }),
  clickhouseUser: setting({
    name: 'CLICKHOUSE_USER',
    group: 'ClickHouse',
    description: 'User of the ClickHouse server',
    default: 'default',
    schema: text,
  }),
  clickhousePassword: setting({
    name: 'CLICKHOUSE_PASSWORD',
    group: 'ClickHouse',
    description: "Its password; with docker-compose.yml without '<' and '&'",
    secret: true,
    schema: z.string(),
  }),
  clickhouseCluster: setting({
    name: 'CLICKHOUSE_CLUSTER',
    group: 'ClickHouse',
    description: 'Name of the cluster on which replicated tables are made. Unset: a single server',
    schema: name,
  }),

  logRetention: setting({
    name: 'AUTH0_LOG_RETENTION_DAYS',
    group: 'Extraction',
    description:
      'Days that the tenant keeps its logs: 1 Free and Starter, 5 Essentials, 10 Professional, 30 Enterprise. status warns before they are lost. Unset: unknown',
    unit: 'days',
    schema: text.regex(/^\d+(\.\d+)?$/, 'must be a number of days').transform(Number),
  }),
  logsOverlap: setting({
    name: 'LOGS_OVERLAP_SECONDS',
    group: 'Extraction',
    description: 'How far behind its cursor a run of logs looks again, for events that came late; 0: not at all',
    default: '30',
    unit: 'seconds',
    schema: whole(0, 3600),
  }),
  maxDeleteShare: setting({
    name: 'MAX_DELETE_SHARE',
    group: 'Extraction',
    description:
      'Share of all users or clients that one snapshot may mark as deleted; 100 always may. More waits for sync --accept-deletes',
    default: '0.2',
    schema: share,
  }),
  pagesPerActivity: setting({
    name: 'PAGES_PER_ACTIVITY',
    group: 'Extraction',
    description: 'Pages of 100 records that one activity fetches and inserts at once',
    default: '10',
    unit: 'pages, 1..50',
    schema: whole(1, 50),
  }),
  logsStart: setting({
    name: 'LOGS_START',
    group: 'Extraction',
    description: 'Where the first run of logs begins: "oldest" (the oldest kept log) or an ISO 8601 date',
    default: 'oldest',
    schema: start,
  }),
  snapshotInterval: setting({
    name: 'SNAPSHOT_INTERVAL',
    group: 'Extraction',
    description: 'How old the last full snapshot of users may be before a sync takes a new one',
    default: '24',
    unit: 'hours',
    schema: whole(0, 24 * 365),
  }),
  exportFields: setting({
    name: 'USERS_EXPORT_FIELDS',
    group: 'Extraction',
    description: 'Further user fields for the export job, e.g. root attributes of identity providers; comma separated',
    schema: names,
  }),

  logsInterval: setting({
    name: 'SCHEDULE_LOGS',
    group: 'Schedules',
    description: 'How often logs are extracted; 0: not scheduled',
    default: '60',
    unit: 'seconds',
    schema: whole(0, 24 * 3600),
  }),
  usersInterval: setting({
    name: 'SCHEDULE_USERS',
    group: 'Schedules',
    description: 'How often users are extracted in full; 0: not scheduled',
    default: '24',
    unit: 'hours',
    schema: whole(0, 24 * 365),
  }),
  clientsInterval: setting({
    name: 'SCHEDULE_CLIENTS',
    group: 'Schedules',
    description: 'How often clients are extracted; 0: not scheduled',
    default: '24',
    unit: 'hours',
    schema: whole(0, 24 * 365),
  }),

  dataDir: setting({
    name: 'DATA_DIR',
    group: 'One-command stack (npm start)',
    description: 'Folder of everything that the started parts keep',
    default: '.data',
    schema: text,
  }),
  temporalCliPath: setting({
    name: 'TEMPORAL_CLI_PATH',
    group: 'One-command stack',
    description: 'The temporal CLI to start the server with. Unset: looked for on PATH, in the cache, then fetched',
    schema: text,
  }),
  temporalPort: setting({
    name: 'TEMPORAL_PORT',
    group: 'One-command stack',
    description: 'Port of the started Temporal server; 0: any free one',
    default: '7233',
    schema: port,
  }),
  temporalUiPort: setting({
    name: 'TEMPORAL_UI_PORT',
    group: 'One-command stack',
    description: 'Port of its web UI; 0: any free one',
    default: '8233',
    schema: port,
  }),
  clickhousePort: setting({
    name: 'CLICKHOUSE_PORT',
    group: 'One-command stack',
    description: 'Port of the embedded ClickHouse; 0: any free one',
    default: '8123',
    schema: port,
  }),
  emulatorPort: setting({
    name: 'EMULATOR_PORT',
    group: 'One-command stack',
    description: 'Port of the tenant emulator; 0: any free one',
    default: '9400',
    schema: port,
  }),
  emulatorLogs: setting({
    name: 'EMULATOR_LOGS',
    group: 'One-command stack',
    description: 'Log events that the emulated tenant begins with',
    default: '20000',
    schema: whole(0, 100_000_000),
  }),
  emulatorUsers: setting({
    name: 'EMULATOR_USERS',
    group: 'One-command stack',
    description: 'Users that it begins with',
    default: '2500',
    schema: whole(0, 10_000_000),
  }),
  emulatorClients: setting({
    name: 'EMULATOR_CLIENTS',
    group: 'One-command stack',
    description: 'Clients that it begins with',
    default: '120',
    schema: whole(0, 100_000),
  }),
  emulatorSeed: setting({
    name: 'EMULATOR_SEED',
    group: 'One-command stack',
    description: 'Seed of its data: the same seed makes the same tenant',
    default: '1',
    schema: whole(0, 2 ** 31),
  }),

  shutdownGrace: setting({
    name: 'SHUTDOWN_GRACE',
    group: 'Worker',
    description: 'How long a stopping worker lets the pages and inserts in flight finish',
    default: '20',
    unit: 'seconds',
    schema: whole(0, 3600),
  }),
  logLevel: setting({
    name: 'LOG_LEVEL',
    group: 'Worker',
    description: 'Lowest level that the worker logs: trace, debug, info, warn or error',
    default: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error'], { error: 'must be trace, debug, info, warn or error' }),
  }),
};

export type SettingKey = keyof typeof SETTINGS;

/** Variables that only docker-compose.yml reads. */
export const COMPOSE_SETTINGS: readonly Setting[] = [
  {
    name: 'TEMPORAL_DB_PASSWORD',
    group: 'docker-compose.yml only',
    description: "Password of Temporal's own database",
    secret: true,
    schema: z.string(),
  },
];

/** The text of `.env.example`: every variable with its meaning, unit and default. */
export function renderEnvExample(): string {
  const lines = [
    '# Settings of auth0-clickhouse. Copy to .env and set what you need; the environment wins over the file.',
    '# An empty value counts as unset.',
  ];
  let group = '';
  for (const entry of [...Object.values(SETTINGS), ...COMPOSE_SETTINGS]) {
    const [heading] = entry.group.split(' (');
    if (heading !== group) {
      group = heading ?? '';
      lines.push('', `## ${entry.group}`);
    }
    const unit = entry.unit === undefined ? '' : ` [${entry.unit}]`;
    const standard = entry.default === undefined ? '' : ` Default: ${entry.default}`;
    lines.push('', `# ${entry.description}${unit}.${standard}`, `# ${entry.name}=${entry.default ?? ''}`);
  }
  return `${lines.join('\n')}\n`;
}
