import { setTimeout as sleep } from 'node:timers/promises';
import { clampWait } from '../auth0/retry-timing.js';
import { ERRORS, ExtractError } from '../contracts/errors.js';
import { MAX_PAGE_ATTEMPTS } from '../contracts/names.js';

/** Runs a request until it works, as often as its error allows. */
export type Retry = <T>(attempt: () => Promise<T>) => Promise<T>;

const LONGEST_WAIT_MS = 60_000;

/**
 * The retry policy of the workflows for work outside of them: eight tries, waits that double from a second up to a
 * minute, or as the answer asks. Throws the last error; one that no retry can help, and any that is not ours, at once.
 */
export function createRetry(options: {
  say: (tries: number, error: ExtractError, waitMs: number) => void;
  signal: AbortSignal;
  firstWaitMs?: number;
}): Retry {
  const { say, signal, firstWaitMs = 1_000 } = options;
  return async (attempt) => {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        // What an abort leaves behind is no error of the request.
        signal.throwIfAborted();
        const mayRetry = error instanceof ExtractError && ERRORS[error.kind].retry && tries < MAX_PAGE_ATTEMPTS;
        if (!mayRetry) throw error;
        const backoff = Math.min(firstWaitMs * 2 ** (tries - 1), LONGEST_WAIT_MS);
        const wait = error.retryAfterMs === undefined ? backoff : clampWait(error.retryAfterMs);
        say(tries, error, wait);
        await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  };
}
