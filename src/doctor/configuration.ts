import type { Config } from '../config/config.js';
import { describeUnknown, type UnknownVariable } from '../config/unknown.js';
import { type Check, fail, ok, warn } from './check.js';

/** The settings as they were read. `running`: a stack of `npm start` runs on the data folder. */
export function checkConfiguration(
  config: Config,
  running: boolean,
  unknown: readonly UnknownVariable[] = [],
): Check[] {
  const { tenants, temporal, clickhouse, stack } = config;
  const known = [
    tenants.length === 0
      ? null
      : `${tenants.length === 1 ? 'tenant' : 'tenants'} ${tenants.map(({ name }) => name).join(', ')}`,
    temporal.address === null ? null : `Temporal at ${temporal.address}`,
    clickhouse.url === null ? null : `ClickHouse at ${clickhouse.url}`,
    running ? `a stack that runs on ${stack.dataDir}` : null,
  ].filter((part) => part !== null);
  if (known.length === 0)
    return [
      fail(
        'settings',
        'nothing is configured, and nothing is running here',
        'Start it with npm start, or set AUTH0_DOMAIN (or tenants.yaml), TEMPORAL_ADDRESS and CLICKHOUSE_URL.',
      ),
    ];
  return [ok('settings', known.join('; ')), ...unknown.map((one) => misnamed(one)), ...unencrypted(config)];
}

function misnamed(variable: UnknownVariable): Check {
  return warn('settings', describeUnknown(variable), 'Correct its name, or take it away: it has no effect.');
}

/** A server elsewhere that is asked without TLS shows the password, and people's data, to whoever listens in between. */
function unencrypted({ clickhouse: { url, password } }: Config): Check[] {
  if (url === null || password === '' || new URL(url).protocol === 'https:') return [];
  const { hostname } = new URL(url);
  // A name without a dot is one of this machine or of a private network, as in docker-compose.yml.
  if (/^(127\.|\[::1\]$|10\.|192\.168\.)/.test(hostname) || !hostname.includes('.')) return [];
  return [
    warn(
      'encryption',
      `${url} is asked without TLS`,
      'Use https in CLICKHOUSE_URL: the password goes over the network.',
    ),
  ];
}

/** Settings that cannot be read, each with its name in it. */
export function brokenConfiguration(problems: readonly string[]): Check[] {
  return problems.map((problem) =>
    fail('settings', problem, 'Correct the setting: docs/configuration.md explains them all.'),
  );
}
