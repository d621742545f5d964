/** Longest time without a request while the bucket holds a token, ms: a copy must get on however busy the tenant is. */
const SLOWEST_MS = 5_000;
/** Longest time without a request while it is empty, ms: the longest refill interval that Auth0 documents. */
const LONGEST_EMPTY_MS = 60_000;
/** What is there to spend is spread over the time to the refill, but over no more than this, ms. */
const SPREAD_MS = 1_000;
/** Share of that time: the last request's response has to be in before the refill. */
const SPREAD_SHARE = 0.8;
/** A request without a response this long after a later one has got its response is lost, ms. */
const LOST_AFTER_MS = 1_000;
/** A `Date` header is cut to seconds: a smaller difference is no difference of clocks, ms. */
const DATE_COARSENESS_MS = 2_000;

/** What a response tells about a bucket. Times are ms of a clock of ours that never jumps. */
export interface RateResponse {
  /** Size of the bucket. */
  readonly limit: number;
  /** Tokens left in it. */
  readonly remaining: number;
  /** Second since 1970, by the server's clock, at which the next tokens come. */
  readonly resetSecond: number;
  readonly sent: number;
  readonly received: number;
  /** What turns the server's ms since 1970 into our clock, as far as its `Date` header shows it. */
  readonly clockOffset: number;
}

/** What is known of a token bucket of the tenant: the newest response's word. */
export interface Bucket {
  readonly size: number;
  readonly remaining: number;
  readonly resetSecond: number;
  readonly sent: number;
  readonly received: number;
  /** What turns the server's ms since 1970 into our clock; each response narrows it down. */
  readonly clockOffset: number;
  /** Responses in a row that told nothing of this bucket. */
  readonly silent: number;
}

/** When, and after what, a request would be sent. */
export interface SendMoment {
  readonly now: number;
  /** When the last request was let go; -Infinity: none was. */
  readonly lastGrant: number;
  /** When the requests were let go whose responses are not in. */
  readonly inFlight: readonly number[];
  /** Share of the bucket to leave free. */
  readonly headroom: number;
}

/**
 * Reads `x-ratelimit-limit` (size of the bucket), `-remaining` (tokens left) and `-reset` (second at which tokens are
 * next added). Undefined where the response names no limit. `received` is the time on our clock, `receivedAt` the same
 * in ms since 1970.
 * https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy/rate-limit-use-cases
 */
export function readRateResponse(
  { headers, sentAt, receivedAt }: { headers: Headers; sentAt: number; receivedAt: number },
  received: number,
): RateResponse | undefined {
  const limit = numberIn(headers.get('x-ratelimit-limit'));
  if (limit === undefined || limit < 1) return undefined;
  const remaining = numberIn(headers.get('x-ratelimit-remaining'));
  if (remaining === undefined) return undefined;
  const reset = numberIn(headers.get('x-ratelimit-reset'));
  const date = Date.parse(headers.get('date') ?? '');
  const skew = Math.abs(date - receivedAt) >= DATE_COARSENESS_MS ? date - receivedAt : 0;
  return {
    limit,
    remaining: Math.min(remaining, limit),
    resetSecond: reset !== undefined && reset > 0 ? reset : Math.floor((receivedAt + skew) / 1000) + 1,
    sent: received - Math.max(0, receivedAt - sentAt),
    received,
    clockOffset: received - receivedAt - skew,
  };
}

/** The bucket after a response of its own; `bucket` undefined: the first one. */
export function afterResponse(bucket: Bucket | undefined, response: RateResponse): Bucket {
  const { limit: size, resetSecond, remaining, sent, received } = response;
  let clockOffset = bucket?.clockOffset ?? response.clockOffset;
  // The server has reached the refill that was announced before, and not yet the one that it announces now.
  if (bucket !== undefined && resetSecond > bucket.resetSecond)
    clockOffset = Math.min(clockOffset, received - bucket.resetSecond * 1000);
  clockOffset = Math.max(clockOffset, sent - resetSecond * 1000);
  // Responses overtake each other: the order of arrival does not say which one is newer.
  const isNewer =
    bucket === undefined ||
    sent >= bucket.received ||
    resetSecond > bucket.resetSecond ||
    (resetSecond === bucket.resetSecond && remaining < bucket.remaining);
  return isNewer
    ? { size, remaining, resetSecond, sent, received, clockOffset, silent: 0 }
    : { ...bucket, clockOffset, silent: 0 };
}

/**
 * How long the next request has to wait for this bucket, ms; 0: not at all. What the last response left is spent down
 * to the headroom, evenly up to the refill: taken at once, others who come later in that second would find only the
 * headroom. Then the next refill is waited for. How much it brings no header says, so one request goes ahead to see.
 */
export function waitFor(bucket: Bucket, { now, lastGrant, inFlight, headroom }: SendMoment): number {
  const left = bucket.remaining - inFlight.filter((time) => time > bucket.sent - LOST_AFTER_MS).length;
  const spare = left - Math.floor(headroom * bucket.size);
  const refill = bucket.resetSecond * 1000 + bucket.clockOffset;
  if (spare >= 1) {
    const spread = SPREAD_SHARE * Math.min(SPREAD_MS, Math.max(0, refill - now));
    return Math.max(0, lastGrant + spread / spare - now);
  }
  if (now >= refill) return lastGrant < refill ? 0 : Math.max(0, lastGrant + SPREAD_MS - now);
  return Math.max(0, Math.min(refill, lastGrant + (left >= 1 ? SLOWEST_MS : LONGEST_EMPTY_MS)) - now);
}

function numberIn(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  const value = Number(header);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
