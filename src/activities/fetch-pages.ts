import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { ManagementApi } from '../auth0/http.js';
import { pagers } from '../auth0/paging/index.js';
import { type FetchedPage, linkFrom, type PageStep } from '../auth0/paging/pager.js';
import type { FetchPagesInput, FetchPagesResult } from '../contracts/activities.js';
import type { Cursor } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import { addCounts, cursorText, noCounts, type RunMode } from '../contracts/types.js';
import { parsePage } from '../json/page.js';
import { JsonTextError } from '../json/scan.js';
import { resources } from '../resources/index.js';
import { createBlockWriter } from './block-writer.js';
import { countsSchema, cursorSchema } from './cursor-schema.js';
import { type ActivityDeps, tenantOf } from './deps.js';
import { withHeartbeat } from './heartbeat.js';

/** Pages whose rows go into one insert: 1,000 rows cost a third of the CPU of ten times 100. */
const PAGES_PER_BLOCK = 10;

/** What is stored: survives a crash in the heartbeat, and is what the activity returns. */
const progressSchema = z.object({
  cursor: cursorSchema,
  block: z.number().int(),
  done: z.boolean(),
  counts: countsSchema,
  total: z.number().nullable(),
  serverTime: z.number(),
});
type Progress = z.infer<typeof progressSchema>;

/**
 * Fetches up to `maxPages` pages and inserts them in blocks, the next pages being fetched while a block is stored.
 * It fails only when it has stored nothing: else it returns what it has, and whatever failed is the first thing that the
 * next activity tries. So each page has all attempts of the retry policy for itself.
 */
export async function fetchPages(deps: ActivityDeps, input: FetchPagesInput): Promise<FetchPagesResult> {
  const { cancellationSignal } = Context.current();
  const api = tenantOf(deps, input.tenant).openApi();
  const resource = resources[input.resource];

  return withHeartbeat(progressSchema, async (heartbeat) => {
    const initial: Progress = {
      cursor: input.cursor,
      block: input.block,
      done: false,
      counts: noCounts(),
      total: null,
      serverTime: 0,
    };
    let stored: Progress = heartbeat.resumed ?? initial;
    const earlierRequests = stored.counts.requests;
    const withRequests = (progress: Progress): Progress => ({
      ...progress,
      counts: { ...progress.counts, requests: earlierRequests + api.requests() },
    });

    const writer = createBlockWriter(deps, resource, input, cancellationSignal);
    /** Position behind the pages that were fetched, which is ahead of what is stored. */
    let { cursor, total, serverTime, done } = stored;
    let fetched = stored.counts.pages;
    let blockPages = 0;
    let switchTo: RunMode | null = null;

    const flush = async (): Promise<void> => {
      const pages = blockPages;
      const position = { cursor, done, total, serverTime };
      blockPages = 0;
      await writer.flush(async (block) => {
        const counts = addCounts(stored.counts, { ...noCounts(), ...block, pages });
        if (block.rows > 0) await writeLogsCheckpoint(deps, input, position.cursor, stored.block);
        stored = { ...position, counts, block: stored.block + (block.rows > 0 ? 1 : 0) };
        heartbeat.progress(withRequests(stored));
      });
    };

    try {
      while (!done && switchTo === null && fetched < input.maxPages) {
        const page = await fetchPage(api, input, cursor, fetched, cancellationSignal);
        writer.add(page.step.take, 'api', page.sentAt);
        serverTime ||= page.serverTime;
        ({ cursor, done, switchTo } = page.step);
        total = page.step.total ?? total;
        fetched++;
        blockPages++;
        if (blockPages >= PAGES_PER_BLOCK && !done) await flush();
      }
      await flush();
      await writer.drain();
    } catch (error) {
      cancellationSignal.throwIfAborted();
      // A block under way may still be stored; if it fails too, the first error is the one to tell.
      await writer.drain().catch(() => {});
      if (stored.counts.pages === 0) {
        heartbeat.progress(withRequests(stored));
        throw error;
      }
      switchTo = null;
    }
    return { ...withRequests(stored), switchTo };
  });
}

interface AnsweredPage {
  step: PageStep<Cursor>;
  sentAt: number;
  /** The tenant's own time, ms since 1970; ours where it does not say. */
  serverTime: number;
}

/** Fetches the page at a cursor; where the tenant refuses a way of asking, the pager may know another. */
async function fetchPage(
  api: ManagementApi,
  input: FetchPagesInput,
  start: Cursor,
  page: number,
  signal: AbortSignal,
): Promise<AnsweredPage> {
  const pager = pagers[input.mode];
  let cursor = start;
  for (;;) {
    try {
      const { headers, text, sentAt } = await api.send(pager.request(cursor), signal);
      const step = pager.advance(cursor, readPage(text, headers, resources[input.resource].listName));
      const date = Date.parse(headers.get('date') ?? '');
      return { step, sentAt, serverTime: Number.isFinite(date) ? date : sentAt };
    } catch (error) {
      const known = error instanceof ExtractError ? error : undefined;
      const recovered = known && pager.recover(cursor, known);
      if (!recovered) throw known?.at({ resource: input.resource, page, cursor: cursorText(start) }) ?? error;
      if (recovered.switchTo !== null) {
        const step = { ...recovered, done: false, take: [], total: null };
        return { step, sentAt: Date.now(), serverTime: 0 };
      }
      ({ cursor } = recovered);
    }
  }
}

function readPage(text: string, headers: Headers, listName: string): FetchedPage {
  try {
    return { ...parsePage(text, listName), linkFrom: linkFrom(headers.get('link')) };
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new ExtractError('UnreadableAnswer', `The tenant's answer is no list of ${listName}: ${error.message}`, {
      status: 200,
    });
  }
}

/** Logs only: the next run goes on behind the rows that have just been stored. */
async function writeLogsCheckpoint(
  deps: ActivityDeps,
  input: FetchPagesInput,
  cursor: Cursor,
  block: number,
): Promise<void> {
  if (cursor.kind !== 'logs' || cursor.from === null) return;
  await deps.store.writeCheckpoint({
    tenant: input.tenant,
    resource: input.resource,
    epoch: input.epoch,
    block,
    runId: input.runId,
    cursor: cursor.from,
    lastId: cursor.logId ?? '',
    lastDate: cursor.date,
    snapshotAt: null,
    rowsHeld: 0,
  });
}
