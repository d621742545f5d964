import { addAnswer, measureRefill, type RefillWindow, SMALLEST_MEASURED } from './rate-refill.js';

/** Longest time without a request while the bucket holds a token, ms: a load must get on however busy the tenant is. */
export const SLOWEST_MS = 5_000;
/** Longest time without a request while it is empty, ms: the longest refill interval that Auth0 documents. */
export const LONGEST_EMPTY_MS = 60_000;

/** A bucket that is used at its share runs full, and then hides its refill: after this time it is looked for, ms. */
const PROBE_AFTER_MS = 30_000;
/** The same, where the last look found only that there is more than was believed. */
const PROBE_AGAIN_MS = 5_000;
/** A look for the refill ends after this time even if the bucket did not fall as far as it should, ms. */
const PROBE_MS = 3_000;
/** From here on so much is left free that the refill cannot show in what is used. */
const LARGE_HEADROOM = 0.5;
/** Share of the allowed rate at which what a look has taken in advance is made up for. */
const REPAY_SHARE = 0.85;
/** Share of the bucket that is left to others even without headroom, as far as that costs no tokens. */
const LEAST_RESERVE = 0.1;
/** A bucket that was seen to get this share of its size at once gets all of it: it runs over, so no more can be seen. */
const FULL_REFILL_SHARE = 0.8;
/** A `Date` header is cut to seconds: a smaller difference is no difference of clocks, ms. */
const DATE_COARSENESS_MS = 2_000;

/** What an answer tells about a bucket. Times are ms of a clock of ours that never jumps. */
export interface RateAnswer {
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
  /** Whether the request was let through, and so took a token. */
  readonly taken: boolean;
}

/** What is known of a token bucket of the tenant. */
export interface Bucket {
  readonly size: number;
  /** The newest answer's word. */
  readonly remaining: number;
  readonly resetSecond: number;
  readonly received: number;
  /** What turns the server's ms since 1970 into our clock; each answer narrows it down. */
  readonly clockOffset: number;
  readonly windows: readonly RefillWindow[];
  /** Tokens a second; `isMeasured` false: a guess from the size. */
  readonly refill: number;
  readonly isMeasured: boolean;
  /** Least refill that was seen, tokens a second. */
  readonly proven: number;
  /** When the refill is next looked for. */
  readonly probeAt: number;
  /** Until when requests may go beyond our share, down to where the refill shows; undefined: no look is under way. */
  readonly probingUntil: number | undefined;
  /** Requests that our share allows at `creditAt`; below 0 after a look, until it is made up for. */
  readonly credit: number;
  readonly creditAt: number;
  /** Answers in a row that told nothing of this bucket. */
  readonly silent: number;
}

/** When, and after what, a request would be sent. */
export interface SendMoment {
  readonly now: number;
  /** When the last request was let go; -Infinity: none was. */
  readonly lastGrant: number;
  /** Requests let go whose answers are not in. */
  readonly inFlight: number;
  /** Share of the limit to leave free. */
  readonly headroom: number;
}

/**
 * Reads `x-ratelimit-limit` (size of the bucket), `-remaining` (tokens left) and `-reset` (second at which tokens are
 * next added). Undefined where the answer names no limit. `received` is the time on our clock, `receivedAt` the same in
 * ms since 1970.
 * https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy/rate-limit-use-cases
 */
export function readRateAnswer(
  answer: { status: number; headers: Headers; sentAt: number; receivedAt: number },
  received: number,
): RateAnswer | undefined {
  const { status, headers, sentAt, receivedAt } = answer;
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
    taken: status !== 429,
  };
}

