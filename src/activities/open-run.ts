import type { OpenRunInput, OpenRunResult } from '../contracts/activities.js';
import { resourceWorkflowId } from '../contracts/names.js';
import { cursorText, noCounts, type RunState } from '../contracts/types.js';
import { type ActivityDeps, type TenantAccess, tenantOf } from './deps.js';
import { type Start, startOfClients, startOfLogs, startOfUsers } from './start.js';

/**
 * Decides where and how a run starts and writes its first ledger row. A run under any other workflow id than the
 * resource's own is sent there: the id is what keeps two writers apart.
 */
export async function openRun(deps: ActivityDeps, input: OpenRunInput): Promise<OpenRunResult> {
  const access = tenantOf(deps, input.tenant);
  const tenant = access.name;
  const workflowId = resourceWorkflowId(tenant, input.resource);
  if (input.workflowId !== workflowId) return { kind: 'redirect', tenant, workflowId };

  const { mode, cursor, warnings } = await findStart(deps, access, input);
  const state: RunState = {
    version: 1,
    tenant,
    resource: input.resource,
    runId: input.runId,
    epoch: input.epoch,
    mode,
    cursor,
    block: 0,
    counts: noCounts(),
    total: null,
    gaps: 0,
    warnings,
    pagesPerActivity: Math.min(Math.max(input.pagesPerActivity ?? access.extract.pagesPerActivity, 1), 50),
    firstCursor: cursorText(cursor),
    exportJobId: null,
    exportJobs: 0,
    exportLines: 0,
    serverTime: null,
    oldestDate: null,
    acceptDeletes: input.acceptDeletes ?? false,
  };
  // The workflow id is a lock: whoever held it before us has ended, whether it could say so or not.
  await deps.store.closeAbandonedRuns(state);
  await deps.store.writeRun(state, null);
  deps.log?.info({ mode, cursor: state.firstCursor }, 'run opened');
  for (const warning of warnings) deps.log?.warn(warning);
  return { kind: 'run', state };
}

async function findStart(
  { store }: ActivityDeps,
  { name: tenant, extract }: TenantAccess,
  input: OpenRunInput,
): Promise<Start> {
  switch (input.resource) {
    case 'clients':
      return startOfClients();
    case 'users': {
      const checkpoint = await store.readCheckpoint(tenant, 'users');
      return startOfUsers({
        from: input.from,
        full: input.full ?? false,
        checkpoint,
        held: checkpoint === null ? 0 : await store.countHeld(tenant, 'users'),
        snapshotIntervalMs: extract.snapshotIntervalMs,
        now: input.epoch,
      });
    }
    case 'logs': {
      const explicit = input.from !== undefined;
      const checkpoint = await store.readCheckpoint(tenant, 'logs');
      const held =
        !explicit && checkpoint !== null && (await store.holdsLog(tenant, checkpoint.lastId, checkpoint.lastDate));
      return startOfLogs({
        from: input.from,
        checkpoint,
        held,
        newest: held || explicit ? null : await store.newestLog(tenant),
        configured: extract.logsStart,
        lastCursor: input.lastCursor,
        overlapMs: extract.logsOverlapMs,
        retentionMs: extract.logRetentionMs,
        lastCompleted: await store.lastCompleted(tenant, 'logs'),
        now: input.epoch,
      });
    }
  }
}
