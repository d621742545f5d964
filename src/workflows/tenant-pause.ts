import { allHandlersFinished, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import {
  type ControlledRun,
  type Pause,
  type PauseInput,
  reasonOf,
  type TenantControlAnswer,
} from '../contracts/control.js';
import { short } from './activities.js';
import { pauseTenantUpdate, resumeTenantUpdate } from './messages.js';
import { because, refuseWhere, wrongIn } from './pause.js';

/** The pause of a tenant's run: it passes the message on to the resource runs that it waits for. */
export interface TenantPauses {
  /** Waits while it was paused before any resource run had begun. Throws where the run is cancelled. */
  wait(tenant: string): Promise<void>;
  /** A resource run has begun, or has ended. */
  began(workflowId: string): void;
  ended(workflowId: string): void;
  /** Lets updates under way answer. */
  finish(): Promise<void>;
}

/** Lets operators pause and resume all resource runs of a tenant's run by updates. */
export function acceptTenantPauses(): TenantPauses {
  const running = new Set<string>();
  let tenant = '';
  /** Only before the resource runs begin: from then on the pause is theirs. */
  let pause: Pause | null = null;
  let begun = false;

  const passOn = async (action: 'pause' | 'resume', reason: string | null): Promise<TenantControlAnswer> => {
    const workflowIds = [...running];
    const options = { summary: `${action} ${workflowIds.length} runs` };
    const runs = await short.controlRuns.executeWithOptions(options, [
      { action, workflowIds, ...(reason !== null && { reason }) },
    ]);
    return { tenant, runs, message: runs.map((run) => describe(run)).join('; ') };
  };
  const refuse = (): void => {
    if (begun && running.size === 0) refuseWhere('The run is ending: none of its resource runs is under way');
  };

  setHandler(
    pauseTenantUpdate,
    async (input?: PauseInput) => {
      const reason = reasonOf(input);
      if (begun) return passOn('pause', reason);
      pause = { since: new Date().toISOString(), reason };
      return { tenant, runs: [], message: 'Paused before its resource runs begin' };
    },
    {
      description:
        'Pause every resource run that this run waits for: each stores its pages in flight, then waits. Input: {"reason": "..."}, or nothing',
      validator: (input?: PauseInput) => {
        refuse();
        if (pause !== null) refuseWhere(`It is paused already, since ${pause.since}${because(pause)}`);
        refuseWhere(wrongIn(input));
      },
    },
  );
  setHandler(
    resumeTenantUpdate,
    async () => {
      if (begun) return passOn('resume', null);
      pause = null;
      return { tenant, runs: [], message: 'Its resource runs begin now' };
    },
    {
      description: 'Let every resource run that this run waits for go on after a pause. No input',
      validator: () => {
        refuse();
        if (!begun && pause === null) refuseWhere('It is not paused');
      },
    },
  );

  return {
    async wait(name) {
      tenant = name;
      await condition(() => pause === null);
      begun = true;
    },
    began: (workflowId) => void running.add(workflowId),
    ended: (workflowId) => void running.delete(workflowId),
    async finish() {
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    },
  };
}

function describe({ workflowId, status, message }: ControlledRun): string {
  return `${workflowId} ${status} (${message})`;
}