/** A bucket of which one answer was seen. */
export function openBucket(answer: RateAnswer, headroom: number): Bucket {
  const { limit, remaining, resetSecond, received } = answer;
  return {
    size: limit,
    remaining,
    resetSecond,
    received,
    clockOffset: Math.max(answer.clockOffset, answer.sent - resetSecond * 1000),
    windows: answer.taken ? addAnswer([], answer) : [],
    // The plans add a sixth of the bucket a second up to all of it. A wrong guess upwards is seen at once, since the
    // tokens then fall to the reserve; but a large reserve hides that, so there it is the third that production has.
    refill: headroom < LARGE_HEADROOM || limit < SMALLEST_MEASURED ? limit : limit / 3,
    isMeasured: false,
    proven: 0,
    probeAt: received + PROBE_AFTER_MS,
    probingUntil: undefined,
    credit: (1 - headroom) * limit,
    creditAt: received,
    silent: 0,
  };
}
/** The bucket after an answer of its own. */
export function afterAnswer(bucket: Bucket, answer: RateAnswer, headroom: number): Bucket {
  const settled = accrue(bucket, answer.received, headroom);
  const windows = answer.taken ? addAnswer(bucket.windows, answer) : bucket.windows;
  const seen = { ...settled, windows, silent: 0, ...newestLevel(bucket, answer) };
  const { measured, atLeast } = measureRefill(windows, bucket.size);
  if (measured !== undefined) {
    return {
      ...seen,
      refill: measured,
      isMeasured: true,
      // What the guess had promised too much is taken back.
      credit: bucket.isMeasured ? seen.credit : Math.min(seen.credit, 1),
      probeAt: answer.received + PROBE_AFTER_MS,
    };
  }
  const isNews = bucket.isMeasured && atLeast > bucket.refill;
  return {
    ...seen,
    proven: Math.max(bucket.proven, atLeast),
    refill: Math.max(bucket.refill, atLeast),
    ...(isNews && { probeAt: answer.received + PROBE_AGAIN_MS }),
  };
}

/** The bucket after an answer that told of another one, or of none: the request had not been on its account. */
export function afterForeignAnswer(bucket: Bucket, now: number, headroom: number): Bucket {
  const settled = accrue(bucket, now, headroom);
  return {
    ...settled,
    credit: Math.min(settled.credit + 1, largestCredit(bucket, headroom)),
    silent: bucket.silent + 1,
  };
}

/** The bucket after a request was let go. */
export function afterGrant(bucket: Bucket, moment: SendMoment): Bucket {
  const { now, headroom } = moment;
  const settled = accrue(bucket, now, headroom);
  const isDone =
    bucket.probingUntil !== undefined &&
    (now >= bucket.probingUntil || levelAt(bucket, moment) <= probeDepth(bucket, headroom));
  return { ...settled, credit: settled.credit - 1, ...(isDone && { probingUntil: undefined }) };
}

/**
 * The bucket, with a look for its refill begun where one is due: requests wait for our share only, and the bucket is too
 * full to show how much comes in. A plan that was raised is not found out otherwise.
 */
export function probeIfDue(bucket: Bucket, moment: SendMoment): Bucket {
  const { now, headroom } = moment;
  if (bucket.probingUntil !== undefined) {
    return now >= bucket.probingUntil ? { ...bucket, probingUntil: undefined } : bucket;
  }
  const isUseful = headroom > 0 && headroom < LARGE_HEADROOM && bucket.isMeasured && now >= bucket.probeAt;
  if (!isUseful || levelAt(bucket, moment) < bucket.size * 0.8) return bucket;
  return { ...bucket, probingUntil: now + PROBE_MS, probeAt: now + PROBE_AFTER_MS };
}

/**
 * How long the next request has to wait for this bucket, ms; 0: not at all. Two things hold it back. What the bucket
 * holds above the reserve is spent over a time constant, so requests slow down as it empties and stop at the reserve,
 * which is others'. And on the whole no more is sent than our share of the refill.
 */
export function waitFor(bucket: Bucket, moment: SendMoment): number {
  const { now, lastGrant, headroom, inFlight } = moment;
  const level = levelAt(bucket, moment);
  const reserve = reserveOf(bucket, headroom);
  let spare = level - reserve;
  // Without a known refill only the next answer tells what has come: let one request go for it.
  const isBlind = !bucket.isMeasured && inFlight === 0 && now >= refillTime(bucket);
  if (isBlind && level >= 1) spare = Math.max(spare, 1);
  if (spare < 1) {
    const atLatest = lastGrant + (level >= 1 ? SLOWEST_MS : LONGEST_EMPTY_MS);
    return Math.max(0, Math.min(nextRefill(bucket, now), atLatest) - now);
  }
  const gentle = lastGrant + (1000 * spendSeconds(bucket, reserve)) / spare - now;
  return Math.max(0, gentle, waitForShare(bucket, moment));
}

