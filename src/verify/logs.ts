import { createHash } from 'node:crypto';
import { isTimedLogId, syntheticLogId, timeOfLogId } from '../auth0/log-id.js';
import { OLDEST } from '../auth0/paging/logs-start.js';
import { rowKey } from '../clickhouse/block.js';
import { logsBeginning } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import type { RawRecord } from '../json/page.js';
import { redact } from '../json/redact.js';
import { parseInstant } from '../resources/columns.js';
import { logs } from '../resources/logs.js';
import { compareIds, compareOrdered, type Entry } from './compare.js';
import type { VerifyDeps, VerifyTask } from './deps.js';
import { type Bound, type HeldLogs, type IdRange, NO_LOGS, openHeldLogs } from './destination.js';
import { createRepair, type Repair } from './repair.js';
import { emptyReport, note, type ResourceReport } from './report.js';
import { readPages, type SourcePage } from './source.js';

/** A log of the tenant, under the key that its row has. */
interface SourceLog extends Entry {
  /** Its place in the order: its id, or for a log without one the id before it. */
  position: string;
  record: RawRecord;
  page: SourcePage;
}

/** Logs that are compared at a time, which is all that is held in memory. */
const CHUNK = 1_000;
/** A log is taken in some seconds after its date: a search by date for those of a window must begin earlier. */
const STEP_BACK_MS = 60_000;
/** The tenant's clock is read in whole seconds. */
const CLOCK_MARGIN_MS = 5_000;

/**
 * Walks the tenant's logs in the order of their ids, beside the rows of the destination. What lies behind the
 * checkpoint is `behind`, since the next sync goes on there; what is older than the oldest log that the tenant keeps
 * is `retainedOnly`. Throws ExtractError.
 */
export async function verifyLogs(deps: VerifyDeps, task: VerifyTask): Promise<ResourceReport> {
  const { tenant, store, retry } = deps;
  // Asked for before the tenant is: what is held by now, the tenant must name.
  const checkpoint = await retry(() => store.readCheckpoint(tenant, 'logs'));
  const newest = (await retry(() => store.newestLog(tenant, null)))?.logId ?? null;
  const copiedTo = checkpoint?.lastId || newest;

  const window = boundsOf(task);
  const walk = walkLogs(deps, window, copiedTo);
  const chunks = inChunks(walk.logs);
  let chunk = await chunks.next();
  const timeOfId = walk.start()?.timed ? timeOfLogId : null;
  const held = newest === null ? NO_LOGS : openHeldLogs(deps, timeOfId);
  const end = lower(newest === null ? null : { id: newest, inclusive: true }, window.high);
  const kept = await firstKept(deps, window.low, walk.start());

  const repair = createRepair(deps, logs, task.repairRunId);
  const report = emptyReport();
  const comparison: Comparison = { held, report, repair, end, copiedTo, limit: task.limit, oddFound: new Set() };

  if (kept === null) report.retainedOnly += await held.count({ low: window.low, high: end });
  else if (kept.inclusive)
    report.retainedOnly += await held.count({
      low: window.low,
      high: lower({ id: kept.id, inclusive: false }, end),
    });

  let low = kept;
  for (; !chunk.done; chunk = await chunks.next()) {
    const last = chunk.value.at(-1)?.position ?? '';
    await compareChunk(comparison, chunk.value, { low, high: lower({ id: last, inclusive: true }, end) });
    low = { id: last, inclusive: false };
    report.source += chunk.value.length;
    deps.progress('logs', report.source);
  }
  // What is held after the last log that the tenant has.
  if (low !== null) await compareChunk(comparison, [], { low, high: end });
  await compareOdd(comparison, { low: window.low, high: end }, kept);
  await repair.flush();
  report.repaired = repair.stored;
  report.destination += report.extra;
  return report;
}

