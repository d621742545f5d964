import { afterResponse, type Bucket, readRateResponse, waitFor } from './rate-bucket.js';
import { clampWait, MIN_WAIT_MS, retryAfterMs } from './retry-timing.js';

/** How much of the tenant's rate limit is used. */
export interface PacerOptions {
  /** Share of the limit that is left free for the tenant's own traffic, 0..0.9. */
  headroom: number;
  /** Most requests a second; null: the tenant's limit is the only one. */
  maxRps: number | null;
  /** A clock that never jumps, ms; only differences count. */
  now?: () => number;
  /** Waits that many ms, or until the signal is aborted; resolves either way. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** An answer of the Management API, whatever its status. */
export interface ObservedAnswer {
  status: number;
  headers: Headers;
  /** When the request was sent and the answer's head was there, ms since 1970. */
  sentAt: number;
  receivedAt: number;
}

/** Paces the requests to one tenant. All callers of a process share it. */
export interface Pacer {
  /**
   * Resolves when the next request may be sent, in the order of the calls. To be called before each request, a repeated
   * one too. Rejects with the signal's reason when it is aborted, and then uses nothing up.
   */
  acquire(signal?: AbortSignal): Promise<void>;
  /** Learns from an answer. Requests that get none need not be reported. */
  observe(answer: ObservedAnswer): void;
}

/** A request without an answer after this time has taken its token or never will: later answers' headers tell, ms. */
const FORGET_GRANT_MS = 10_000;
/** A bucket is forgotten after this many answers in a row that told nothing of it: the plan has changed. */
const FORGET_BUCKET_AFTER = 16;
/** After a refusal, one request is tried alone for at most this time, ms. */
const TRIAL_MS = 5_000;
/** Longest wait after refusals that do not say how long, ms. */
const MAX_UNTOLD_WAIT_MS = 60_000;
/** Grants without answers that are remembered: far more than requests can be under way. */
const MOST_GRANTS = 1_024;

/**
 * Creates a pacer. It knows no limit at first, and does not slow what is never answered with one. Auth0's limit is a
 * token bucket that the whole tenant shares; the headers of each answer show how full it is, so that other workers'
 * and others' requests are felt before there is none left. Answers that name different limits (some plans have one
 * an endpoint) are kept apart, and a request waits for the tightest of them. After a 429 all callers wait as it says.
 * Throws RangeError for a headroom outside 0..0.9 and a maxRps that is not above 0.
 * https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
 */
export function createPacer({ headroom, maxRps, now = () => performance.now(), sleep = delay }: PacerOptions): Pacer {
  if (!(headroom >= 0 && headroom <= 0.9)) throw new RangeError(`headroom must be between 0 and 0.9, not ${headroom}`);
  if (maxRps !== null && !(maxRps > 0)) throw new RangeError(`maxRps must be above 0, not ${maxRps}`);
  const spacing = maxRps === null ? 0 : 1000 / maxRps;
  const buckets = new Map<number, Bucket>();
  const queue = new Set<() => void>();
  let grants: number[] = [];
  let lastGrant = -Infinity;
  let pause: Pause | undefined;
  let nap: AbortController | undefined;
  let isServing = false;

  const waitAt = (time: number): number => {
    let wait = lastGrant + spacing - time;
    if (pause !== undefined) wait = Math.max(wait, waitForPause(pause, { now: time, lastGrant }));
    if (buckets.size === 0) return wait;
    if (grants.length > 0) grants = withoutOld(grants, time - FORGET_GRANT_MS);
    const moment = { now: time, lastGrant, inFlight: grants, headroom };
    for (const bucket of buckets.values()) wait = Math.max(wait, waitFor(bucket, moment));
    return wait;
  };

  const grantAt = (time: number): void => {
    lastGrant = time;
    grants.push(time);
    if (grants.length > MOST_GRANTS) grants = grants.slice(-MOST_GRANTS / 2);
  };

  /** Lets waiting requests go one by one; one such loop runs while there are any. */
  const serve = async (): Promise<void> => {
    isServing = true;
    for (let [first] = queue; first !== undefined; [first] = queue) {
      const time = now();
      const wait = waitAt(time);
      if (wait > 0) {
        nap = new AbortController();
        // Timers know whole ms; a fraction that rounding leaves over must not become a wait for nothing.
        await sleep(Math.ceil(wait), nap.signal);
        continue;
      }
      queue.delete(first);
      grantAt(time);
      first();
    }
    isServing = false;
    nap = undefined;
  };

  const enqueue = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const grant = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        queue.delete(grant);
        nap?.abort();
        reject(reasonOf(signal));
      };
      signal?.addEventListener('abort', leave, { once: true });
      queue.add(grant);
      if (!isServing) void serve();
    });

  return {
    acquire(signal) {
      if (signal?.aborted === true) return Promise.reject(reasonOf(signal));
      if (queue.size > 0) return enqueue(signal);
      const time = now();
      if (waitAt(time) > 0) return enqueue(signal);
      grantAt(time);
      return Promise.resolve();
    },

    observe(answer) {
      const time = now();
      const sent = time - Math.max(0, answer.receivedAt - answer.sentAt);
      grants = withoutOne(grants, sent);
      pause = afterStatus(pause, answer, { now: time, sent });
      const rate = readRateResponse(answer, time);
      for (const [size, bucket] of buckets) {
        if (size === rate?.limit) continue;
        if (bucket.silent >= FORGET_BUCKET_AFTER) buckets.delete(size);
        else buckets.set(size, { ...bucket, silent: bucket.silent + 1 });
      }
      if (rate !== undefined) buckets.set(rate.limit, afterResponse(buckets.get(rate.limit), rate));
      nap?.abort();
    },
  };
}

