import { downloadLines } from '../auth0/export-download.js';
import { createExportJob, downloadUrl, readExportJob, waitForExport } from '../auth0/export-job.js';
import { fetchPage, readExportLine, refuseNonsenseFile } from '../auth0/page-fetch.js';
import { type Cursor, FIRST_CLIENTS_PAGE, FIRST_USERS_PAGE } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import { parseRecord, type RawRecord } from '../json/page.js';
import { JsonTextError } from '../json/scan.js';
import { isCut } from '../json/skim.js';
import type { Resource } from '../resources/resource.js';
import type { VerifyDeps } from './deps.js';

/** Records of the tenant, as they come. */
export interface SourcePage {
  records: readonly RawRecord[];
  /** Export lines hold only the fields that were named. */
  source: 'api' | 'export';
  /** When they were asked for by our clock and by the tenant's own, ms since 1970. */
  fetchedAt: number;
  serverTime: number;
}

type Access = Pick<VerifyDeps, 'api' | 'retry' | 'signal'>;

/** Reads a list from a cursor to its end. Returns true when it can only be read whole by an export job. */
export async function* readPages(
  access: Access,
  resource: Resource,
  start: Cursor,
): AsyncGenerator<SourcePage, boolean> {
  let cursor = start;
  for (;;) {
    const here = cursor;
    const {
      step,
      sentAt: fetchedAt,
      serverTime,
    } = await access.retry(() => fetchPage(access.api, resource, here, { signal: access.signal }));
    const records = [...(step.recheck ?? []), ...step.take];
    if (records.length > 0) yield { records, source: 'api', fetchedAt, serverTime };
    if (step.switchTo !== null) return true;
    if (step.done) return false;
    ({ cursor } = step);
  }
}

/**
 * Reads all users or all clients. A record may come twice: when pages turn out not to hold all, everything is
 * read again by an export job. `exportFields`: what such a job is asked for.
 */
export async function* readSnapshot(
  access: Access,
  resource: Resource,
  exportFields: readonly string[],
): AsyncGenerator<SourcePage> {
  const first = resource.name === 'users' ? FIRST_USERS_PAGE : FIRST_CLIENTS_PAGE;
  const needsExport = yield* readPages(access, resource, first);
  if (needsExport) yield* readExport(access, exportFields);
}

/** Export jobs that are asked for: one that fails on the tenant is asked for again. */
const MAX_EXPORT_JOBS = 3;
/** A job and its file are deleted after that. */
const JOB_LIFE_MS = 24 * 3_600_000;
/** Downloads of one file that are begun: after the first, lines come again that were read before. */
const MAX_DOWNLOADS = 8;

async function* readExport(access: Access, fields: readonly string[]): AsyncGenerator<SourcePage> {
  const { api, retry, signal } = access;
  const id = await completedExport(access, fields);
  for (let tries = 1; ; tries++) {
    const fetchedAt = Date.now();
    // A link is good for 60 s, so each download begins with a fresh one.
    const job = await retry(() => readExportJob(api, id, signal));
    if (job?.location === undefined)
      throw new ExtractError('UnreadableAnswer', 'The completed export job has no link', { resource: 'users' });
    let lines = 0;
    let nonRecords = 0;
    try {
      for await (const batch of downloadLines(downloadUrl(job.location, api.origin), signal, api.timeoutMs)) {
        const read = batch.map((line) => readExportLine(line)).filter((record) => record !== undefined);
        // What is too large to be read is not held either: a copy names it in pipeline_gaps.
        const records = read.filter(({ raw }) => !isCut(raw));
        lines += batch.length;
        nonRecords += batch.length - read.length;
        yield { records, source: 'export', fetchedAt, serverTime: fetchedAt };
      }
      refuseNonsenseFile(lines, nonRecords);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ExtractError) || tries >= MAX_DOWNLOADS) throw error;
      // Waits as for any other failed request, and then tries the whole file again.
      let failed = false;
      await retry(async () => {
        if (failed) return;
        failed = true;
        throw error.at({ resource: 'users', cursor: `line ${lines}` });
      });
    }
  }
}

/** Asks for an export, waits until it is there, and returns its id. Throws ExtractError when the tenant cannot make one. */
async function completedExport({ api, retry, signal }: Access, fields: readonly string[]): Promise<string> {
  for (let jobs = 1; ; jobs++) {
    const { id } = await retry(() => createExportJob(api, fields, signal));
    const until = Date.now() + JOB_LIFE_MS;
    const { outcome } = await waitForExport(() => retry(() => readExportJob(api, id, signal)), { until, signal });
    if (outcome === 'completed') return id;
    if (jobs >= MAX_EXPORT_JOBS)
      throw new ExtractError(
        'ExportFailed',
        `The tenant could not complete a users export in ${MAX_EXPORT_JOBS} tries (${outcome})`,
        { resource: 'users' },
      );
  }
}

/** One record by its key, which is immediately consistent where lists are not. Null where the tenant has none such. */
export async function readRecord(access: Access, resource: Resource, key: string): Promise<RawRecord | null> {
  const path = `${resource.path}/${encodeURIComponent(key)}`;
  try {
    const { text } = await access.retry(() => access.api.send({ path }, access.signal));
    const record = parseRecord(text);
    return resource.keyOf(record) === key ? record : null;
  } catch (error) {
    // A key that cannot be one of the tenant's is a 400, or leads to something that is no record.
    if (error instanceof JsonTextError) return null;
    if (error instanceof ExtractError && (error.context.status === 404 || error.context.status === 400)) return null;
    throw error;
  }
}
