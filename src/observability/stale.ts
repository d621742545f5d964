/** So many intervals without a good run make a resource stale. */
export const STALE_AFTER_INTERVALS = 3;

/** What is known of a resource's schedule and of its runs. Times are ms since 1970. */
export interface StaleFacts {
  /** Time between two runs; for a cron the longest distance of the next ones. Null: none is wanted. */
  intervalMs: number | null;
  /** When the last completed run ended; null: there was none. */
  lastGoodAt: number | null;
  /**
   * Since when a good run can be expected where there was none: when the schedule was made, or the first run was
   * tried, or this process has looked. Null: not known.
   */
  expectedSince: number | null;
  now: number;
  /** What the Temporal server says; `unknown` where it was not asked. */
  schedule: 'active' | 'paused' | 'missing' | 'unknown';
}

/** Whether a resource is stale, in words for people. */
export interface Staleness {
  stale: boolean;
  why: string;
}

/**
 * Whether silence has lasted too long: a resource that should run by schedule and has had no good run for three
 * intervals is stale, whatever the reason; so is one whose schedule is not there. A paused schedule excuses nothing:
 * its copy gets old all the same.
 */
export function staleness({ intervalMs, lastGoodAt, expectedSince, now, schedule }: StaleFacts): Staleness {
  if (intervalMs === null || intervalMs <= 0) return { stale: false, why: 'it is not scheduled' };
  if (schedule === 'missing') return { stale: true, why: 'its schedule does not exist: make it with schedule apply' };
  const because = schedule === 'paused' ? ', and its schedule is paused' : '';
  const since = lastGoodAt ?? expectedSince;
  if (since === null) return { stale: false, why: `no run is known yet${because}` };
  const silentFor = now - since;
  const allowed = STALE_AFTER_INTERVALS * intervalMs;
  const good = lastGoodAt === null ? 'no good run yet' : 'no good run';
  if (silentFor > allowed)
    return {
      stale: true,
      why: `${good} for ${seconds(silentFor)}, more than ${STALE_AFTER_INTERVALS} intervals of ${seconds(intervalMs)}${because}`,
    };
  return {
    stale: false,
    why:
      lastGoodAt === null
        ? `${good}, but one is not due for long${because}`
        : `the last good run was ${seconds(silentFor)} ago${because}`,
  };
}

/** The longest distance between successive runs of a cron, ms; null for fewer than two. */
export function longestInterval(nextRuns: readonly number[]): number | null {
  const sorted = [...nextRuns].sort((a, b) => a - b);
  const distances = sorted.slice(1).map((at, i) => at - (sorted[i] ?? at));
  return distances.length === 0 ? null : Math.max(...distances);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
