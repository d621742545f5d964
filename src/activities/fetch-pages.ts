import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { type AnsweredPage, fetchPage } from '../auth0/page-fetch.js';
import { pagers } from '../auth0/paging/index.js';
import type { Gap, OtherWay } from '../auth0/paging/pager.js';
import type { FetchPagesInput, FetchPagesResult } from '../contracts/activities.js';
import { type Cursor, logsPosition } from '../contracts/cursor.js';
import { addCounts, cursorText, earlier, noCounts, type RunMode, widen } from '../contracts/types.js';
import type { RawRecord } from '../json/page.js';
import { parseInstant } from '../resources/columns.js';
import { resources } from '../resources/index.js';
import { type BlockWriter, createBlockWriter } from './block-writer.js';
import { addsUp } from './close-snapshot.js';
import { lostRecord, MOST_WARNINGS } from './lost-record.js';
import { countsSchema, cursorSchema } from './cursor-schema.js';
import { type ActivityDeps, tenantOf } from './deps.js';
import { withHeartbeat } from './heartbeat.js';
import { stillNew } from './still-new.js';

/**
 * Pages whose rows go into one insert: 5,000 rows cost ClickHouse half of what five times 1,000 do, most of it saved
 * merges. A run that has little to fetch stores what it has sooner.
 */
const FEWEST_PAGES_A_BLOCK = 10;
const MOST_PAGES_A_BLOCK = 50;
/** A long activity has some blocks, so that the fetch of one overlaps the insert of the one before. */
const FEWEST_BLOCKS_AN_ACTIVITY = 4;

/** An activity returns after this, ms, with what it has: a pause takes effect between two of them. */
const FETCH_FOR_MS = 4_000;

function pagesOfBlock({ maxPages }: FetchPagesInput): number {
  const pages = Math.ceil(maxPages / FEWEST_BLOCKS_AN_ACTIVITY);
  return Math.min(Math.max(pages, FEWEST_PAGES_A_BLOCK), MOST_PAGES_A_BLOCK);
}

/** What is stored: survives a crash in the heartbeat, and is what the activity returns. */
const progressSchema = z.object({
  cursor: cursorSchema,
  block: z.number().int(),
  done: z.boolean(),
  counts: countsSchema,
  total: z.number().nullable(),
  totals: z.object({ least: z.number(), most: z.number() }).nullish(),
  serverTime: z.number(),
  oldestDate: z.string().nullable(),
  gaps: z.number().int(),
  lost: z.number().int().default(0),
  warnings: z.array(z.string()),
});
type Progress = z.infer<typeof progressSchema>;

/**
 * Fetches up to `maxPages` pages and inserts them in blocks, the next pages being fetched while a block is stored.
 * It fails only when it has stored nothing: else it returns what it has, and whatever failed is the first thing that the
 * next activity tries. So each page has all attempts of the retry policy for itself.
 */
