import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config.js';
import { createStateGauges, type WatchedTenant } from '../../../src/observability/gauges.js';
import { createMetrics } from '../../../src/observability/metrics.js';
import type { CopyState } from '../../../src/observability/state.js';

const tenant: WatchedTenant = {
  name: 'acme',
  resources: ['logs', 'users'],
  schedules: parseConfig({ SCHEDULE_USERS: 'off', SCHEDULE_USERS_CHANGED: 'off', SCHEDULE_CLIENTS: '1m' }).defaults
    .schedules,
  extract: { logRetentionMs: 86_400_000 },
};
const logs: CopyState = {
  tenant: 'acme',
  resource: 'logs',
  rows: 42,
  gaps: 2,
  cursorAt: 1_000_000,
  goodBegan: 990_000,
  goodEnded: 995_000,
  firstRun: 10_000,
};

/** Gauges over a read and a clock that the test moves. */
function lab(first: CopyState[]) {
  let now = 1_010_000;
  let answer: CopyState[] | Error = first;
  let reads = 0;
  const errors: unknown[] = [];
  const metrics = createMetrics('0');
  const gauges = createStateGauges({
    metrics,
    tenants: [tenant],
    now: () => now,
    onError: (error) => errors.push(error),
    async read() {
      reads++;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return {
    gauges,
    errors,
    reads: () => reads,
    answer: (next: CopyState[] | Error) => (answer = next),
    pass: (ms: number) => (now += ms),
    async lines() {
      await gauges.refresh();
      const text = await metrics.registry.metrics();
      return text.split('\n').filter((line) => line.startsWith('auth0_clickhouse_') && line.includes('tenant='));
    },
  };
}

describe('the gauges of the state', () => {
  it('tell ages in seconds, and compare with what is expected', async () => {
    expect(await lab([logs]).lines()).toEqual([
      'auth0_clickhouse_lag_seconds{tenant="acme",resource="logs"} 10',
      'auth0_clickhouse_cursor_age_seconds{tenant="acme"} 10',
      'auth0_clickhouse_retention_seconds{tenant="acme"} 86400',
      'auth0_clickhouse_rows_stored{tenant="acme",resource="logs"} 42',
      'auth0_clickhouse_gaps{tenant="acme",resource="logs"} 2',
      'auth0_clickhouse_last_good_run_timestamp_seconds{tenant="acme",resource="logs"} 995',
      'auth0_clickhouse_schedule_interval_seconds{tenant="acme",resource="logs"} 60',
      'auth0_clickhouse_stale{tenant="acme",resource="logs"} 0',
    ]);
  });

  it('read again after 15 s only, but ages go on', async () => {
    const { lines, reads, pass } = lab([logs]);
    await lines();
    pass(14_000);
    expect(await lines()).toContain('auth0_clickhouse_lag_seconds{tenant="acme",resource="logs"} 24');
    expect(reads()).toBe(1);
    pass(1_000);
    await lines();
    expect(reads()).toBe(2);
  });

  it('are asked for once by scrapes at the same time', async () => {
    const { gauges, reads } = lab([logs]);
    await Promise.all([gauges.refresh(), gauges.refresh(), gauges.refresh()]);
    expect(reads()).toBe(1);
  });

  it('turn stale after three intervals', async () => {
    const { lines, pass } = lab([logs]);
    pass(3 * 60_000 - 15_001);
    expect(await lines()).toContain('auth0_clickhouse_stale{tenant="acme",resource="logs"} 0');
    pass(2);
    expect(await lines()).toContain('auth0_clickhouse_stale{tenant="acme",resource="logs"} 1');
  });

  it('turn stale where no run was ever good, counted from the first one', async () => {
    const { lines } = lab([{ ...logs, goodBegan: null, goodEnded: null, cursorAt: null, firstRun: 800_000 }]);
    const shown = await lines();
    expect(shown).toContain('auth0_clickhouse_stale{tenant="acme",resource="logs"} 1');
    expect(shown.join()).not.toMatch(/lag_seconds|cursor_age|last_good/);
  });

  it('say nothing of staleness where nothing is scheduled, and nothing at all of what is not copied', async () => {
    const { lines } = lab([
      { ...logs, resource: 'users' },
      { ...logs, resource: 'clients' },
    ]);
    const shown = await lines();
    expect(shown.join()).toContain('resource="users"');
    expect(shown.join()).not.toMatch(/stale|interval|clients/);
  });

  it('vanish when the state cannot be read, are counted, and come back', async () => {
    const { lines, answer, errors, pass } = lab([logs]);
    await lines();
    pass(15_000);
    answer(new Error('away'));
    expect(await lines()).toEqual([]);
    expect(errors).toHaveLength(1);
    answer([logs]);
    expect(await lines()).toHaveLength(8);
  });
});