interface Comparison {
  held: HeldLogs;
  report: ResourceReport;
  repair: Repair;
  /** Newest row that is compared: those that a sync adds meanwhile are left out. */
  end: Bound | null;
  copiedTo: string | null;
  limit: number;
  /** Ids that were found in rows which are not ordinary: `readOdd` will name them. */
  oddFound: Set<string>;
}

/** Compares logs in order with the rows of the same range. */
async function compareChunk(comparison: Comparison, chunk: readonly SourceLog[], range: IdRange): Promise<void> {
  const { held, report, limit } = comparison;
  const withId = chunk.filter(({ id, position }) => id === position);
  const notFound = chunk.filter(({ id, position }) => id !== position);
  for await (const verdict of compareOrdered(withId, isEmpty(range) ? none() : held.read(range))) {
    if (verdict.kind === 'extra') note(report, 'extra', verdict.id, limit);
    else if (verdict.kind === 'missing') notFound.push(verdict.source);
    else await judge(comparison, verdict.source, verdict.kind === 'equal');
  }
  if (notFound.length === 0) return;

  // Before an id is called missing, it is looked for wherever its row may lie.
  const candidates = notFound.filter(({ position }) => isWithin(position, comparison.end)).map(({ id }) => id);
  const found = await held.lookUp(candidates);
  for (const log of notFound) {
    const digest = found.get(log.id);
    if (digest !== undefined) {
      comparison.oddFound.add(log.id);
      await judge(comparison, log, digest === log.digest);
    } else if (comparison.copiedTo === null || compareIds(log.position, comparison.copiedTo) <= 0) {
      note(report, 'missing', log.id, limit);
      await comparison.repair.add(log.record, log.page);
    } else {
      report.behind++;
    }
  }
}

/** Counts a log that is held. */
async function judge({ report, limit, repair }: Comparison, log: SourceLog, equal: boolean): Promise<void> {
  report.destination++;
  if (equal) return;
  note(report, 'different', log.id, limit);
  await repair.add(log.record, log.page);
}

/** Goes through the rows that are not ordinary: those that no log was found in are too much. */
async function compareOdd(comparison: Comparison, range: IdRange, kept: Bound | null): Promise<void> {
  const { held, report, limit, oddFound } = comparison;
  for await (const id of held.readOdd(range)) {
    if (oddFound.delete(id)) continue;
    const isOlder = kept === null || compareIds(id, kept.id) < 0;
    if (isOlder && isTimedLogId(id)) report.retainedOnly++;
    else note(report, 'extra', id, limit);
  }
}

/** What the first page of a walk shows. */
interface WalkStart {
  /** Whether the ids carry their time. */
  timed: boolean;
  /** The lowest id that was read, be it before the window. */
  first: string;
}

interface Walk {
  logs: AsyncGenerator<SourceLog, undefined>;
  /** Null until a log was read. */
  start(): WalkStart | null;
}

/** The tenant's logs of a window in the order of their ids, each once. They end where the verification began. */
function walkLogs(deps: VerifyDeps, window: IdRange, copiedTo: string | null): Walk {
  let start: WalkStart | null = null;
  const { low, high } = window;
  const from = low === null ? undefined : timeOfLogId(low.id);
  const cursor = logsBeginning(from === undefined ? OLDEST : new Date(from - STEP_BACK_MS).toISOString());

  async function* read(): AsyncGenerator<SourceLog, undefined> {
    let before: string | null = null;
    let startedAt: number | null = null;
    for await (const page of readPages(deps, logs, cursor)) {
      startedAt ??= page.serverTime;
      const { withId, withoutId } = split(page);
      const [first] = withId;
      if (start === null && first !== undefined) {
        start = { timed: withId.every(({ id }) => isTimedLogId(id)), first: first.id };
        if (!start.timed && (low !== null || high !== null)) throw untimed();
      }
      for (const log of withId) {
        if (before !== null && compareIds(log.id, before) < 0) throw unordered();
        if (log.id === before) continue;
        before = log.id;
        if (low !== null && compareIds(log.id, low.id) <= 0) continue;
        if (high !== null && compareIds(log.id, high.id) >= 0) return undefined;
        // A busy tenant never comes to an end by itself.
        const isNew = (parseInstant(log.record.value['date']) ?? 0) > startedAt + CLOCK_MARGIN_MS;
        if (isNew && (copiedTo === null || compareIds(log.id, copiedTo) > 0)) return undefined;
        yield log;
      }
      // Where a log without an id belongs, nobody knows: it is taken for one of the window that its page is of.
      const position = before;
      if (position !== null && (low === null || compareIds(position, low.id) > 0))
        yield* withoutId.map((log) => ({ ...log, position }));
    }
    return undefined;
  }
  return { logs: read(), start: () => start };
}

