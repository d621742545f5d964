import { rowKey } from '../clickhouse/block.js';
import { createBlocks } from '../clickhouse/blocks.js';
import { insertBlock } from '../clickhouse/insert.js';
import type { RawRecord } from '../json/page.js';
import type { Resource } from '../resources/resource.js';
import { exportedNames } from '../resources/users.js';
import type { VerifyDeps } from './deps.js';
import { readTombstones } from './destination.js';
import { createKeyTable } from './key-table.js';
import type { SourcePage } from './source.js';

/** Stores records that the destination lacks, in blocks. */
export interface Repair {
  /** Takes a record; stores the block when it is full. */
  add(record: RawRecord, page: Pick<SourcePage, 'source' | 'fetchedAt'>): Promise<void>;
  /** Stores what is left. */
  flush(): Promise<void>;
  /** Records stored so far. */
  readonly stored: number;
}

const ROWS_PER_BLOCK = 1_000;

type Waiting = { record: RawRecord } & Pick<SourcePage, 'source' | 'fetchedAt'>;

/** A repair of one resource. Without a run id it takes nothing and stores nothing. */
export function createRepair(deps: VerifyDeps, resource: Resource, runId: string | null): Repair {
  const { tenant, clickhouse, database, store, retry } = deps;
  let waiting: Waiting[] = [];
  let target: Resource | undefined;
  let stored = 0;

  const flush = async (): Promise<void> => {
    if (runId === null || waiting.length === 0) return;
    target ??= await aboveTombstones(deps, resource);
    const blocks = createBlocks(target);
    const run = { tenant, runId, tombstones: new Map<string, number>() };
    for (const { record, fetchedAt } of await withHeldMembers(deps, resource, waiting))
      blocks.add([record], { ...run, fetchedAt });
    await retry(async () => {
      const { serverStart } = await store.destination();
      for (const block of blocks.parts) await insertBlock(clickhouse, database, block, { tenant, runId, serverStart });
    });
    stored += waiting.length;
    waiting = [];
  };
  return {
    get stored() {
      return stored;
    },
    flush,
    async add(record, { source, fetchedAt }) {
      if (runId === null) return;
      waiting.push({ record, source, fetchedAt });
      if (waiting.length >= ROWS_PER_BLOCK) await flush();
    },
  };
}

/** Lines of an export with the members that only their stored records have. */
async function withHeldMembers(
  { tenant, store, exportFields }: VerifyDeps,
  resource: Resource,
  waiting: readonly Waiting[],
): Promise<readonly Waiting[]> {
  const lines = waiting.filter(({ source }) => source === 'export');
  if (lines.length === 0) return waiting;
  const records = lines.map(({ record }) => record);
  const whole = await store.addBeyond(tenant, resource, exportedNames(exportFields), records);
  const byLine = new Map(records.map((record, i) => [record, whole[i] ?? record]));
  return waiting.map((entry) => ({ ...entry, record: byLine.get(entry.record) ?? entry.record }));
}

/**
 * The resource with versions just above those of wrongly deleted rows: a tombstone is as new as the snapshot that
 * missed the record, and would win over it for ever. The tenant has just answered with the record, so it is newer.
 */
async function aboveTombstones(deps: VerifyDeps, resource: Resource): Promise<Resource> {
  const { versionOf } = resource;
  if (versionOf === null) return resource;
  const tombstones = createKeyTable();
  for await (const rows of readTombstones(deps, resource))
    for (const { key, fingerprint } of rows) tombstones.add(key, fingerprint);
  return {
    ...resource,
    versionOf(record, context) {
      const tombstone = tombstones.get(rowKey(resource, record));
      const own = versionOf(record, context);
      return tombstone === undefined ? own : Math.max(own, Number(tombstone) + 1);
    },
  };
}
