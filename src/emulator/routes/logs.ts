import { managementError } from '../api-error.js';
import type { EmulatorContext } from '../context.js';
import { wireReply, type EmulatorRequest, type Reply } from '../exchange.js';
import { listText } from '../list-shape.js';
import { isLogId, syntheticLogId, timeOfLogId } from '../log-id.js';
import { logOrder, searchLogs } from '../log-search.js';
import { fieldSelection, isBeyondWall, logWallError, pageParameters, sortParameter, takeParameter } from '../paging.js';
import { objectText, selectMembers, splitMembers, type WireText } from '../wire-text.js';

/** GET /api/v2/logs, by checkpoint or as a search. Throws the API's 400 for bad parameters and lost positions. */
export function listLogs(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { query } = request;
  return query.has('from') || query.has('take') ? checkpointPage(context, request) : searchPage(context, request);
}

/** GET /api/v2/logs/{id}. Throws the API's 404 for a log that is not there, or no longer. */
export function getLog(context: EmulatorContext, request: EmulatorRequest): Reply {
  const index = context.tenant.timeline.indexOf(request.parameters[0] ?? '');
  if (index === undefined || index < oldestKeptLog(context, request.nowMs)) {
    throw managementError(404, 'The log event does not exist.', 'inexistent_log');
  }
  return wireReply(context.tenant.logText(index));
}

/** Index of the oldest log that the retention leaves. */
export function oldestKeptLog(context: EmulatorContext, nowMs: number): number {
  const { logRetentionMs } = context.settings;
  return logRetentionMs === null ? 0 : context.tenant.timeline.indexAt(nowMs - logRetentionMs);
}

function checkpointPage(context: EmulatorContext, request: EmulatorRequest): Reply {
  const take = takeParameter(request.query);
  const from = request.query.get('from');
  const { timeline } = context.tenant;
  const first = from === null ? oldestKeptLog(context, request.nowMs) : positionOf(context, from, request.nowMs);
  const end = Math.min(first + take, timeline.count);
  const rows: WireText[] = [];
  for (let index = first; index < end; index++) rows.push(context.tenant.logText(index));
  const reached = end > first ? timeline.id(end - 1) : (from ?? startPosition(context, request.nowMs));
  return wireReply(listText(context.settings, { key: 'logs', rows }), {
    link: `<${request.origin}/api/v2/logs?from=${reached}&take=${take}>; rel="next"`,
  });
}

function positionOf(context: EmulatorContext, from: string, nowMs: number): number {
  const { expiredCursor, logRetentionMs } = context.settings;
  const time = timeOfLogId(from);
  if (!isLogId(from) || Number.isNaN(time)) {
    throw managementError(400, `Invalid log_id in parameter from: ${from.slice(0, 80)}`, 'invalid_query_string');
  }
  const oldest = oldestKeptLog(context, nowMs);
  if (expiredCursor === 'error400' && logRetentionMs !== null && time < nowMs - logRetentionMs) {
    throw managementError(
      400,
      'The log_id in parameter from has expired: it is older than the log retention period of the tenant',
      'invalid_query_string',
    );
  }
  return Math.max(oldest, context.tenant.timeline.indexAfter(from));
}

// Where reading starts in a tenant that has no logs yet, so that the first ones to come lie behind it.
function startPosition(context: EmulatorContext, nowMs: number): string {
  const { logRetentionMs } = context.settings;
  const keptFromMs = logRetentionMs === null ? -Infinity : nowMs - logRetentionMs;
  return syntheticLogId(Math.max(context.tenant.logStartMs, keptFromMs), context.tenant.time);
}

function searchPage(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { query } = request;
  const page = pageParameters(query);
  if (isBeyondWall(page)) throw logWallError(page);
  const selection = fieldSelection(query);
  const found = searchLogs(context.tenant, {
    q: query.get('q') ?? query.get('search') ?? undefined,
    order: logOrder(sortParameter(query)),
    oldest: oldestKeptLog(context, request.nowMs),
    count: page.start + page.perPage,
  });
  const rows = found.slice(page.start).map((index) => {
    const text = context.tenant.logText(index);
    return selection === undefined ? text : objectText(selectMembers(splitMembers(text), selection));
  });
  const list = { key: 'logs' as const, rows };
  // The log search counts this page only.
  const totals = { start: page.start, limit: page.perPage, length: rows.length, total: rows.length };
  return wireReply(listText(context.settings, page.includeTotals ? { ...list, totals } : list));
}
