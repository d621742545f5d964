import { Context } from '@temporalio/activity';
import { findOldestLog } from '../auth0/oldest-log.js';
import type { OpenRunInput, OpenRunResult } from '../contracts/activities.js';
import { windowBeginning } from '../contracts/cursor.js';
import { windowText } from '../contracts/log-window.js';
import { backfillWorkflowId, resourceWorkflowId } from '../contracts/names.js';
import { cursorText, noCounts, type RunState } from '../contracts/types.js';
import type { DestinationFacts } from '../clickhouse/identity.js';
import { believedCheckpoint } from './believed.js';
import { type ActivityDeps, type TenantAccess, tenantOf } from './deps.js';
import { askDestination } from './destination.js';
import { backfillWindow, checkRetention } from './start-backfill.js';
import { type Start, startOfClients, startOfLogs, startOfUsers } from './start.js';

/**
 * Decides where and how a run starts and writes its first ledger row. A run under any other workflow id than the
 * resource's own is sent there: the id is what keeps two writers apart.
 */
export async function openRun(deps: ActivityDeps, input: OpenRunInput): Promise<OpenRunResult> {
  if (input.backfill) return openBackfill(deps, input, input.backfill);
  const access = tenantOf(deps, input.tenant);
  const tenant = access.name;
  const workflowId = resourceWorkflowId(tenant, input.resource);
  if (input.workflowId !== workflowId) return { kind: 'redirect', tenant, workflowId };

  const destination = await askDestination(deps);
  return begin(deps, firstState(access, input, await findStart(deps, access, input, destination), destination));
}

/** A backfill's lock is its interval. Throws ExtractError where the interval is wrong, or has been dropped. */
async function openBackfill(
  deps: ActivityDeps,
  input: OpenRunInput,
  { available, ...asked }: NonNullable<OpenRunInput['backfill']>,
): Promise<OpenRunResult> {
  const access = tenantOf(deps, input.tenant);
  const tenant = access.name;
  const window = backfillWindow(asked, input.epoch);
  const workflowId = backfillWorkflowId(tenant, window);
  if (input.workflowId !== workflowId) return { kind: 'redirect', tenant, workflowId };

  const destination = await askDestination(deps);
  const api = access.openApi();
  const oldest = await findOldestLog(api, Context.current().cancellationSignal);
  const { logRetentionMs: retentionMs } = access.extract;
  const warnings = checkRetention({ window, available, oldest: oldest?.at ?? null, retentionMs, now: input.epoch });
  const start: Start = { mode: 'logs-backfill', cursor: windowBeginning(window, available), warnings };
  return begin(deps, {
    ...firstState(access, input, start, destination),
    firstCursor: windowText(window),
    backfill: { ...window, available },
    counts: { ...noCounts(), requests: api.requests() },
  });
}

/** Writes the run's first ledger row. */
async function begin(deps: ActivityDeps, state: RunState): Promise<OpenRunResult> {
  // The workflow id is a lock: whoever held it before us has ended, whether it could say so or not.
  await deps.store.closeAbandonedRuns(state);
  await deps.store.writeRun(state, null);
  deps.log?.info({ mode: state.mode, cursor: state.firstCursor }, 'run opened');
  for (const warning of state.warnings) deps.log?.warn(warning);
  return { kind: 'run', state };
}

function firstState(
  { name: tenant, extract }: TenantAccess,
  input: OpenRunInput,
  start: Start,
  { id }: DestinationFacts,
): RunState {
  const { mode, cursor, warnings } = start;
  return {
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
    pagesPerActivity: Math.min(Math.max(input.pagesPerActivity ?? extract.pagesPerActivity, 1), 50),
    firstCursor: cursorText(cursor),
    exportJobId: null,
    exportJobs: 0,
    exportLines: 0,
    serverTime: null,
    oldestDate: null,
    acceptDeletes: input.acceptDeletes ?? false,
    ...(id !== null && { databaseId: id }),
  };
}

async function findStart(
  { store }: ActivityDeps,
  { name: tenant, extract }: TenantAccess,
  input: OpenRunInput,
  { uptimeMs }: DestinationFacts,
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
      const lastCompleted = await store.lastCompleted(tenant, 'logs');
      const written = await store.readCheckpoint(tenant, 'logs');
      const serverStartedAt = Date.now() - uptimeMs;
      const { checkpoint, warnings } =
        written === null || explicit
          ? { checkpoint: written, warnings: [] }
          : await believedCheckpoint(store, written, { lastCompleted, serverStartedAt });
      const held =
        !explicit && checkpoint !== null && (await store.holdsLog(tenant, checkpoint.lastId, checkpoint.lastDate));
      const upTo = checkpoint === null || checkpoint.lastId === '' ? null : checkpoint;
      const start = startOfLogs({
        from: input.from,
        checkpoint,
        held,
        newest:
          held || explicit ? null : await store.newestLog(tenant, upTo && { logId: upTo.lastId, date: upTo.lastDate }),
        configured: extract.logsStart,
        lastCursor: input.lastCursor,
        overlapMs: extract.logsOverlapMs,
        retentionMs: extract.logRetentionMs,
        lastCompleted,
        now: input.epoch,
      });
      return { ...start, warnings: [...warnings, ...start.warnings] };
    }
  }
}
