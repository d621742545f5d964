import { type ChildExit, describeExit } from '../../src/embedded/child-process.js';
import type { Part } from '../../src/embedded/supervise.js';

/** A process that is killed, and started again on the same port and data whenever it has died. */
export interface Victim {
  readonly name: string;
  /** Resolves when it answers; rejects when it could not be started again. */
  up(): Promise<void>;
  /**
   * SIGKILL, once it is up. Resolves when it is gone and is being started again; false when it had just died of
   * something else.
   */
  kill(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Told of what happens to a victim. */
export interface VictimEvents {
  /** It answers again, so many ms after its death. */
  back(name: string, afterMs: number): void;
  /** It has died although nobody killed it: a finding. */
  diedByItself(what: string): void;
}

/** Starts a victim. `meant` says of a death that was not ours whether it was planned all the same. */
export async function startVictim(
  name: string,
  start: () => Promise<Part>,
  events: VictimEvents,
  meant: (exit: ChildExit) => boolean = () => false,
): Promise<Victim> {
  let part = await start();
  let ready = Promise.resolve();
  let killed = false;
  let diedAsPlanned = false;
  let stopping = false;

  const restart = async (): Promise<void> => {
    const diedAt = Date.now();
    part = await start();
    events.back(name, Date.now() - diedAt);
    void watch(part);
  };
  const watch = async (watched: Part): Promise<void> => {
    const exit = await watched.exited;
    if (stopping) return;
    diedAsPlanned = meant(exit);
    if (!killed && !diedAsPlanned) events.diedByItself(`${name} ${describeExit(exit)}`);
    killed = false;
    ready = restart();
    // Whoever waits for it gets the error.
    ready.catch(() => {});
  };
  void watch(part);

  return {
    name,
    up: () => ready,
    async kill() {
      await ready;
      const { pid, exited } = part;
      killed = true;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        return false;
      }
      await exited;
      return !diedAsPlanned;
    },
    async stop() {
      stopping = true;
      await ready.catch(() => {});
      await part.stop(5_000);
    },
  };
}
