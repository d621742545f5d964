import type { ClickHouseClient } from '@clickhouse/client';
import type { ManagementApi } from '../auth0/http.js';
import type { SnapshotStore } from '../clickhouse/snapshots.js';
import type { PipelineStore } from '../clickhouse/store.js';
import { ExtractError } from '../contracts/errors.js';
import type { TenantSettings } from '../config/config.js';
import type { Logger } from '../logger.js';
import type { Meter } from '../observability/meter.js';

/** A tenant as activities see it. */
export interface TenantAccess extends Pick<TenantSettings, 'resources' | 'extract'> {
  name: string;
  /** A client that counts its own requests; all share the tenant's token. */
  openApi(): ManagementApi;
}

/** Steps after which a crash must lose and double nothing. */
export type ActivityStep = 'fetched' | 'inserted' | 'checkpointed' | 'completing';

/** What activities need. Passed in, so that tests run them against any tenant and engine. */
export interface ActivityDeps {
  tenants: ReadonlyMap<string, TenantAccess>;
  clickhouse: ClickHouseClient;
  database: string;
  /** Id of the database that the worker has begun with; unset: it is not asked for. */
  databaseId?: string;
  store: PipelineStore;
  snapshots: SnapshotStore;
  /** Whether the namespace has the search attributes of runs registered; unset: it has not. */
  searchAttributes?: boolean;
  /** Where activities say what happened, and count it. Without them they are silent. */
  log?: Logger;
  meter?: Meter;
  /** More bytes than this are no page and no line of an export. Only tests set it: what is beyond takes its time. */
  maxPageBytes?: number;
  /** Told of each step of an activity that writes. Only the kill matrix listens: it ends the process right there. */
  reached?: (step: ActivityStep) => void;
}

/** The tenant of that name, or the only one where none is named. Throws ExtractError. */
export function tenantOf(deps: ActivityDeps, name: string | undefined): TenantAccess {
  const [only] = deps.tenants.values();
  const found = name === undefined ? (deps.tenants.size === 1 ? only : undefined) : deps.tenants.get(name);
  if (found) return found;
  const known = [...deps.tenants.keys()].join(', ');
  const problem = name === undefined ? 'Name a tenant' : `The worker knows no tenant "${name}"`;
  throw new ExtractError('Configuration', `${problem}; it is configured for: ${known}`);
}
