import type { Server } from 'node:http';

import type { EmulatorContext } from './context.js';
import { ExportJobs } from './export-jobs.js';
import { FaultSwitch } from './fault-switch.js';
import { resolveOptions, type EmulatorOptions } from './options.js';
import { createEmulatorServer } from './server.js';
import { StatsCounter, type EmulatorStats } from './stats.js';
import { Tenant } from './tenant.js';
import { TokenIssuer } from './tokens.js';
import { UserSearch } from './user-search.js';

/** A running tenant. */
export interface Emulator {
  /** Where it is served, as `http://127.0.0.1:49152`. */
  readonly origin: string;
  readonly port: number;
  /** Name of the tenant. */
  readonly tenant: string;
  /** What it has met since its start or the last reset. */
  readonly stats: () => EmulatorStats;
  /** Ends live production, stores the tenant, cuts all connections and frees the port. */
  readonly close: () => Promise<void>;
}

/**
 * Starts an emulated tenant. Rejects with an Error that names the port when it is in use, that names the state file when it is
 * not one of ours, and with a RangeError for options that cannot be.
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const resolved = resolveOptions(options);
  const tenant = new Tenant(resolved);
  const context: EmulatorContext = {
    options: resolved,
    tenant,
    userSearch: new UserSearch(tenant.users),
    tokens: new TokenIssuer(tenant.seed),
    jobs: new ExportJobs(),
    stats: new StatsCounter(),
    faults: new FaultSwitch(tenant.seed),
    settings: resolved.settings,
  };
  const server = createEmulatorServer(context);
  const port = await listen(server, resolved.port, resolved.host);
  tenant.save();
  let closing: Promise<void> | undefined;
  return {
    origin: `http://${resolved.host.includes(':') ? `[${resolved.host}]` : resolved.host}:${port}`,
    port,
    tenant: resolved.tenant,
    stats: () => context.stats.snapshot,
    close: () => (closing ??= close(server, () => tenant.close(Math.floor(resolved.clock())))),
  };
}

async function close(server: Server, store: () => void): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  store();
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
      reject(new Error(`The tenant emulator cannot listen on port ${port} of ${host}: ${reason}.`, { cause: error }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
