import { ApplicationFailure } from '@temporalio/workflow';
import type { AwaitUsersExportResult } from '../contracts/activities.js';
import { addCounts, type ExtractInput, noCounts, type ResourceResult, widen } from '../contracts/types.js';
import { lasting, paging } from './activities.js';
import { leaveFor, type Leaving, withoutWay } from './other-way.js';
import { type ResourceRun, runResource } from './resource-run.js';
import { withLost } from './run-state.js';
import { grouped } from './ui-text.js';

/** Export jobs that one run asks for: one that fails on the tenant, is late, or is gone before it is read, is asked for again. */
const MAX_EXPORT_JOBS = 3;

const NO_USER =
  'The users export held lines that are no user (no JSON, or no object): they were left out, and counted as malformed';

/** Copies the users: all of them when a snapshot is due, else those that changed since the watermark. */
export function extractUsers(input?: ExtractInput | null): Promise<ResourceResult> {
  return runResource('users', input, async (run) => {
    for (;;) {
      const next = run.state.mode === 'users-export' ? await tryExport(run) : await run.fetchAllPages();
      if (next === null) return;
      const { state, ended } = leaveFor(run.state, next);
      run.state = state;
      if (ended) return;
      run.enter('extracting');
    }
  });
}

/** The export job. Where the tenant makes none, pages may do: the first 1,000 users can be had by them. */
async function tryExport(run: ResourceRun): Promise<Leaving | null> {
  try {
    await exportUsers(run);
    return null;
  } catch (failure) {
    const error = withoutWay(failure);
    if (error === undefined) throw failure;
    return { mode: 'users-pages', readToEnd: false, error };
  }
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
      exportNonRecords:
        (skipLines === 0 ? 0 : (run.state.exportNonRecords ?? 0)) + (result.nonRecords ?? 0) + (result.lost ?? 0),
      total: result.total ?? run.state.total,
      totals: widen(run.state.totals, result.total),
      ...withLost(run.state, result.lost),
      counts: addCounts(counts, result.counts),
      warnings: [
        ...new Set([
          ...run.state.warnings,
          ...((result.nonRecords ?? 0) > 0 ? [NO_USER] : []),
          ...(result.warnings ?? []),
        ]),
      ],
    };
    if (result.outcome !== 'partial') return result.outcome === 'loaded';
    await run.continueIfLong();
  }
}