/** The logs of a page, those with an id in order. */
function split(page: SourcePage): { withId: SourceLog[]; withoutId: SourceLog[] } {
  const all = page.records.map((record) => {
    const id = rowKey(logs, record);
    const { text } = redact(record.raw, logs.redaction);
    return { id, position: id, digest: createHash('sha256').update(text).digest('hex'), record, page };
  });
  const hasId = ({ record }: SourceLog) => logs.keyOf(record) !== undefined;
  return {
    withId: all.filter((log) => hasId(log)).sort((a, b) => compareIds(a.id, b.id)),
    withoutId: all.filter((log) => !hasId(log)),
  };
}

/**
 * Where the comparison begins: at the oldest log that the tenant keeps, or at the window's start where older ones
 * are kept. Null: it keeps none.
 */
async function firstKept(deps: VerifyDeps, low: Bound | null, start: WalkStart | null): Promise<Bound | null> {
  if (low === null) return start === null ? null : { id: start.first, inclusive: true };
  if (start !== null && compareIds(start.first, low.id) <= 0) return low;
  const oldest = await oldestKept(deps);
  if (oldest === null) return null;
  return compareIds(oldest, low.id) <= 0 ? low : { id: oldest, inclusive: true };
}

async function oldestKept(deps: VerifyDeps): Promise<string | null> {
  for await (const page of readPages(deps, logs, logsBeginning(OLDEST))) {
    const [first] = split(page).withId;
    if (first !== undefined) return first.id;
  }
  return null;
}

/** A window's instants as positions: no log has the id that is made from an instant. */
function boundsOf({ window: { from, to } }: VerifyTask): IdRange {
  return {
    low: from === null ? null : { id: syntheticLogId(from), inclusive: false },
    high: to === null ? null : { id: syntheticLogId(to), inclusive: false },
  };
}

/** The one of two upper ends that comes first; null is no end at all. */
function lower(a: Bound | null, b: Bound | null): Bound | null {
  if (a === null || b === null) return a ?? b;
  const order = compareIds(a.id, b.id);
  if (order === 0) return a.inclusive ? b : a;
  return order < 0 ? a : b;
}

function isEmpty({ low, high }: IdRange): boolean {
  return low !== null && high !== null && compareIds(low.id, high.id) > 0;
}

function isWithin(id: string, end: Bound | null): boolean {
  return end === null || compareIds(id, end.id) <= 0;
}

async function* inChunks(source: AsyncIterable<SourceLog>): AsyncGenerator<SourceLog[], undefined> {
  let chunk: SourceLog[] = [];
  for await (const log of source) {
    chunk.push(log);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
  return undefined;
}

async function* none(): AsyncGenerator<never> {
  // Nothing is held.
}

function unordered(): ExtractError {
  return new ExtractError(
    'UnreadableAnswer',
    'The tenant did not list its logs in the order of their ids, so that they cannot be compared',
    { resource: 'logs' },
  );
}

function untimed(): ExtractError {
  return new ExtractError(
    'Configuration',
    "The ids of this tenant's logs carry no time, so that --from and --to (or LOGS_START) cannot bound a comparison: leave them out",
    { resource: 'logs' },
  );
}
