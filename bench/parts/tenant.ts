import { join } from 'node:path';
import { z } from 'zod';
import { spawnChild } from '../../src/embedded/child-process.js';
import { emulatorDefaults } from '../../src/emulator/main.js';
import { bareEnvironment } from './environment.js';
import { built } from './paths.js';
import type { Watched } from './process-use.js';
import type { Scope } from './scope.js';
import { readyLine } from './stack.js';

/** How an emulated tenant begins. */
export interface TenantSize {
  logs?: number;
  users?: number;
  clients?: number;
  /** Limit of its API; none when absent. */
  rate?: { requestsPerSecond: number; burst: number };
}

/** Requests and tokens since the last reset. */
export interface TenantStats {
  requests: number;
  tokens: number;
}

/** An emulated tenant in a process of its own. */
export interface Tenant {
  origin: string;
  watched: Watched;
  admin(path: string, body?: unknown): Promise<unknown>;
  resetStats(): Promise<void>;
  stats(): Promise<TenantStats>;
}

/** Routes that are no requests to the Management API. */
const OTHER_ROUTES: ReadonlySet<string> = new Set(['token', 'discovery', 'download', 'unknown']);

const statsSchema = z.object({
  requests: z.record(z.string(), z.record(z.string(), z.number())),
  tokensMinted: z.number(),
});

/** Starts an emulated tenant whose export jobs are done at once. */
export async function startTenant(scope: Scope, folder: string, size: TenantSize): Promise<Tenant> {
  const { logs = 0, users = 0, clients = 0, rate } = size;
  const child = await spawnChild({
    name: 'The tenant',
    command: process.execPath,
    args: [
      ...[built('client.js'), 'emulate', '--json', '--port', '0', '--seed', '1'],
      ...['--logs', String(logs), '--users', String(users), '--clients', String(clients)],
      ...(rate ? ['--rps', String(rate.requestsPerSecond), '--burst', String(rate.burst)] : []),
    ],
    env: bareEnvironment(),
    cwd: folder,
    logFile: join(folder, 'logs', 'tenant.log'),
  });
  scope.defer(() => child.stop(2_000));
  const { origin } = await readyLine(child, z.object({ event: z.literal('ready'), origin: z.string() }));
  const admin = async (path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${origin}/_emulator/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`the tenant answered ${path} with ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  await admin('config', { exportJobMs: 0 });
  return {
    origin,
    watched: { name: 'tenant', pid: child.pid },
    admin,
    async resetStats() {
      await admin('stats/reset', {});
    },
    async stats() {
      const { requests, tokensMinted } = statsSchema.parse(await admin('stats'));
      const byRoute = Object.entries(requests).filter(([route]) => !OTHER_ROUTES.has(route));
      const sum = byRoute.flatMap(([, byStatus]) => Object.values(byStatus)).reduce((total, n) => total + n, 0);
      return { requests: sum, tokens: tokensMinted };
    },
  };
}

/** Settings of the program that point at a tenant; its credentials are the emulator's public ones. */
export function tenantSettings(tenant: Tenant, name: string): Record<string, string> {
  return {
    AUTH0_DOMAIN: tenant.origin,
    AUTH0_CLIENT_ID: emulatorDefaults.clientId,
    AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
    AUTH0_TENANT: name,
  };
}