/** Tokens that are kept for others. */
export function reserveOf(bucket: Bucket, headroom: number): number {
  const { size, refill, isMeasured, proven } = bucket;
  // A reserve that leaves no room for a whole refill would let tokens run over.
  const free = isMeasured ? Math.max(0, size - refill) : proven >= FULL_REFILL_SHARE * size ? 0 : size;
  return Math.max(Math.floor(headroom * size), Math.floor(Math.min(LEAST_RESERVE * size, free)));
}

/** Tokens that the bucket should hold: the last answer's word, less the requests under way, with what came since. */
export function levelAt(bucket: Bucket, { now, inFlight }: Pick<SendMoment, 'now' | 'inFlight'>): number {
  const sinceRefill = now - refillTime(bucket);
  const refills = sinceRefill < 0 ? 0 : 1 + Math.floor(sinceRefill / 1000);
  const each = bucket.isMeasured ? bucket.refill : Math.max(1, bucket.proven);
  return Math.min(bucket.size, bucket.remaining + refills * each) - inFlight;
}

function waitForShare(bucket: Bucket, { now, lastGrant, headroom }: SendMoment): number {
  // Nothing to leave free: what the bucket holds is the only measure.
  if (headroom === 0 || bucket.probingUntil !== undefined) return 0;
  const perMs = sharePerMs(bucket, headroom);
  const { credit } = accrue(bucket, now, headroom);
  const wait = credit < 0 ? lastGrant + 1 / (perMs * REPAY_SHARE) - now : (1 - credit) / perMs;
  return Math.min(wait, lastGrant + SLOWEST_MS - now);
}

function accrue(bucket: Bucket, now: number, headroom: number): Bucket {
  const earned = Math.max(0, now - bucket.creditAt) * sharePerMs(bucket, headroom);
  return { ...bucket, credit: Math.min(bucket.credit + earned, largestCredit(bucket, headroom)), creditAt: now };
}

function sharePerMs({ refill }: Bucket, headroom: number): number {
  return ((1 - headroom) * refill) / 1000;
}

function largestCredit({ size }: Bucket, headroom: number): number {
  return Math.max(1, (1 - headroom) * size);
}

/** Seconds over which what is above the reserve is spent: short enough that one refill is used before the next. */
function spendSeconds({ size, refill }: Bucket, reserve: number): number {
  return Math.min(1, Math.max(0.1, (size - reserve) / refill / 4));
}

/** Level down to which a look for the refill goes. */
function probeDepth(bucket: Bucket, headroom: number): number {
  const reserve = reserveOf(bucket, headroom);
  return reserve + 0.1 * (bucket.size - reserve) + 1;
}

/** Takes over an answer's word where it is newer than what is known: the order of arrival does not say so. */
function newestLevel(
  bucket: Bucket,
  answer: RateAnswer,
): Pick<Bucket, 'clockOffset'> & Partial<Pick<Bucket, 'remaining' | 'resetSecond' | 'received'>> {
  const { resetSecond, remaining, sent, received } = answer;
  let { clockOffset } = bucket;
  // The server has reached the refill that was announced before, and not yet the one it announces now.
  if (resetSecond > bucket.resetSecond) clockOffset = Math.min(clockOffset, received - bucket.resetSecond * 1000);
  clockOffset = Math.max(clockOffset, sent - resetSecond * 1000);
  const isNewer =
    sent >= bucket.received ||
    resetSecond > bucket.resetSecond ||
    (resetSecond === bucket.resetSecond && remaining < bucket.remaining);
  return isNewer ? { clockOffset, resetSecond, remaining, received } : { clockOffset };
}

function refillTime({ resetSecond, clockOffset }: Bucket): number {
  return resetSecond * 1000 + clockOffset;
}

function nextRefill(bucket: Bucket, now: number): number {
  const first = refillTime(bucket);
  return now < first ? first : first + 1000 * (1 + Math.floor((now - first) / 1000));
}

function numberIn(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  const value = Number(header);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
