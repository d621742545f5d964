import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { ManagementApi } from '../auth0/http.js';
import { readExportLine, refuseNonsenseFile } from '../auth0/page-fetch.js';
import { downloadLines } from '../auth0/export-download.js';
import { createExportJob, downloadUrl, readExportJob, waitForExport } from '../auth0/export-job.js';
import { refuseRepetition } from '../auth0/paging/trail.js';
import type {
  AwaitUsersExportInput,
  AwaitUsersExportResult,
  LoadUsersExportInput,
  LoadUsersExportResult,
} from '../contracts/activities.js';
import { ExtractError } from '../contracts/errors.js';
import { addCounts, noCounts } from '../contracts/types.js';
import { parsePage, type RawRecord } from '../json/page.js';
import { isCut } from '../json/skim.js';
import { EXPORT_FIELDS, exportedNames, users } from '../resources/users.js';
import { lostRecord, MOST_WARNINGS } from './lost-record.js';
import { createBlockWriter } from './block-writer.js';
import { countsSchema } from './cursor-schema.js';
import { type ActivityDeps, tenantOf } from './deps.js';
import { withHeartbeat } from './heartbeat.js';

/** Rows of one insert, and those of the piece of the file that reaches it: beyond some 10,000 inserts get slower again. */
const ROWS_PER_BLOCK = 10_000;
/** Lines, and characters of them, for which the stored records are looked up at once. */
const LINES_PER_LOOKUP = 5_000;
const CHARACTERS_PER_LOOKUP = 4 * 1024 * 1024;

/** Lines after which it is counted how many of them are different users. */
const LINES_BEFORE_COUNT = 100_000;

/** Asks the tenant for an export of all users. */
export async function startUsersExport(deps: ActivityDeps, input: { tenant: string }) {
  const tenant = tenantOf(deps, input.tenant);
  const api = tenant.openApi();
  const fields = [...EXPORT_FIELDS, ...tenant.extract.exportFields];
  const job = await createExportJob(api, fields, Context.current().cancellationSignal);
  deps.log?.info({ jobId: job.id, fields: fields.length }, 'users export asked for');
  return { jobId: job.id, requests: api.requests(), serverTime: job.createdAt ?? job.answeredAt };
}

/** Users for whom a job may take the setting's time once. */
const USERS_PER_WAIT = 100_000;

/**
 * Waits until a job has ended, or has taken longer than its size explains. An error after a first answer ends the wait,
 * not the job.
 */
export async function awaitUsersExport(
  deps: ActivityDeps,
  input: AwaitUsersExportInput,
): Promise<AwaitUsersExportResult> {
  const { cancellationSignal: signal } = Context.current();
  const tenant = tenantOf(deps, input.tenant);
  const api = tenant.openApi();
  const waits = Math.max(1, Math.ceil((input.total ?? 0) / USERS_PER_WAIT));
  const until = input.askedAt + waits * tenant.extract.exportWaitMs;
  return withHeartbeat(z.never(), async () => {
    let answered = false;
    const read = async () => {
      const job = await readExportJob(api, input.jobId, signal);
      answered = true;
      return job;
    };
    try {
      return { ...(await waitForExport(read, { until, signal })), requests: api.requests() };
    } catch (error) {
      signal.throwIfAborted();
      if (!answered) throw error;
      return { outcome: 'pending', requests: api.requests() };
    }
  });
}

const progressSchema = z.object({
  lines: z.number().int(),
  nonRecords: z.number().int().default(0),
  lost: z.number().int().default(0),
  warnings: z.array(z.string()).default([]),
  block: z.number().int(),
  counts: countsSchema,
});
type Progress = z.infer<typeof progressSchema>;

/**
 * Streams the file of a completed job into the destination. What an earlier attempt has stored is skipped, not stored
 * again. Like a page fetch it fails only when it has stored nothing.
 */
