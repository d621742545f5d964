import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildExit, describeExit } from './child-process.js';

/** A part of the stack that runs as a process. */
export interface Part {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  stop(graceMs: number): Promise<ChildExit>;
}

/** A part that is started again when it dies. */
export interface Supervised<T extends Part> {
  /** The part as it was first started: its addresses stay. */
  readonly first: T;
  stop(graceMs: number): Promise<void>;
}

/** So many deaths within so long mean that it cannot live; then the whole stack ends. */
const MAX_DEATHS = 5;
const WITHIN_MS = 60_000;

/**
 * Starts a part and starts it again, a little later each time, when it dies unasked. `giveUp` is called when it keeps
 * dying. Throws what the first start throws.
 */
export async function supervise<T extends Part>(
  name: string,
  start: (previous: T | undefined) => Promise<T>,
  events: { say: (line: string) => void; giveUp: (reason: string) => void },
): Promise<Supervised<T>> {
  let stopping = false;
  const first = await start(undefined);
  let current = first;
  let deaths: number[] = [];

  const watch = async (): Promise<void> => {
    while (!stopping) {
      let what = describeExit(await current.exited);
      for (let failedStarts = 0; !stopping; failedStarts++) {
        deaths = [...deaths.filter((at) => at > Date.now() - WITHIN_MS), Date.now()];
        // A start that fails may take longer than the time within which deaths are counted.
        if (deaths.length > MAX_DEATHS || failedStarts >= MAX_DEATHS)
          return events.giveUp(`${name} ${what}, ${Math.max(deaths.length, failedStarts)} times in a row`);
        events.say(`${name} ${what}; starting it again`);
        await sleep(200 * 2 ** (deaths.length - 1));
        if (stopping) return;
        try {
          current = await start(current);
          break;
        } catch (error) {
          // It may have been killed while it was starting.
          what = `could not be started again: ${error instanceof Error ? error.message : String(error)}`;
        }
      }
      if (stopping) await current.stop(0);
    }
  };
  void watch();

  return {
    first,
    async stop(graceMs) {
      stopping = true;
      await current.stop(graceMs);
    },
  };
}
