import { ApplicationFailure } from '@temporalio/workflow';
import type { AwaitUsersExportResult } from '../contracts/activities.js';
import { FIRST_USERS_PAGE } from '../contracts/cursor.js';
import { addCounts, type ExtractInput, noCounts, type ResourceResult } from '../contracts/types.js';
import { lasting, paging } from './activities.js';
import { type ResourceRun, runResource } from './resource-run.js';
import { grouped } from './ui-text.js';

/** Export jobs that one run asks for: one that fails on the tenant, is late, or is gone before it is read, is asked for again. */
const MAX_EXPORT_JOBS = 3;

/** Copies the users: all of them when a snapshot is due, else those that changed since the watermark. */
export function extractUsers(input?: ExtractInput | null): Promise<ResourceResult> {
  return runResource('users', input, async (run) => {
    while (run.state.mode !== 'users-export') {
      const switchTo = await run.fetchAllPages();
      if (switchTo === null) return;
      const cursor = switchTo === 'users-pages' ? FIRST_USERS_PAGE : null;
      run.state = { ...run.state, mode: switchTo, cursor };
    }
    await exportUsers(run);
  });
}

async function exportUsers(run: ResourceRun): Promise<void> {
  run.enter('exporting');
  for (;;) {
    await run.waitIfPaused();
    const jobId = run.state.exportJobId ?? (await startExport(run));
    const outcome = await awaitExport(run, jobId);
    if (outcome === 'completed' && (await loadExport(run, jobId))) return;
    if (run.state.exportJobs >= MAX_EXPORT_JOBS) {
      const message = `The tenant could not complete a users export in ${MAX_EXPORT_JOBS} tries (${outcome})`;
      throw ApplicationFailure.nonRetryable(message, 'ExportFailed');
    }
    run.state = { ...run.state, exportJobId: null, exportLines: 0 };
  }
}

async function startExport(run: ResourceRun): Promise<string> {
  const { tenant } = run.state;
  const { jobId, requests, serverTime } = await paging.startUsersExport.executeWithOptions(
    { summary: 'ask for a users export' },
    [{ tenant }],
  );
  const counts = addCounts(run.state.counts, { ...noCounts(), requests });
  run.state = {
    ...run.state,
    exportJobId: jobId,
    exportJobs: run.state.exportJobs + 1,
    exportAskedAt: Date.now(),
    counts,
    serverTime: run.state.serverTime ?? serverTime,
  };
  return jobId;
}

async function awaitExport(
  run: ResourceRun,
  jobId: string,
): Promise<Exclude<AwaitUsersExportResult['outcome'], 'pending'>> {
  const { tenant, epoch, exportAskedAt: askedAt = epoch } = run.state;
  for (;;) {
    await run.waitIfPaused();
    const options = { summary: `wait for export ${jobId}` };
    const { outcome, requests } = await lasting.awaitUsersExport.executeWithOptions(options, [
      { tenant, jobId, askedAt, total: run.state.total },
    ]);
    run.state = { ...run.state, counts: addCounts(run.state.counts, { ...noCounts(), requests }) };
    if (outcome !== 'pending') return outcome;
    await run.continueIfLong();
  }
}

/** Loads the file. False when the job is gone. */
async function loadExport(run: ResourceRun, jobId: string): Promise<boolean> {
  for (;;) {
    await run.waitIfPaused();
    const { tenant, runId, epoch, block, exportLines: skipLines, counts } = run.state;
    const options = { summary: `load export ${jobId} from line ${grouped(skipLines + 1)}` };
    const result = await lasting.loadUsersExport.executeWithOptions(options, [
      { tenant, runId, epoch, jobId, block, skipLines },
    ]);
    run.state = {
      ...run.state,
      block: result.block,
      exportLines: result.lines,
      total: smaller(run.state.total, result.total),
      counts: addCounts(counts, result.counts),
    };
    if (result.outcome !== 'partial') return result.outcome === 'loaded';
    await run.continueIfLong();
  }
}

/** Users come and go while a job runs: what the tenant had at least is what the file must hold at least. */
function smaller(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