/** A refusal, and what follows from it. Times are ms of the pacer's clock. */
interface Pause {
  readonly refusedAt: number;
  readonly until: number;
  /** Refusals, one after the other, that did not say how long to wait. */
  readonly untold: number;
}

/** The pause that holds after an answer; undefined: none. Requests that were under way before a refusal change little. */
export function afterStatus(
  pause: Pause | undefined,
  { status, headers, receivedAt }: ObservedAnswer,
  { now, sent }: { now: number; sent: number },
): Pause | undefined {
  const isAfter = pause === undefined || sent >= pause.refusedAt;
  if (status !== 429) return isAfter ? undefined : pause;
  const told = retryAfterMs(headers, receivedAt);
  const untold = told !== undefined ? 0 : isAfter ? (pause?.untold ?? 0) + 1 : pause.untold;
  const wait = told ?? clampWait(Math.min(MAX_UNTOLD_WAIT_MS, MIN_WAIT_MS * 2 ** (untold - 1)));
  return { refusedAt: isAfter ? now : pause.refusedAt, until: Math.max(now + wait, pause?.until ?? 0), untold };
}

/** How long a pause still holds the next request back, ms. Once it is over one request goes alone, to see. */
export function waitForPause(pause: Pause, { now, lastGrant }: { now: number; lastGrant: number }): number {
  if (now < pause.until) return pause.until - now;
  return lastGrant >= pause.until ? Math.max(0, lastGrant + TRIAL_MS - now) : 0;
}

/** Grants without the one whose request was sent at that time, which is the last one before it. */
function withoutOne(grants: number[], sent: number): number[] {
  // Times of answers are whole ms, those of grants are not.
  const index = grants.findLastIndex((time) => time <= sent + 2);
  grants.splice(Math.max(0, index), 1);
  return grants;
}

function withoutOld(grants: number[], before: number): number[] {
  return (grants[0] ?? Infinity) < before ? grants.filter((time) => time >= before) : grants;
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new DOMException('This operation was aborted', 'AbortError');
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
