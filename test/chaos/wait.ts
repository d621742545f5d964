import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 100;

/**
 * Asks until there is an answer other than undefined. An error counts as no answer: what is asked may just be starting
 * again. Throws when `forMs` pass, with the last error.
 */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, forMs: number): Promise<T> {
  let last: unknown;
  for (const deadline = Date.now() + forMs; Date.now() < deadline; await sleep(EVERY_MS)) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`${what}: not after ${forMs / 1000} s`, { cause: last });
}