export async function fetchPages(deps: ActivityDeps, input: FetchPagesInput): Promise<FetchPagesResult> {
  const { cancellationSignal, info } = Context.current();
  const api = tenantOf(deps, input.tenant).openApi();
  const resource = resources[input.resource];
  const bound = deps.maxPageBytes === undefined ? {} : { maxBytes: deps.maxPageBytes };

  return withHeartbeat(progressSchema, async (heartbeat) => {
    const onward = heartbeat.resumed ? null : await stillNew(deps, input);
    const initial: Progress = {
      cursor: onward?.cursor ?? input.cursor,
      block: input.block,
      done: false,
      counts: noCounts(),
      total: null,
      totals: null,
      serverTime: 0,
      oldestDate: null,
      gaps: 0,
      lost: 0,
      warnings: onward?.warning === undefined ? [] : [onward.warning],
    };
    let stored: Progress = heartbeat.resumed ?? initial;
    const earlierRequests = stored.counts.requests;
    const withRequests = (progress: Progress): Progress => ({
      ...progress,
      counts: { ...progress.counts, requests: earlierRequests + api.requests() },
    });

    const tombstones = await tombstonesOf(deps, input);
    const writer = createBlockWriter(deps, resource, { ...input, tombstones });
    /** Position behind the pages that were fetched, which is ahead of what is stored. */
    let { cursor, total, totals, serverTime, done, gaps, lost, warnings } = stored;
    const firstPage = stored.counts.pages;
    let fetched = firstPage;
    let blockPages = 0;
    let nonRecords = 0;
    let switchTo: RunMode | null = onward?.switchTo ?? null;
    let readToEnd = false;

    const flush = async (): Promise<void> => {
      const pages = blockPages;
      const malformed = nonRecords;
      const position = { cursor, done, total, totals, serverTime, gaps, lost, warnings };
      blockPages = 0;
      nonRecords = 0;
      await writer.flush(async (block) => {
        const { rows } = block.counts;
        const stayedOut = { ...noCounts(), malformed, pages };
        const counts = addCounts(addCounts(stored.counts, { ...noCounts(), ...block.counts }), stayedOut);
        const settled = position.done && looksBackLast(position.cursor);
        const isMarked = settled || refusesOverlap(position.cursor) !== refusesOverlap(stored.cursor);
        const isNews = rows > 0 || isMarked || position.lost > stored.lost;
        const oldestDate = earlier(stored.oldestDate, block.oldestDate);
        deps.reached?.('inserted');
        const sent = { block: stored.block, rows: counts.rows, oldestDate, settled };
        if (isNews) await writeLogsCheckpoint(deps, input, position.cursor, sent);
        deps.reached?.('checkpointed');
        stored = { ...position, oldestDate, counts, block: stored.block + (isNews ? 1 : 0) };
        deps.meter?.pagesStored(input.tenant, input.resource, pages);
        deps.log?.debug({ pages, rows, cursor: cursorText(position.cursor) }, 'pages stored');
        heartbeat.progress(withRequests(stored));
      });
    };

    const ask = (from: Cursor, page: number): Promise<AnsweredPage> => {
      // How often this activity has begun says of its first page only how often that was asked for.
      const attempt = page === firstPage ? info.attempt : 1;
      const place = { page: input.pagesBefore + page, attempt, signal: cancellationSignal, ...bound };
      const answer = fetchPage(api, resource, from, place);
      // Thrown where it is waited for; what is not waited for, since something else has failed, is of no interest.
      answer.catch(() => {});
      return answer;
    };
    const startedAt = performance.now();
    let failure: unknown;
    try {
      let next = done || switchTo !== null || fetched >= input.maxPages ? null : ask(cursor, fetched);
      while (next !== null) {
        const page: AnsweredPage = await next;
        deps.reached?.('fetched');
        const { gap, recheck = [], take, warning } = page.step;
        fetched++;
        const isLate = performance.now() - startedAt > FETCH_FOR_MS;
        const isLast = page.step.done || page.step.switchTo !== null || fetched >= input.maxPages || isLate;
        // The tenant answers while the rows of this page are made ready.
        next = isLast ? null : ask(page.step.cursor, fetched);
        if (gap) {
          await deps.store.writeGap(input.tenant, input.resource, input.runId, gap);
          gaps++;
          warnings = [...warnings, describeGap(gap)];
          deps.meter?.gapFound(input.tenant, input.resource);
          deps.log?.warn({ gapFrom: gap.from, gapTo: gap.to }, describeGap(gap));
        }
        if (warning !== undefined) warnings = [...warnings, warning];
        if (serverTime === 0) warnings = [...warnings, ...skewWarnings(page)];
        if (page.nonRecords > 0) warnings = [...warnings, notARecord(input.resource)];
        nonRecords += page.nonRecords;
        if (page.lost.length > 0) {
          const named = await writeLost(deps, input, page.lost);
          lost += page.lost.length;
          warnings = [...warnings, ...named].slice(0, MOST_WARNINGS);
        }
        if (refusesOverlap(page.step.cursor) !== refusesOverlap(cursor)) warnings = [...warnings, OVERLAP_REFUSED];
        writer.add([...(await notHeld(deps, input, writer, recheck)), ...take], page.sentAt);
        if (page.tellsTime) serverTime ||= page.serverTime;
        ({ done, switchTo, readToEnd = false } = page.step);
        cursor = behindLost(page.step.cursor, cursor, page.lost);
        total = page.step.total ?? total;
        totals = widen(totals, page.step.total);
        blockPages++;
        if ((blockPages >= pagesOfBlock(input) || writer.isFull) && next !== null) await flush();
      }
    } catch (error) {
      failure = error;
    }
    try {
      // Also after a failure: the pages before the one that failed are good, and must not be fetched again.
      if (blockPages > 0) await flush();
      await writer.drain();
      if ((done || readToEnd) && failure === undefined) {
        const otherWay = await wayForTheRest(deps, input, stored);
        readToEnd = otherWay !== undefined;
        switchTo = otherWay?.switchTo ?? null;
        const said = otherWay ? [doesNotAddUp(input.resource)] : [];
        stored = {
          ...stored,
          cursor: otherWay?.cursor ?? stored.cursor,
          done: !otherWay,
          warnings: [...stored.warnings, ...said],
        };
      }
    } catch (error) {
      failure ??= error;
    }
    if (failure !== undefined) {
      heartbeat.progress(withRequests(stored));
      if (stored.counts.pages === 0) {
        cancellationSignal.throwIfAborted();
        throw failure instanceof Error ? failure : new Error('something other than an error was thrown');
      }
      switchTo = null;
    }
    deps.reached?.('completing');
    const { totals: counted = null, ...result } = withRequests(stored);
    return { ...result, totals: counted, switchTo, ...(switchTo !== null && { readToEnd }) };
  });
}

/** Another way to read a list whose pages have come to their end and hold less than the tenant counts. */
async function wayForTheRest(
  deps: ActivityDeps,
  input: FetchPagesInput,
  { cursor, total }: Progress,
): Promise<OtherWay<Cursor> | undefined> {
  const otherWay = pagers[cursor.kind].otherwise?.(cursor);
  if (otherWay === undefined || total === null) return undefined;
  return (await addsUp(deps, { ...input, cursor }, total)) ? undefined : otherWay;
}

