import type { EmulatorContext } from './context.js';
import type { EmulatorRequest, Reply } from './exchange.js';
import { FAULT_ROUTES, type FaultRoute } from './faults.js';
import * as admin from './routes/admin.js';
import { dumpIds, dumpTexts } from './routes/admin-dump.js';
import { listClients } from './routes/clients.js';
import { createExport, downloadExport, getJob, getJobErrors } from './routes/jobs.js';
import { getLog, listLogs } from './routes/logs.js';
import { changeObjects, dumpObjects, readObjects } from './routes/objects.js';
import { discovery, issueToken } from './routes/token.js';
import { getUser, listUsers } from './routes/users.js';
import { decodePart } from './objects/endpoint.js';
import type { Tenant } from './tenant.js';

/** Handles a request; `scopes` are those of its token, none on routes without one. */
export type Handler = (context: EmulatorContext, request: EmulatorRequest, scopes: ReadonlySet<string>) => Reply;

/** One route. */
export interface Route {
  /** Name in the stats and in fault rules. */
  readonly name: FaultRoute | 'discovery' | 'admin';
  readonly method: string;
  readonly handle: Handler;
  /** Scopes of which a token must hold one; no token is asked for when absent. */
  readonly anyScope?: readonly string[];
}

/** Finds routes. */
export interface Router {
  /** The route of a request, with the decoded `{...}` parts of its path. */
  find(method: string, path: string): { readonly route: Route; readonly parameters: readonly string[] } | undefined;
}

/** Makes the router of all that the emulator serves. */
export function createRouter({ objects }: Pick<Tenant, 'objects'>): Router {
  const exact = new Map<string, Route>();
  const patterns: { readonly method: string; readonly pattern: RegExp; readonly route: Route }[] = [];

  function add(name: Route['name'], method: string, path: string, handle: Handler, anyScope?: readonly string[]): void {
    const route: Route = anyScope === undefined ? { name, method, handle } : { name, method, handle, anyScope };
    if (!path.includes('{')) {
      exact.set(`${method} ${path}`, route);
      return;
    }
    const source = path.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '([^/]+)');
    patterns.push({ method, pattern: new RegExp(`^${source}$`), route });
  }

  /** Lists of objects are looked up at each request: tests add some while the tenant runs. */
  function objectRoute(path: string): { route: Route; parameters: readonly string[] } | undefined {
    const endpoint = objects.endpointOf(path)?.endpoint;
    if (endpoint === undefined) return undefined;
    const name = FAULT_ROUTES.find((known) => known === endpoint.name) ?? 'objects';
    return { route: { name, method: 'GET', handle: readObjects, anyScope: endpoint.anyScope }, parameters: [] };
  }

  const readUsers = ['read:users'];
  const readJobs = ['create:users', 'read:users'];
  const readClients = ['read:clients', 'read:client_keys', 'read:client_credentials'];
  const readLogs = ['read:logs', 'read:logs_users'];
  add('token', 'POST', '/oauth/token', issueToken);
  add('discovery', 'GET', '/.well-known/openid-configuration', discovery);
  add('users', 'GET', '/api/v2/users', listUsers, readUsers);
  add('user', 'GET', '/api/v2/users/{id}', getUser, readUsers);
  add('users-exports', 'POST', '/api/v2/jobs/users-exports', createExport, readUsers);
  add('job', 'GET', '/api/v2/jobs/{id}', getJob, readJobs);
  add('job', 'GET', '/api/v2/jobs/{id}/errors', getJobErrors, readJobs);
  add('download', 'GET', '/_export/{job}/{file}', downloadExport);
  add('clients', 'GET', '/api/v2/clients', listClients, readClients);
  add('logs', 'GET', '/api/v2/logs', listLogs, readLogs);
  add('log', 'GET', '/api/v2/logs/{id}', getLog, readLogs);
  add('admin', 'GET', '/_emulator/stats', admin.readStats);
  add('admin', 'POST', '/_emulator/stats/reset', admin.resetStats);
  add('admin', 'POST', '/_emulator/logs', admin.appendLogs);
  add('admin', 'POST', '/_emulator/users', admin.changeUsers);
  add('admin', 'POST', '/_emulator/clients', admin.changeClients);
  add('admin', 'GET', '/_emulator/objects', dumpObjects);
  add('admin', 'POST', '/_emulator/objects', changeObjects);
  add('admin', 'GET', '/_emulator/ids/{resource}', dumpIds);
  add('admin', 'GET', '/_emulator/raw/{resource}', dumpTexts);
  add('admin', 'GET', '/_emulator/faults', admin.readFaults);
  add('admin', 'POST', '/_emulator/faults', admin.addFaults);
  add('admin', 'DELETE', '/_emulator/faults', admin.clearFaults);
  add('admin', 'GET', '/_emulator/config', admin.readSettings);
  add('admin', 'POST', '/_emulator/config', admin.changeSettings);

  return {
    find(method, path) {
      const known = exact.get(`${method} ${path}`);
      if (known !== undefined) return { route: known, parameters: [] };
      for (const { method: wanted, pattern, route } of patterns) {
        const match = wanted === method ? pattern.exec(path) : null;
        if (match !== null) return { route, parameters: match.slice(1).map(decodePart) };
      }
      return method === 'GET' ? objectRoute(path) : undefined;
    },
  };
}
