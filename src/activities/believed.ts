import { OLDEST } from '../auth0/paging/logs-start.js';
import type { Checkpoint } from '../clickhouse/checkpoints.js';
import type { PipelineStore } from '../clickhouse/store.js';
import { parseInstant } from '../resources/columns.js';

/** What a run of logs has sent, and where it must be. */
export interface SentLogs {
  tenant: string;
  runId: string;
  /** Start of the run, ms since 1970. */
  epoch: number;
  rows: number;
  /** Oldest of their dates, ISO 8601; null where they have none. */
  since: string | null;
  /** Newest of them; null where none has an id. */
  lastId: string | null;
}

/** How many of the logs that a run has sent are there, each counted once. More than it knows of may be. */
export async function countHeldOf(
  store: Pick<PipelineStore, 'countWritten' | 'countWrittenByOthers'>,
  { tenant, runId, epoch, rows, since, lastId }: SentLogs,
): Promise<number> {
  if (rows === 0) return 0;
  const own = await store.countWritten(tenant, runId, rows, since);
  if (own >= rows || lastId === null) return own;
  // A backfill, or a later run that read the same again, has replaced rows of this run by its own.
  const others = await store.countWrittenByOthers(tenant, { runId, sinceMs: epoch, lastId, sinceDate: since });
  return Math.min(rows, own + others);
}

/** Three clocks are compared: those of Temporal, of this worker, and of the server as far as its start is concerned. */
const CLOCKS_DIFFER_MS = 60_000;

/** What decides whether the rows behind a checkpoint have to be counted. */
export interface BeliefFacts {
  /** Start of the last run that came to a good end, which it does by counting; ms since 1970. */
  lastCompleted: number | null;
  /** When the server was started, ms since 1970. */
  serverStartedAt: number;
}

/**
 * The checkpoint as far as it can be believed. Its run may have been killed before it counted, and a server that was
 * started since may have lost its newest rows, with newer ones still there: then the run's rows are counted, and where
 * some are missing the checkpoint is that with which the run began.
 */
export async function believedCheckpoint(
  store: Pick<PipelineStore, 'countWritten' | 'countWrittenByOthers'>,
  checkpoint: Checkpoint,
  { lastCompleted, serverStartedAt }: BeliefFacts,
): Promise<{ checkpoint: Checkpoint; warnings: string[] }> {
  const { run, tenant, runId, epoch, lastId } = checkpoint;
  const isProven =
    lastCompleted !== null && lastCompleted >= epoch && lastCompleted >= serverStartedAt + CLOCKS_DIFFER_MS;
  if (run === undefined || run.rows === 0 || isProven) return { checkpoint, warnings: [] };
  const sent = { tenant, runId, epoch, rows: run.rows, since: run.since, lastId: lastId === '' ? null : lastId };
  const held = await countHeldOf(store, sent);
  if (held >= run.rows) return { checkpoint, warnings: [] };
  const warning = `ClickHouse holds ${held} of the ${run.rows} logs that the last run stored: going back to where that began`;
  return { checkpoint: setBack(checkpoint, run), warnings: [warning] };
}

/** The checkpoint with which a run began. */
export function setBack(checkpoint: Checkpoint, run: NonNullable<Checkpoint['run']>): Checkpoint {
  const { from, fromId, fromDate, since } = run;
  const isBeginning = from === OLDEST || parseInstant(from) !== undefined;
  // A run that began with the oldest log: how far back it had come says what is lost where the tenant has dropped it.
  const position = { cursor: from, lastId: fromId, lastDate: isBeginning ? since : fromDate };
  return { ...checkpoint, ...position, settled: false, run: { ...run, rows: 0 } };
}
