import { spanText } from './schedule-spec.js';

/** What decides whether a schedule's copy is stale. Instants and spans in ms, instants since 1970. */
export interface StalenessFacts {
  /** Longest time between two runs, see {@link longestDistance} for cron; null where none are asked for. */
  everyMs: number | null;
  /** End of the last run that came to a good end, by whomever it was started; null where none is known. */
  lastGoodRunEndedAt: number | null;
  scheduleExists: boolean;
  paused: boolean;
  /** When the schedule was made; null where that is not known. */
  createdAt: number | null;
  now: number;
}

/** `why` says what is missing and, where that is not plain, what to do; null where nothing is stale. */
export type Staleness = { stale: true; why: string } | { stale: false; why: null };

/** So many intervals may pass without a good run: one can fail and one be skipped before that is worth a word. */
export const STALE_AFTER_INTERVALS = 3;

/** Shortest time after which anything is stale: with runs every few seconds, one slow answer is no silence yet. */
export const SHORTEST_STALE_MS = 3 * 60_000;

/** What is told of a schedule that is asked for and not there. */
export const MISSING = 'its schedule does not exist: schedule apply makes it';

const FRESH: Staleness = { stale: false, why: null };

/** How long a copy may go without a good run before it is stale, ms. */
export function staleAfterMs(everyMs: number): number {
  return Math.max(STALE_AFTER_INTERVALS * everyMs, SHORTEST_STALE_MS);
}

/**
 * Whether a copy that should be kept up to date is not: its schedule is missing, or three intervals have passed without
 * a good run, since the last one or since the schedule was made. A pause is no excuse: it makes silence, too. What is
 * not asked for (`everyMs` null) is never stale.
 */
export function staleness(facts: StalenessFacts): Staleness {
  const { everyMs, lastGoodRunEndedAt, scheduleExists, paused, createdAt, now } = facts;
  if (everyMs === null) return FRESH;
  if (!scheduleExists) return { stale: true, why: MISSING };
  const since = Math.max(lastGoodRunEndedAt ?? 0, createdAt ?? 0);
  const limit = staleAfterMs(everyMs);
  if (now - since <= limit) return FRESH;
  const silence =
    lastGoodRunEndedAt === null ? 'no good run is known' : `no good run for ${rounded(now - lastGoodRunEndedAt)}`;
  const rule = `runs are due every ${rounded(everyMs)}`;
  return { stale: true, why: `${paused ? 'paused, and ' : ''}${silence}; ${rule}` };
}

/** The longest time between two of these instants that follow each other, ms; null where there are fewer than two. */
export function longestDistance(instants: readonly number[]): number | null {
  const sorted = [...instants].sort((a, b) => a - b);
  const distances = sorted.slice(1).map((instant, i) => instant - (sorted[i] ?? instant));
  return distances.length === 0 ? null : Math.max(...distances);
}

/** A span of time in the largest unit that it fills: what is below says nothing. */
function rounded(ms: number): string {
  const unit = [86_400_000, 3_600_000, 60_000].find((size) => ms >= size) ?? 1_000;
  return spanText(Math.round(ms / unit) * unit);
}
