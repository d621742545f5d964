import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Tries until it works or the time is over, with one call of `say` a failed try. Servers of a freshly started stack
 * come up in any order. Throws the last error; one that `isFinal` accepts is thrown at once.
 */
export async function retryUntilUp<T>(
  attempt: () => Promise<T>,
  options: {
    forMs: number;
    /** Told which try failed, why, and how long tries go on, ms. */
    say: (tries: number, error: unknown, leftMs: number) => void;
    isFinal?: (error: unknown) => boolean;
    signal?: AbortSignal;
  },
): Promise<T> {
  const until = Date.now() + options.forMs;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const wait = Math.min(250 * 2 ** (tries - 1), 5_000);
      if (options.isFinal?.(error) || Date.now() + wait > until) throw error;
      options.say(tries, error, until - Date.now());
      await sleep(wait, undefined, options.signal && { signal: options.signal });
    }
  }
}