/** Two clocks may differ by so much, ms, before somebody should look at them. */
const SKEW_TOLD_MS = 60_000;

function skewWarnings({ serverTime, sentAt }: AnsweredPage): string[] {
  const skew = serverTime - sentAt;
  if (Math.abs(skew) <= SKEW_TOLD_MS) return [];
  const where = skew > 0 ? 'ahead of' : 'behind';
  return [
    `The tenant's clock (its Date header) is ${Math.round(Math.abs(skew) / 60_000)} min ${where} this machine's: see doctor`,
  ];
}

function doesNotAddUp(resource: string): string {
  return `The pages of ${resource} hold fewer than the tenant counts: they are read another way`;
}

function notARecord(resource: string): string {
  return `A page of ${resource} held something that is no record (null, a number, a text, a list): it was left out, and counted as malformed`;
}

/** Said once: the checkpoint remembers it for the next runs. */
const OVERLAP_REFUSED =
  'The tenant takes no synthetic log positions: events that turn up behind the cursor later are not looked for';

function refusesOverlap(cursor: Cursor): boolean {
  return cursor.kind === 'logs' && cursor.overlapRefused;
}

function describeGap({ from, fromDate, to, toDate, reason }: Gap): string {
  const until = to === '' ? 'now' : (toDate ?? to);
  return `Events between ${fromDate ?? from} and ${until} may be lost: ${reason} (table pipeline_gaps)`;
}

/** Records that are too large to be read: each gets a row in `pipeline_gaps`, and a warning. */
async function writeLost(
  deps: ActivityDeps,
  { tenant, resource, runId }: FetchPagesInput,
  lost: readonly RawRecord[],
): Promise<string[]> {
  const named = lost.map((record) => lostRecord(resources[resource], record));
  for (const { gap, warning } of named) {
    await deps.store.writeGap(tenant, resource, runId, gap);
    deps.log?.warn(warning);
  }
  return named.map(({ warning }) => warning);
}

/** The position behind a page with lost records: the newest log that is held is still the one before them. */
function behindLost(next: Cursor, before: Cursor, lost: readonly RawRecord[]): Cursor {
  if (next.kind !== 'logs' || before.kind !== 'logs') return next;
  const isLost = lost.some((record) => resources.logs.keyOf(record) === next.logId);
  return isLost ? { ...next, logId: before.logId, date: before.date } : next;
}

/** Records of users and clients that are marked as deleted; logs are never deleted. */
async function tombstonesOf(deps: ActivityDeps, input: FetchPagesInput): Promise<ReadonlyMap<string, number>> {
  if (input.resource === 'logs') return new Map();
  return deps.snapshots.readTombstones(input.tenant, input.resource);
}

/** Of logs that may be held already, those that are not. */
async function notHeld(
  deps: ActivityDeps,
  input: FetchPagesInput,
  writer: BlockWriter,
  recheck: readonly RawRecord[],
): Promise<RawRecord[]> {
  const records = recheck.filter((record) => !writer.has(record));
  if (records.length === 0) return [];
  const resource = resources[input.resource];
  const dates = records.map(({ value }) => parseInstant(value['date'])).filter((date) => date !== undefined);
  const since = dates.length === 0 ? null : new Date(Math.min(...dates)).toISOString();
  const ids = records.map((record) => resource.keyOf(record)).filter((id) => id !== undefined);
  const held = await deps.store.heldLogs(input.tenant, ids, since);
  return records.filter((record) => !held.has(resource.keyOf(record) ?? ''));
}

/** Whether what was read is the lookback window for the last time: nothing newer than at the run's beginning was found. */
function looksBackLast(cursor: Cursor): boolean {
  return cursor.kind === 'logs' && cursor.looksBackLast === true && cursor.logId === cursor.began?.logId;
}

/** Logs only: the next run goes on behind the rows that have just been stored. */
async function writeLogsCheckpoint(
  deps: ActivityDeps,
  input: FetchPagesInput,
  cursor: Cursor,
  { block, rows, oldestDate, settled }: { block: number; rows: number; oldestDate: string | null; settled: boolean },
): Promise<void> {
  if (cursor.kind !== 'logs') return;
  const position = logsPosition(cursor);
  if (position === null) return;
  const { began, logId } = cursor;
  const sent = { rows: (input.rowsBefore ?? 0) + rows, since: earlier(input.oldestBefore ?? null, oldestDate) };
  await deps.store.writeCheckpoint({
    tenant: input.tenant,
    resource: input.resource,
    epoch: input.epoch,
    block,
    runId: input.runId,
    cursor: position,
    lastId: logId ?? '',
    lastDate: cursor.date,
    snapshotAt: null,
    rowsHeld: 0,
    overlapRefused: cursor.overlapRefused,
    settled,
    ...(began && { run: { from: began.from, fromId: began.logId, fromDate: began.date, ...sent } }),
  });
}
