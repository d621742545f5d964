/** Shortest wait before another try, ms. Temporal takes a delay of 0 as "no further try". */
export const MIN_WAIT_MS = 1_000;
/** Longest wait that an answer can ask for, ms. */
export const MAX_WAIT_MS = 15 * 60_000;

/**
 * How long an answer asks to wait, in ms from `now`, clamped to 1 s..15 min; undefined where it does not say.
 * `Retry-After` (seconds or an HTTP date) comes first; then `x-ratelimit-reset` (epoch seconds), which every
 * Management API answer carries and which therefore counts only when `x-ratelimit-remaining` is 0 or absent. Points
 * in time are the server's: they are read by its clock, which the `Date` header shows.
 * https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const serverNow = now + serverSkewMs(headers, now);
  const retryAfter = parseRetryAfter(headers.get('retry-after'), serverNow);
  if (retryAfter !== undefined) return clampWait(retryAfter);
  const remaining = headers.get('x-ratelimit-remaining');
  if (remaining !== null && Number(remaining) > 0) return undefined;
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  if (!Number.isFinite(reset) || reset <= 0) return undefined;
  return clampWait(reset * 1000 - serverNow);
}

/** A wait within {@link MIN_WAIT_MS} and {@link MAX_WAIT_MS}. */
export function clampWait(ms: number): number {
  return Math.min(Math.max(Math.round(ms), MIN_WAIT_MS), MAX_WAIT_MS);
}

function parseRetryAfter(value: string | null, serverNow: number): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds * 1000;
  const date = Date.parse(value);
  return Number.isFinite(date) ? date - serverNow : undefined;
}

/** How far the server's clock is ahead of ours by its `Date` header; below 2 s it is the header's own coarseness. */
function serverSkewMs(headers: Headers, now: number): number {
  const date = Date.parse(headers.get('date') ?? '');
  const skew = Number.isFinite(date) ? date - now : 0;
  return Math.abs(skew) < 2_000 ? 0 : skew;
}