export async function loadUsersExport(deps: ActivityDeps, input: LoadUsersExportInput): Promise<LoadUsersExportResult> {
  const { cancellationSignal } = Context.current();
  const tenant = tenantOf(deps, input.tenant);
  const api = tenant.openApi();

  return withHeartbeat(progressSchema, async (heartbeat) => {
    const initial: Progress = {
      lines: input.skipLines,
      nonRecords: 0,
      lost: 0,
      warnings: [],
      block: input.block,
      counts: noCounts(),
    };
    let stored = heartbeat.resumed ?? initial;
    const earlierRequests = stored.counts.requests;
    let total: number | null = null;
    const fetchedAt = Date.now();
    const withRequests = (): Progress => ({
      ...stored,
      counts: { ...stored.counts, requests: earlierRequests + api.requests() },
    });
    const result = (outcome: LoadUsersExportResult['outcome']): LoadUsersExportResult => ({
      ...withRequests(),
      outcome,
      total,
    });
    const tombstones = await deps.snapshots.readTombstones(input.tenant, 'users');
    const writer = createBlockWriter(deps, users, { ...input, tombstones });
    const names = exportedNames(tenant.extract.exportFields);
    const isBeyond = await deps.store.areThereBeyond(input.tenant, users, names);
    let lines = 0;
    let nonRecords = 0;
    let countAt = input.skipLines + LINES_BEFORE_COUNT;
    let waiting: RawRecord[] = [];
    let waitingLength = 0;
    const take = async (): Promise<void> => {
      const whole = isBeyond ? await deps.store.addBeyond(input.tenant, users, names, waiting) : waiting;
      // Only now: what could not be looked up is still to be stored.
      waiting = [];
      waitingLength = 0;
      writer.add(whole, fetchedAt);
    };
    /** Throws ExtractError (SourceStuck) where the file goes on with the same users for ever. */
    const refuseEndless = async (read: number): Promise<void> => {
      const { seen } = await deps.snapshots.countSeen({ tenant: input.tenant, resource: 'users', runId: input.runId });
      refuseRepetition('The export file', read, seen);
    };
    let { lost, warnings } = stored;
    /** A user that is too large to be read: named, and the others go on. */
    const passBy = async (record: RawRecord): Promise<void> => {
      const { gap, warning } = lostRecord(users, record);
      await deps.store.writeGap(input.tenant, 'users', input.runId, gap);
      deps.log?.warn(warning);
      lost++;
      warnings = [...warnings, warning].slice(0, MOST_WARNINGS);
    };
    const flush = async (): Promise<void> => {
      await take();
      const position = { lines, lost, warnings };
      const malformed = nonRecords;
      nonRecords = 0;
      await writer.flush(async (block) => {
        deps.reached?.('inserted');
        const stayedOut = { ...noCounts(), malformed };
        const counts = addCounts(addCounts(stored.counts, { ...noCounts(), ...block.counts }), stayedOut);
        stored = { ...position, nonRecords: stored.nonRecords + malformed, block: stored.block + 1, counts };
        heartbeat.progress(withRequests());
      });
    };

    try {
      const job = await readExportJob(api, input.jobId, cancellationSignal);
      if (job === null) return result('gone');
      if (job.location === undefined)
        throw new ExtractError('UnreadableAnswer', 'The completed export job has no link');
      const skip = stored.lines;
      // An attempt that has stored something ends well, whatever ended it: the next one must not begin then.
      if (skip >= LINES_BEFORE_COUNT) await refuseEndless(skip);
      const url = downloadUrl(job.location, api.origin);
      for await (const batch of downloadLines(url, cancellationSignal, api.timeoutMs, deps.maxPageBytes)) {
        for (const line of batch) {
          lines++;
          if (lines <= skip) continue;
          const record = readExportLine(line);
          if (record === undefined) nonRecords++;
          else if (isCut(record.raw)) await passBy(record);
          else {
            waiting.push(record);
            waitingLength += record.raw.length;
          }
        }
        if (waiting.length >= LINES_PER_LOOKUP || waitingLength >= CHARACTERS_PER_LOOKUP || !isBeyond) await take();
        if (writer.collected >= ROWS_PER_BLOCK || writer.isFull) await flush();
        if (lines < countAt) continue;
        countAt = lines + LINES_BEFORE_COUNT;
        await refuseEndless(lines);
      }
      if (skip === 0) refuseNonsenseFile(lines, nonRecords);
      if (lines > skip) await flush();
      await writer.drain();
      total = await countUsers(api, cancellationSignal);
      deps.reached?.('completing');
      return result('loaded');
    } catch (error) {
      // The users before the one where it broke off are good, and need not be sent again.
      if (waiting.length + writer.collected > 0) await flush().catch(() => {});
      await writer.drain().catch(() => {});
      heartbeat.progress(withRequests());
      if (stored.lines > input.skipLines) return result('partial');
      cancellationSignal.throwIfAborted();
      throw error instanceof ExtractError ? error.at({ resource: 'users', cursor: `line ${stored.lines}` }) : error;
    }
  });
}

/** How many users the tenant has now; null where it does not say, or is not asked in time. */
async function countUsers(api: ManagementApi, signal: AbortSignal): Promise<number | null> {
  try {
    const query = { page: '0', per_page: '1', include_totals: 'true' };
    return parsePage((await api.send({ path: users.path, query }, signal)).text, users.listName).total;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
