import { createPacer, type Pacer } from '../../../src/auth0/pacer.js';
import { type BucketState, type RateLimit, takeToken } from '../../../src/emulator/rate-bucket.js';

/** A clock that stands still until all that is due has run, so that minutes of load take milliseconds. */
export interface LabClock {
  readonly now: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lets time pass up to then, ms. */
  runUntil(time: number): Promise<void>;
}

/** What a tenant does to a request: whether it is let through, and the headers it answers with; undefined: no answer. */
export interface LabTenant {
  take(serverMs: number): LabAnswer | undefined;
}

/** An answer's head. */
export interface LabAnswer {
  status: number;
  headers: Headers;
}

/** Makes a clock that starts at 0. */
export function createLabClock(): LabClock {
  let time = 0;
  const timers: { at: number; end: () => void }[] = [];
  return {
    now: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const timer = { at: time + Math.max(0, ms), end: resolve };
        const index = timers.findIndex(({ at }) => at > timer.at);
        timers.splice(index < 0 ? timers.length : index, 0, timer);
        signal?.addEventListener('abort', () => {
          const place = timers.indexOf(timer);
          if (place >= 0) timers.splice(place, 1);
          resolve();
        });
      }),
    async runUntil(end) {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        const [next] = timers;
        if (next === undefined || next.at > end) break;
        time = Math.max(time, next.at);
        timers.shift();
        next.end();
      }
      time = end;
    },
  };
}

/** A tenant whose tokens come at the top of each second, as the emulator's do. Its limit can be changed. */
export function tenantByTheSecond(limit: RateLimit): LabTenant & { limit: RateLimit } {
  let state: BucketState | undefined;
  return {
    limit,
    take(serverMs) {
      const verdict = takeToken(this.limit, state, serverMs);
      state = verdict.state;
      return answerOf(verdict.allowed, this.limit.burst, verdict.remaining, verdict.resetSecond);
    },
  };
}

/** A tenant whose tokens trickle in one by one. */
export function tenantByTheMoment({ requestsPerSecond, burst }: RateLimit): LabTenant {
  let tokens = burst;
  let last: number | undefined;
  return {
    take(serverMs) {
      tokens = Math.min(burst, tokens + ((serverMs - (last ?? serverMs)) / 1000) * requestsPerSecond);
      last = serverMs;
      const isAllowed = tokens >= 1;
      if (isAllowed) tokens--;
      const wait = (1 - (tokens % 1)) / requestsPerSecond;
      return answerOf(isAllowed, burst, Math.floor(tokens), Math.ceil(serverMs / 1000 + wait));
    },
  };
}

/** A tenant that fills its bucket every so many seconds. */
export function tenantByTheWindow(limit: number, seconds: number): LabTenant {
  let window = 0;
  let left = limit;
  return {
    take(serverMs) {
      const current = Math.floor(serverMs / 1000 / seconds);
      if (current !== window) left = limit;
      window = current;
      const isAllowed = left >= 1;
      if (isAllowed) left--;
      return answerOf(isAllowed, limit, left, (current + 1) * seconds);
    },
  };
}

function answerOf(isAllowed: boolean, limit: number, remaining: number, reset: number): LabAnswer {
  return {
    status: isAllowed ? 200 : 429,
    headers: new Headers({
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(reset),
    }),
  };
}

/** A load on a tenant: callers behind one pacer, and others who keep to their own rate. */
export interface LabLoad {
  tenant: LabTenant;
  headroom?: number;
  maxRps?: number | null;
  callers?: number;
  /** Time from sending to the server, and the same back, ms; given the number of the request. */
  latency?: (request: number) => number;
  /** Requests a second of others, and how many come at once. */
  foreignRps?: number;
  foreignBurst?: number;
  /** How far the server's clock is ahead of ours, ms. */
  skewMs?: number;
  /** Whether answers carry a Date header. */
  dated?: boolean;
}

/** What a load has met so far. Sent times are ms of the lab's clock. */
export interface LabRun {
  readonly clock: LabClock;
  readonly pacer: Pacer;
  readonly sent: number[];
  readonly refused: number[];
  readonly foreign: number[];
  readonly foreignRefused: number[];
}

/** The epoch of the lab: not at the top of a second, as no process starts there. */
const EPOCH_MS = 1_800_000_000_370;

/** Starts a load; it goes on as long as the clock runs. */
export function startLoad(load: LabLoad): LabRun {
  const { tenant, headroom = 0.2, maxRps = null, callers = 8, latency = () => 40, skewMs = 0, dated = true } = load;
  const clock = createLabClock();
  const pacer = createPacer({ headroom, maxRps, now: clock.now, sleep: clock.sleep });
  const run: LabRun = { clock, pacer, sent: [], refused: [], foreign: [], foreignRefused: [] };
  let requests = 0;

  const call = async (): Promise<void> => {
    for (;;) {
      await pacer.acquire();
      const oneWay = latency(requests++);
      const sentAt = Math.floor(EPOCH_MS + clock.now());
      run.sent.push(clock.now());
      await clock.sleep(oneWay);
      const serverMs = EPOCH_MS + clock.now() + skewMs;
      const answer = tenant.take(serverMs);
      await clock.sleep(oneWay);
      if (answer === undefined) continue;
      const { status, headers } = answer;
      if (dated) headers.set('date', new Date(serverMs).toUTCString());
      if (status === 429) run.refused.push(clock.now());
      pacer.observe({ status, headers, sentAt, receivedAt: Math.floor(EPOCH_MS + clock.now()) });
    }
  };
  const disturb = async (rps: number, burst: number): Promise<void> => {
    for (;;) {
      for (let n = 0; n < burst; n++) {
        run.foreign.push(clock.now());
        if (tenant.take(EPOCH_MS + clock.now() + skewMs)?.status === 429) run.foreignRefused.push(clock.now());
      }
      await clock.sleep((1000 * burst) / rps);
    }
  };
  for (let caller = 0; caller < callers; caller++) void call();
  if (load.foreignRps !== undefined) void disturb(load.foreignRps, load.foreignBurst ?? 1);
  return run;
}

/** Requests a second between two moments, ms. */
export function rate(times: readonly number[], from: number, to: number): number {
  return (times.filter((time) => time >= from && time < to).length * 1000) / (to - from);
}
