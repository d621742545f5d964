import type { Block, LoadContext } from '../clickhouse/block.js';
import { type Blocks, createBlocks } from '../clickhouse/blocks.js';
import { type InsertContext, insertBlock } from '../clickhouse/insert.js';
import { ExtractError } from '../contracts/errors.js';
import type { RunCounts } from '../contracts/types.js';
import type { RawRecord } from '../json/page.js';
import type { Resource } from '../resources/resource.js';
import { NO_METER } from '../observability/meter.js';
import type { ActivityDeps } from './deps.js';
import { askDestination } from './destination.js';

/**
 * Collects records into blocks and inserts one block while the next is being filled: at most two are in memory. What
 * follows a block (its checkpoint) is done after the destination has acknowledged its rows, in the order of the blocks.
 */
export interface BlockWriter {
  /** Records that never change and are on their way already are left out. */
  add(records: readonly RawRecord[], fetchedAt: number): void;
  /** Whether a record that never changes is collected or on its way: the destination cannot know it yet. */
  has(record: RawRecord): boolean;
  /** Rows that are collected and not yet handed over. */
  readonly collected: number;
  /** Whether they are as many bytes as one insert may hold: the memory of a worker must not depend on their size. */
  readonly isFull: boolean;
  /**
   * Hands the collected rows over and returns once the block before them is stored; `stored` runs after this one is.
   * Throws the ExtractError of an earlier block.
   */
  flush(stored: (counts: StoredBlock) => Promise<void>): Promise<void>;
  /** Waits for what was handed over. Throws the ExtractError of a block. */
  drain(): Promise<void>;
}

const FULL_BYTES = 12 * 1024 * 1024;

/** What a stored block adds to a run. */
export interface StoredBlock {
  counts: Pick<RunCounts, 'rows' | 'malformed' | 'redacted'>;
  /** Oldest `date` among its records, ISO 8601. */
  oldestDate: string | null;
}

/** A writer of one resource's rows for one run. */
export function createBlockWriter(
  deps: ActivityDeps,
  resource: Resource,
  run: Pick<LoadContext, 'tenant' | 'runId' | 'tombstones'> & { databaseId?: string },
): BlockWriter {
  let block = createBlocks(resource);
  const { tenant, runId, tombstones } = run;
  let underWay: Blocks | undefined;
  let spare: Blocks | undefined;
  let inFlight: Promise<void> = Promise.resolve();

  return {
    add(records, fetchedAt) {
      const fresh = underWay === undefined ? records : records.filter((record) => underWay?.has(record) !== true);
      block.add(fresh, { tenant, runId, tombstones, fetchedAt });
    },
    has: (record) => block.has(record) || underWay?.has(record) === true,
    get collected() {
      return block.rows;
    },
    get isFull() {
      return block.length >= FULL_BYTES;
    },
    async flush(stored) {
      const full = block;
      const previous = inFlight;
      const next = previous.then(async () => {
        // Not aborted with the activity: rows on their way are stored, and their checkpoint is written.
        const { serverStart } = await askDestination(deps, run.databaseId);
        for (const part of full.parts) await measuredInsert(deps, part, { tenant, runId, serverStart });
        const { rows, malformed, redacted, oldestDate } = full;
        full.clear();
        spare = full;
        await stored({
          counts: { rows, malformed, redacted },
          oldestDate: oldestDate === null ? null : new Date(oldestDate).toISOString(),
        });
      });
      // The error is thrown by the next flush or drain; until then it must not count as unhandled.
      next.catch(() => {});
      inFlight = next;
      try {
        await previous;
      } finally {
        // The memory of the block before, which is stored now: new memory each time would pile up.
        block = spare ?? createBlocks(resource);
        spare = undefined;
        underWay = full;
      }
    },
    drain: () => inFlight,
  };
}

async function measuredInsert(deps: ActivityDeps, block: Block, load: InsertContext): Promise<void> {
  const { meter = NO_METER } = deps;
  const { tenant } = load;
  const { resource } = block;
  const startedAt = performance.now();
  try {
    const bytes = await insertBlock(deps.clickhouse, deps.database, block, load);
    if (bytes === 0) return;
    const { rows, malformed } = block;
    const seconds = (performance.now() - startedAt) / 1000;
    meter.inserted({ tenant, resource: resource.name, rows, bytes, seconds, malformed });
  } catch (error) {
    meter.insertFailed(tenant, resource.name, error instanceof ExtractError ? error.kind : 'Internal');
    throw error;
  }
}
