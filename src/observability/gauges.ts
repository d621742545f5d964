import type { TenantConfig } from '../config/config.js';
import { staleness } from '../contracts/stale.js';
import { resourceIntervalMs } from '../temporal/wanted.js';
import type { Metrics } from './metrics.js';
import type { CopyState } from './state.js';

/** What the settings say about a tenant's copy: by it silence is told from rest. */
export type WatchedTenant = Pick<TenantConfig, 'name' | 'resources' | 'schedules'> & {
  extract: Pick<TenantConfig['extract'], 'logRetentionMs'>;
};

/** The gauges of the copy's state, brought up to date before a scrape. */
export interface StateGauges {
  /** Never rejects: what cannot be read is counted, and its gauges are missing from this scrape. */
  refresh(): Promise<void>;
}

/** ClickHouse is asked at most so often, however many scrape, ms. */
const KEEP_MS = 15_000;

/**
 * Creates the gauges of the copy's state. Ages are counted from `now` at every scrape; what they are counted from is
 * read again when it is older than 15 s. A read that fails takes the gauges away: old values would look like good ones.
 */
export function createStateGauges(options: {
  metrics: Metrics;
  read: () => Promise<CopyState[]>;
  tenants: readonly WatchedTenant[];
  /** Told why ClickHouse could not be read. */
  onError: (error: unknown) => void;
  now?: () => number;
}): StateGauges {
  const { metrics, read, tenants, onError, now = Date.now } = options;
  const { build: _, ...gauges } = metrics.gauges;
  const startedAt = now();
  let states: CopyState[] = [];
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;

  const readAgain = async (): Promise<void> => {
    try {
      states = await read();
      readAt = now();
    } catch (error) {
      states = [];
      readAt = -Infinity;
      metrics.stateReadFailed('clickhouse');
      onError(error);
    }
  };
  const show = (state: CopyState, time: number): void => {
    const { tenant, resource } = state;
    const labels = { tenant, resource };
    const watched = tenants.find(({ name }) => name === tenant);
    if (!watched?.resources.includes(resource)) return;
    const intervalMs = resourceIntervalMs(watched.schedules, resource);
    const seconds = (since: number) => Math.max(0, time - since) / 1000;
    gauges.rowsStored.set(labels, state.rows);
    gauges.gaps.set(labels, state.gaps);
    const known = Math.max(state.goodBegan ?? 0, resource === 'logs' ? (state.cursorAt ?? 0) : 0);
    if (known > 0) gauges.lag.set(labels, seconds(known));
    if (state.goodEnded !== null) gauges.lastGood.set(labels, state.goodEnded / 1000);
    if (resource === 'logs') {
      const { logRetentionMs: retentionMs } = watched.extract;
      if (known > 0) gauges.cursorAge.set({ tenant }, seconds(known));
      if (retentionMs !== null) gauges.retention.set({ tenant }, retentionMs / 1000);
    }
    if (intervalMs === null) return;
    const { stale } = staleness({
      everyMs: intervalMs,
      lastGoodRunEndedAt: state.goodEnded,
      // Temporal is not asked here: a schedule that is not there makes no good runs.
      scheduleExists: true,
      paused: false,
      createdAt: state.goodEnded === null ? (state.firstRun ?? startedAt) : null,
      now: time,
    });
    gauges.interval.set(labels, intervalMs / 1000);
    gauges.stale.set(labels, stale ? 1 : 0);
  };

  return {
    async refresh() {
      if (now() - readAt >= KEEP_MS) {
        reading ??= readAgain().finally(() => {
          reading = undefined;
        });
        await reading;
      }
      for (const gauge of Object.values(gauges)) gauge.reset();
      for (const state of states) show(state, now());
    },
  };
}
