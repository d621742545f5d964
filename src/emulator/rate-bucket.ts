/** A token bucket's size and refill. */
export interface RateLimit {
  /** Tokens added each second; may be a fraction. */
  readonly requestsPerSecond: number;
  /** Tokens the bucket holds. */
  readonly burst: number;
  /** Whether refusals carry Retry-After beside x-ratelimit-reset. */
  readonly retryAfter?: boolean | undefined;
}

/** What is left in a bucket. */
export interface BucketState {
  readonly tokens: number;
  /** The second, since 1970, up to which tokens were added. */
  readonly second: number;
}

/** What a request met. */
export interface BucketVerdict {
  readonly state: BucketState;
  readonly allowed: boolean;
  readonly remaining: number;
  /** Second, since 1970, at which the next whole token is there. */
  readonly resetSecond: number;
}

/** Takes a token. Tokens come at the top of each second. No state means a full bucket. */
export function takeToken(limit: RateLimit, state: BucketState | undefined, nowMs: number): BucketVerdict {
  const second = Math.max(Math.floor(nowMs / 1000), state?.second ?? 0);
  const gained = state === undefined ? limit.burst : (second - state.second) * limit.requestsPerSecond;
  const held = Math.min(limit.burst, (state?.tokens ?? 0) + gained);
  const allowed = held >= 1;
  const tokens = allowed ? held - 1 : held;
  const missing = Math.max(0, 1 - (tokens - Math.floor(tokens)));
  const wait = limit.requestsPerSecond > 0 ? Math.max(1, Math.ceil(missing / limit.requestsPerSecond)) : 3600;
  return { state: { tokens, second }, allowed, remaining: Math.floor(tokens), resetSecond: second + wait };
}
