/**
 * How far the watermark stays behind what was read, ms: user search is eventually consistent (no figure is published).
 * What is read twice replaces itself.
 */
const SLACK_MS = 5 * 60_000;

/** Clocks that differ by no more, ms, are taken for right. */
const CLOCKS_AGREE_MS = 60_000;

/** What a run of users knows at its end of how far it has come. All in ms since 1970. */
export interface WatermarkFacts {
  /** Newest `updated_at` that is held, by the clock that writes it. */
  newest: number | null;
  /** How long the run took. */
  tookMs: number;
  /** When it began, by our clock and by the tenant's `Date`; null where that is not told. */
  epoch: number;
  serverTime: number | null;
  /** The watermark of the run before, and when that run began by our clock. */
  before: { watermark: number; epoch: number } | null;
}

/**
 * From where the next run has to look for changed users; null: nobody knows. It is taken from what the tenant has
 * written, never from a clock alone: its `Date` and ours can both be ahead of the one that writes `updated_at`, and
 * what changes in between would be missed.
 *
 * A run began no earlier than its newest change less the time that it took, whatever any clock says. Two things let the
 * window behind the newest change close, so that a silent tenant is not read again and again: from run to run as much
 * time passes for the tenant as for us; and two clocks that agree tell how old the newest change is.
 */
export function watermarkOf({ newest, tookMs, epoch, serverTime, before }: WatermarkFacts): number | null {
  if (newest === null) return before?.watermark ?? null;
  const passed = before && before.watermark + Math.max(0, epoch - before.epoch);
  const agreed = serverTime !== null && Math.abs(serverTime - epoch) <= CLOCKS_AGREE_MS;
  const settled = Math.max(passed ?? -Infinity, agreed ? Math.min(serverTime, epoch) - SLACK_MS : -Infinity);
  return Math.max(newest - tookMs - SLACK_MS, Math.min(newest + 1, settled));
}
