import type { ClickHouseClient } from '@clickhouse/client';
import type { ManagementApi } from '../auth0/http.js';
import type { PipelineStore } from '../clickhouse/store.js';
import type { ResourceName } from '../contracts/names.js';
import type { Retry } from './retry.js';

/** What a verification needs. Passed in, so that tests run it against any tenant and engine. */
export interface VerifyDeps {
  tenant: string;
  api: ManagementApi;
  clickhouse: ClickHouseClient;
  database: string;
  store: Pick<PipelineStore, 'readCheckpoint' | 'newestLog' | 'destination' | 'addBeyond'>;
  /** Fields that a users export names beside those of `EXPORT_FIELDS`. */
  exportFields: readonly string[];
  retry: Retry;
  /** Told now and then how many records of a resource have been read from the tenant. */
  progress(resource: ResourceName, read: number): void;
  signal: AbortSignal;
}

/** How one resource is verified. */
export interface VerifyTask {
  /** Logs taken in from this instant (inclusive) to that one (exclusive), ms since 1970; null: no bound. */
  window: { from: number | null; to: number | null };
  /** Store what is missing or different. Null: only look. */
  repairRunId: string | null;
  /** Ids kept of each kind of difference. */
  limit: number;
}
