import { connect } from 'node:net';
import { checkIsClickHouse, openClickHouse } from '../clickhouse/client.js';
import type { Config } from '../config/config.js';
import { retryUntilUp } from '../retry-until-up.js';
import { connectTemporal } from '../temporal/connect.js';
import { CommandError } from './failure.js';
import { refuseOldClickHouse } from './old-clickhouse.js';

/** How long something that refuses connections may take to come up. */
const PATIENCE_MS = 5_000;

/**
 * Checks the configured servers before anything is started: a mistyped one should not cost eight attempts. The tenant
 * is only connected to, nothing is sent. Throws CommandError with every host that cannot be reached, ExtractError for
 * a server that is not what it should be. One of several tenants that is away does not hold the others up.
 */
export async function checkServers(config: Config): Promise<void> {
  await refuseOldClickHouse(config);
  const [tenant] = config.tenants.length === 1 ? config.tenants : [];
  const targets = [
    tenant && { variable: 'The domain (AUTH0_DOMAIN, or tenants.yaml)', ...hostAndPort(tenant.credentials.origin) },
    config.clickhouse.url && { variable: 'CLICKHOUSE_URL', ...hostAndPort(config.clickhouse.url) },
    config.temporal.address && { variable: 'TEMPORAL_ADDRESS', ...hostAndPort(`http://${config.temporal.address}`) },
  ].filter((target) => target !== undefined && target !== null && target !== '');
  const problems = await Promise.all(targets.map((target) => problemOf(target)));
  const found = problems.filter((problem) => problem !== null);
  if (found.length > 0) throw new CommandError(found.join('\n'));

  const { address } = config.temporal;
  if (address !== null) await (await connectTemporal({ ...config.temporal, address })).close();
  const { url } = config.clickhouse;
  if (url !== null) {
    const client = openClickHouse({ ...config.clickhouse, url });
    try {
      await checkIsClickHouse(client, url);
    } finally {
      await client.close();
    }
  }
}

interface Target {
  variable: string;
  host: string;
  port: number;
}

function hostAndPort(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) || (protocol === 'http:' ? 80 : 443) };
}

async function problemOf({ variable, host, port }: Target): Promise<string | null> {
  try {
    await retryUntilUp(() => tryConnect(host, port), {
      forMs: PATIENCE_MS,
      say: () => {},
      isFinal: (error) => codeOf(error) === 'ENOTFOUND',
    });
    return null;
  } catch (error) {
    return `${variable}: ${host}:${port} cannot be reached (${REASONS[codeOf(error)] ?? codeOf(error)})`;
  }
}

const REASONS: Record<string, string> = {
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name could not be looked up',
  ECONNREFUSED: 'the connection was refused: nothing listens there',
  ETIMEDOUT: 'no answer',
};

function tryConnect(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 3_000 });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    socket.once('error', reject);
  });
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
