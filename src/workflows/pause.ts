import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  setHandler,
} from '@temporalio/workflow';
import { type ControlAnswer, type Pause, type PauseInput, reasonOf, type ShownPause } from '../contracts/control.js';
import type { Progress } from '../contracts/types.js';
import { pauseUpdate, resumeUpdate } from './messages.js';
import { grouped } from './ui-text.js';

/** What the pause of a run needs to know of it. */
export interface PausedRun {
  /** A pause that an earlier run of the chain was given. */
  initial: Pause | null;
  workflowId: string;
  progress(): Progress;
  /** Why the run can neither be paused nor resumed any more; undefined while it can. */
  refusal(): string | undefined;
  /** Told after every change. */
  changed(pause: Pause | null): void;
}

/** The pause of a run. */
export interface PauseControl {
  readonly pause: Pause | null;
  shown(): ShownPause | null;
  /**
   * Waits here while the run is paused, and says whether it had to. Nothing is in flight then. Throws where the run is
   * cancelled.
   */
  wait(): Promise<boolean>;
  /** Lets updates answer that wait for the page in flight: the run ends, or goes on as a new one. */
  finish(): Promise<void>;
}

/** So long an update waits for the page in flight, so that it can tell what was stored. */
const SETTLE = '5s';

/** Lets operators pause and resume a run by updates. */
export function acceptPauses(run: PausedRun): PauseControl {
  let pause = run.initial;
  let settled = false;
  let over = false;
  const set = (next: Pause | null): void => {
    pause = next;
    run.changed(next);
  };
  const answer = (status: ControlAnswer['status'], what: string): ControlAnswer => {
    const { tenant, resource, pages, rows, cursor } = run.progress();
    const message = `${what}: ${grouped(rows)} rows of ${resource} are stored`;
    return { status, tenant, resource, workflowId: run.workflowId, pages, rows, cursor, message };
  };

  setHandler(
    pauseUpdate,
    async (input?: PauseInput) => {
      const asked: Pause = { since: new Date().toISOString(), reason: reasonOf(input) };
      set(asked);
      await condition(() => settled || over || pause !== asked, SETTLE);
      if (over) throw ApplicationFailure.nonRetryable('The run has ended before it could pause', 'Refused');
      if (pause !== asked) return answer('resumed', 'It was resumed before it could pause');
      return settled
        ? answer('paused', 'Paused after the pages in flight')
        : answer('pausing', 'It waits as soon as the pages in flight are stored, or have failed for good');
    },
    {
      description:
        'Store the pages in flight, then wait until resume. Input: {"reason": "..."}, or nothing. A paused run keeps its position over restarts',
      validator: (input?: PauseInput) => {
        refuseWhere(run.refusal());
        if (pause !== null) refuseWhere(`It is paused already, since ${pause.since}${because(pause)}`);
        refuseWhere(wrongIn(input));
      },
    },
  );
  setHandler(
    resumeUpdate,
    () => {
      set(null);
      return answer('resumed', 'It goes on where it was');
    },
    {
      description: 'Go on after a pause, at the same position. No input',
      validator: () => {
        refuseWhere(run.refusal());
        if (pause === null) refuseWhere('It is not paused');
      },
    },
  );

  return {
    get pause() {
      return pause;
    },
    shown: () => pause && { ...pause, settled },
    async wait() {
      if (pause === null) return false;
      settled = true;
      run.changed(pause);
      try {
        await condition(() => pause === null);
      } finally {
        settled = false;
      }
      return true;
    },
    async finish() {
      over = true;
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    },
  };
}

/** ` (maintenance)`, or nothing. */
export function because({ reason }: Pick<Pause, 'reason'>): string {
  return reason === null ? '' : ` (${reason})`;
}

/** Refuses an update, where there is a reason to: what a validator throws is what the caller reads. */
export function refuseWhere(problem: string | undefined): void {
  if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem, 'Refused');
}

/** What is wrong with the input of `pause`. */
export function wrongIn(input: unknown): string | undefined {
  try {
    reasonOf(input);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'The input cannot be read';
  }
}
