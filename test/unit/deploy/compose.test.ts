import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { COMPOSE_SETTINGS } from '../../../src/config/settings.js';
import {
  defaultImage,
  dependencyProblems,
  dockerStages,
  graceProblems,
  hardeningProblems,
  holders,
  imageProblems,
  interpolations,
  lifecycleProblems,
  portProblems,
  secretProblems,
  variableProblems,
  volumeProblems,
} from './checks.js';
import { readCompose, type Compose } from './compose-schema.js';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const source = read('docker-compose.yml');

const load = (text: string = source): Compose => readCompose(parse(text));
const compose = load();

/** The file with one piece of text changed, which must be there. */
function changed(from: string | RegExp, to: string): string {
  const text = source.replace(from, to);
  if (text === source) throw new Error(`docker-compose.yml holds no ${String(from)}`);
  return text;
}

describe('docker-compose.yml', () => {
  it('is a Compose file', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['postgres', 'temporal', 'temporal-ui', 'clickhouse', 'worker', 'schedules']),
    );
  });

  it.each([
    ['a misspelt key', changed('stop_grace_period: 1m', 'stop_grace_perid: 1m'), /stop_grace_perid/],
    ['a key of a health check', changed('start_period: 20s', 'start_perod: 20s'), /start_perod/],
    ['a key at the top', changed(/^volumes:$/m, 'volums:'), /volums/],
    ['a duration without unit', changed('interval: 5s', 'interval: 5'), /interval/],
    ['an unknown condition', changed('condition: service_healthy', 'condition: service_ready'), /condition/],
    ['a number where a string belongs', changed("DB_PORT: '5432'", 'DB_PORT: 5432'), /DB_PORT/],
    ['no restart policy', changed('    restart: unless-stopped\n', ''), /restart/],
  ])('refuses %s', (_, text, message) => {
    expect(() => load(text)).toThrow(message);
  });

  it('pins every image', () => {
    expect(imageProblems(compose)).toEqual([]);
  });

  it.each([
    ['latest', 'postgres:latest'],
    ['no tag', 'postgres'],
    ['a major version only', 'postgres:16'],
    ['a variable in its tag', 'postgres:${POSTGRES_VERSION:-16.15}'],
  ])('sees an image with %s', (_, image) => {
    expect(imageProblems(load(changed(/postgres:16\.\d+/, image)))).toEqual([expect.stringContaining('postgres')]);
  });

  it('lets every image be pinned by digest', () => {
    const digest = `postgres:16.15@sha256:${'0'.repeat(64)}`;
    expect(imageProblems(load(changed('postgres:16.15', digest)))).toEqual([]);
    expect(imageProblems(load(changed("'${POSTGRES_IMAGE:-postgres:16.15}'", 'postgres:16.15')))).toEqual([
      'postgres: postgres:16.15 is not a variable',
    ]);
    const shown = new Set(COMPOSE_SETTINGS.map(({ name, default: image }) => `\${${name}:-${image}}`));
    const images = Object.values(compose.services).map(({ image }) => image);
    const node = compose.services['worker']?.build?.args?.['NODE_IMAGE'] ?? '';
    expect([...images, node].filter((image) => image.startsWith('$') && !shown.has(image))).toEqual([]);
    expect(defaultImage(node)).toBe(dockerStages(read('Dockerfile'))[0]?.image);
  });

  it('bounds every service', () => {
    expect(hardeningProblems(compose)).toEqual([]);
  });

  it.each([
    ['no user', /( {4}user: postgres\n)/, '', 'may run as root'],
    ['root', 'user: postgres', 'user: root', 'may run as root'],
    ['root by its number', 'user: postgres', "user: '0:0'", 'may run as root'],
    ['a writable file system', '    read_only: true\n', '', 'no read_only'],
    ['two minds', '    read_only: true\n', '    read_only: true\n    x-writable: why\n', 'no read_only'],
    ['no /tmp', '      - /run/postgresql\n      - /tmp\n', '      - /run/postgresql\n', 'no /tmp'],
    ['capabilities', '    cap_drop:\n      - ALL\n', '', 'keeps capabilities'],
    ['a few capabilities', '    cap_drop:\n      - ALL\n', '    cap_drop:\n      - NET_RAW\n', 'keeps capabilities'],
    ['setuid programs', '    security_opt:\n      - no-new-privileges:true\n', '', 'can gain privileges'],
    ['endless memory', '    mem_limit: 1g\n', '', 'no limit of memory'],
    ['all processors', "    cpus: '1'\n", '', 'no limit of processors'],
    ['endless processes', '    pids_limit: 512\n', '', 'no limit of processes'],
  ])('sees a service with %s', (_, from, to, problem) => {
    expect(hardeningProblems(load(changed(from, to)))).toEqual([expect.stringContaining(`postgres: ${problem}`)]);
  });

  it('sees a new service without bounds', () => {
    const text = source.replace(/^services:$/m, 'services:\n  another:\n    image: alpine:3.22\n    restart: always');
    expect(hardeningProblems(load(text))).toHaveLength(7);
  });

  it('gives Grafana a user of its own, who can only read', () => {
    expect(holders(compose, 'GRAFANA_PASSWORD')).toEqual(['clickhouse', 'grafana']);
    expect(holders(compose, 'CLICKHOUSE_PASSWORD')).toEqual(['clickhouse', 'worker', 'schedules']);
    expect(holders(compose, 'TEMPORAL_DB_PASSWORD')).toEqual(['postgres', 'temporal-schema', 'temporal']);
    // The worker's env_file brings them in: they are taken back.
    for (const name of ['worker', 'schedules']) {
      expect(compose.services[name]?.environment).toMatchObject({ GRAFANA_PASSWORD: '', TEMPORAL_DB_PASSWORD: '' });
    }
    expect(compose.services['clickhouse']?.environment?.['GRAFANA_GRANT']).toBe(
      'GRANT SELECT ON `${CLICKHOUSE_DATABASE:-auth0}`.*',
    );
    const users = read('deploy/clickhouse/grafana.xml');
    expect(users).toMatch(/<readonly>[12]<\/readonly>/);
    expect(users).toMatch(/<password from_env="GRAFANA_PASSWORD"\/>/);
    expect(users.match(/<grants>[^]*<\/grants>/)?.[0].match(/<query/g)).toHaveLength(1);
    expect(users).toMatch(/<query from_env="GRAFANA_GRANT"\/>/);
    // ClickHouse takes no grants beside any of these.
    expect(users).not.toMatch(/<(access_management|allow_databases|dictionaries|named_collection_control)/);
    for (const limit of ['max_execution_time', 'max_memory_usage', 'max_result_rows']) {
      expect(users).toMatch(new RegExp(`<constraints>[^]*<${limit}>\\s*<min>1</min>\\s*<max>`));
    }
    const source = z
      .object({
        datasources: z.array(
          z.looseObject({
            type: z.string(),
            jsonData: z.looseObject({}),
            secureJsonData: z.looseObject({}).optional(),
          }),
        ),
      })
      .parse(parse(read('deploy/grafana/provisioning/datasources/auth0-clickhouse.yml')));
    const clickhouse = source.datasources.find(({ type }) => type === 'grafana-clickhouse-datasource');
    expect(clickhouse).toMatchObject({
      jsonData: { username: 'grafana' },
      secureJsonData: { password: '${GRAFANA_PASSWORD}' },
    });
  });

  it('names our image after the version of the package', () => {
    const manifest: unknown = JSON.parse(read('package.json'));
    expect(manifest).toMatchObject({ version: compose.services['worker']?.build?.args?.['VERSION'] });
    expect(manifest).toMatchObject({ version: compose.services['worker']?.image.split(':')[1] });
    expect(compose.services['schedules']?.image).toBe(compose.services['worker']?.image);
  });

  it('runs one version of Temporal and of its tools', () => {
    const versions = Object.values(compose.services)
      .map(({ image }) => /^temporalio\/(?:server|admin-tools):(.*)$/.exec(defaultImage(image))?.[1])
      .filter((version) => version !== undefined);
    expect(versions).toHaveLength(3);
    expect(new Set(versions)).toHaveProperty('size', 1);
  });

  it('probes every service, or says why it ends', () => {
    expect(lifecycleProblems(compose)).toEqual([]);
  });

  it.each([
    ['no health check', /(?<=nofile:[^]*?)\n {4}healthcheck:[^]*?(?=\n {4}logging)/, '', 'clickhouse: no health check'],
    ['no restart', 'restart: unless-stopped', 'restart: on-failure:5', 'postgres: not restarted'],
    ['an endless one-shot', 'restart: on-failure:5', 'restart: always', 'temporal-schema: one-shot that never ends'],
  ])('sees a service with %s', (_, from, to, problem) => {
    expect(lifecycleProblems(load(changed(from, to)))).toEqual([expect.stringContaining(problem)]);
  });

  it('publishes on loopback only', () => {
    expect(portProblems(compose)).toEqual([]);
    expect(Object.values(compose.services).flatMap(({ ports = [] }) => ports)).not.toEqual([]);
  });

  it.each(['8123:8123', '0.0.0.0:8123:8123', '8123'])('sees port %s', (port) => {
    expect(portProblems(load(changed('127.0.0.1:8123:8123', port)))).toEqual([expect.stringContaining(port)]);
  });

  it('waits for conditions that can be fulfilled', () => {
    expect(dependencyProblems(compose)).toEqual([]);
    expect(Object.keys(compose.services['worker']?.depends_on ?? {})).toEqual(
      expect.arrayContaining(['temporal', 'temporal-namespace', 'clickhouse']),
    );
  });

  it.each([
    ['no such service', /temporal-namespace:\n {8}condition/, 'namespace:\n        condition', 'does not exist'],
    ['no health check', /worker:\n {8}condition/, 'temporal-schema:\n        condition', 'no health check'],
    ['too little', 'condition: service_healthy', 'condition: service_started', 'not to be ready'],
    [
      'an end that never comes',
      /(?<=worker:\n {8}condition: )service_healthy/,
      'service_completed_successfully',
      'which runs for good',
    ],
  ])('sees a dependency on %s', (_, from, to, problem) => {
    expect(dependencyProblems(load(changed(from, to)))).toEqual([expect.stringContaining(problem)]);
  });

  it('mounts files that exist, read-only, and declares its volumes', () => {
    expect(volumeProblems(compose)).toEqual([]);
    const files = Object.values(compose.services)
      .flatMap(({ volumes = [] }) => volumes)
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((path) => path.startsWith('./'));
    expect(files).not.toEqual([]);
    // Docker makes an empty folder where a mounted file is missing, and the server then fails on that.
    expect(files.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });

  it.each([
    ['server.xml:ro', 'auth0-clickhouse.xml:ro', 'auth0-clickhouse.xml', 'mounted writable'],
    ['an undeclared volume', 'clickhouse-data:/var', 'clickhouse:/var', 'not among the volumes'],
  ])('sees a mount: %s', (_, from, to, problem) => {
    expect(volumeProblems(load(changed(from, to)))).toEqual([expect.stringContaining(problem)]);
  });

  it('lets the worker end its activities before it is killed', () => {
    expect(graceProblems(compose)).toEqual([]);
    expect(compose.services['worker']?.init).toBe(true);
    const worker = /(?<=let activities end\.|letting activities end\.)\n {4}stop_grace_period: 30s/;
    expect(graceProblems(load(changed(worker, '\n    stop_grace_period: 20s')))).toHaveLength(1);
    expect(graceProblems(load(changed(worker, '')))).toHaveLength(1);
  });

  it('interpolates only what .env.example explains', () => {
    expect(interpolations(compose)).not.toEqual([]);
    // No fallback: without the file nobody knows what to set, so its absence fails this test.
    expect(variableProblems(compose, read('.env.example'))).toEqual([]);
  });

  it('sees a variable that .env.example does not hold', () => {
    const names = [...new Set(interpolations(compose).map(({ name }) => name))];
    const example = names.map((name) => `${name}=`).join('\n');
    expect(variableProblems(compose, example)).toEqual([]);
    expect(variableProblems(compose, example.replace('AUTH0_AUDIENCE=', '# AUTH0_AUDIENCE='))).toEqual([]);
    expect(variableProblems(compose, example.replace('AUTH0_AUDIENCE=', ''))).toEqual([
      'AUTH0_AUDIENCE is not in .env.example',
    ]);
  });

  it('reads interpolation as Compose does', () => {
    expect(interpolations(['${A}', { b: 'x-$B_1/${C:-d}${E:?no "E" here}' }, '$$F $${G} $', 7, null])).toEqual([
      { name: 'A', operator: '' },
      { name: 'B_1', operator: '' },
      { name: 'C', operator: ':-' },
      { name: 'E', operator: ':?' },
    ]);
  });

  it('takes secrets from the environment only', () => {
    expect(secretProblems(compose)).toEqual([]);
  });

  it.each([
    ['written out', /'\$\{TEMPORAL_DB_PASSWORD:[^']*'/, 'temporal', 'POSTGRES_PASSWORD is written out'],
    ['with a default', '${CLICKHOUSE_PASSWORD:?', '${CLICKHOUSE_PASSWORD:-', 'CLICKHOUSE_PASSWORD is a secret'],
    [
      'with another default than none',
      '${AUTH0_CLIENT_SECRET:-}',
      '${AUTH0_CLIENT_SECRET:-x}',
      'AUTH0_CLIENT_SECRET is w',
    ],
    ['that is a key', 'CLICKHOUSE_URL: http', 'AUTH0_PRIVATE_KEY: http', 'AUTH0_PRIVATE_KEY is written out'],
    ['in the image', 'VERSION: 0.1.0', "KEY: '${AUTH0_CLIENT_ID}'", 'AUTH0_CLIENT_ID goes into the image'],
  ])('sees a secret %s', (_, from, to, problem) => {
    expect(secretProblems(load(changed(from, to)))).toContainEqual(expect.stringContaining(problem));
  });

  it('gives the worker what it cannot run without', () => {
    for (const name of ['worker', 'schedules']) {
      expect(compose.services[name]?.environment).toMatchObject({
        AUTH0_DOMAIN: expect.stringContaining(':?'),
        AUTH0_CLIENT_ID: expect.stringContaining(':?'),
        AUTH0_CLIENT_SECRET: '${AUTH0_CLIENT_SECRET:-}',
        AUTH0_AUDIENCE: '${AUTH0_AUDIENCE:-}',
        TEMPORAL_ADDRESS: 'temporal:7233',
        TEMPORAL_NAMESPACE: '${TEMPORAL_NAMESPACE:-default}',
        CLICKHOUSE_URL: 'http://clickhouse:8123',
        CLICKHOUSE_USER: expect.stringContaining(':?'),
        CLICKHOUSE_PASSWORD: expect.stringContaining(':?'),
        CLICKHOUSE_DATABASE: '${CLICKHOUSE_DATABASE:-auth0}',
      });
    }
  });
});
