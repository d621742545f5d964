import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { ResourceName } from '../contracts/names.js';
import { resources } from '../resources/index.js';
import { DIGEST_KEY } from './block.js';
import { identifier, tablesOf } from './client.js';
import { createStatements } from './statements.js';

/** A snapshot of users or clients: the run that took it. */
export interface Snapshot {
  tenant: string;
  resource: ResourceName;
  runId: string;
  /** The snapshot before: only what neither of them holds has vanished. */
  earlierRunId?: string;
}

/** What a snapshot says about the records that are held. All throw ExtractError. */
export interface SnapshotStore {
  /** Distinct ids that the run has seen; `nameless`: those made for new records that have none. */
  countSeen(snapshot: Snapshot): Promise<{ seen: number; nameless: number }>;
  /**
   * Ids that the snapshot before had and this one has not; and ids that it lacked and this one has, although some run
   * before both had seen them.
   */
  compare(snapshot: Snapshot & { earlierRunId: string }): Promise<{ missing: number; returned: number }>;
  /** Ids that were seen and are in no row of the storage table: 0, or rows have been lost. */
  countLost(snapshot: Snapshot): Promise<number>;
  /** Records that are held as live, and those of them that the snapshot no longer holds. */
  countVanished(snapshot: Snapshot): Promise<{ live: number; vanished: number }>;
  /** Marks the vanished records as deleted. Writing it twice changes nothing. */
  writeTombstones(snapshot: Snapshot): Promise<void>;
  /** Versions of the records that are marked as deleted now, by id. */
  readTombstones(tenant: string, resource: ResourceName): Promise<Map<string, number>>;
}

/** Tombstones that are looked up by a run: some 20 MB. A record with an older one that comes back unchanged stays hidden. */
const MAX_TOMBSTONES = 200_000;

const count = z.object({ n: z.coerce.number() });

/** The snapshot store of one destination. */
export function createSnapshotStore(client: ClickHouseClient, database: string): SnapshotStore {
  const { select, write } = createStatements(client);
  const table = tablesOf(database);
  const names = (resource: ResourceName) => ({
    raw: table(resources[resource].table),
    key: identifier(resources[resource].keyColumn),
  });
  const ids = `FROM ${table('_snapshot_ids')} WHERE tenant = {tenant:String} AND resource = {resource:String}`;
  const seen = `SELECT id ${ids} AND run_id = {runId:String}`;
  const seenEarlier = `SELECT id ${ids} AND run_id = {earlierRunId:String}`;
  // What somebody else has seen since, a repair for one, is there. All by the destination's own clock.
  const seenSince = `SELECT id ${ids}
    AND seen_at > (SELECT if(count() = 0, toDateTime('2100-01-01'), min(seen_at)) ${ids} AND run_id = {runId:String})`;
  const vanished = ({ resource, earlierRunId }: Snapshot) => {
    const { key } = names(resource);
    const inBoth = earlierRunId === undefined ? '' : `AND ${key} NOT IN (${seenEarlier})`;
    return `tenant = {tenant:String} AND NOT deleted
     AND ${key} NOT IN (${seen}) AND ${key} NOT IN (${seenSince}) ${inBoth}`;
  };

  return {
    async countSeen(snapshot) {
      const isNew = `startsWith(id, '${DIGEST_KEY}') AND id NOT IN (
        SELECT id ${ids} AND run_id != {runId:String} AND startsWith(id, '${DIGEST_KEY}'))`;
      const query = `SELECT uniqExact(id) AS seen, uniqExactIf(id, ${isNew}) AS nameless FROM (${seen})`;
      const row = z.object({ seen: z.coerce.number(), nameless: z.coerce.number() });
      return (await select(row, query, snapshot))[0] ?? { seen: 0, nameless: 0 };
    },
    async compare(snapshot) {
      const query = `SELECT
          (SELECT uniqExact(id) FROM (${seenEarlier}) WHERE id NOT IN (${seen})) AS missing,
          (SELECT uniqExact(id) ${ids} AND id IN (${seen}) AND id NOT IN (${seenEarlier})
             AND seen_at < (SELECT min(seen_at) ${ids} AND run_id = {earlierRunId:String})) AS returned`;
      const row = z.object({ missing: z.coerce.number(), returned: z.coerce.number() });
      return (await select(row, query, snapshot))[0] ?? { missing: 0, returned: 0 };
    },
    async countLost(snapshot) {
      const { raw, key } = names(snapshot.resource);
      const query = `SELECT uniqExact(id) AS n FROM (${seen})
        WHERE id NOT IN (SELECT ${key} FROM ${raw} WHERE tenant = {tenant:String})`;
      const [row] = await select(count, query, snapshot);
      return row?.n ?? 0;
    },
    async countVanished(snapshot) {
      const { raw } = names(snapshot.resource);
      const query = `SELECT countIf(NOT deleted) AS live, countIf(${vanished(snapshot)}) AS vanished
        FROM ${raw} FINAL WHERE tenant = {tenant:String}`;
      const row = z.object({ live: z.coerce.number(), vanished: z.coerce.number() });
      return (await select(row, query, snapshot))[0] ?? { live: 0, vanished: 0 };
    },
    async writeTombstones(snapshot) {
      const { raw } = names(snapshot.resource);
      // The subquery: in one SELECT the WHERE would see the replaced `version` and `deleted`.
      await write(
        `INSERT INTO ${raw} SELECT * REPLACE (
            true AS deleted, now64(3) AS deleted_at, version + 1 AS version,
            {runId:String} AS run_id, now64(3) AS inserted_at)
          FROM (SELECT * FROM ${raw} FINAL WHERE ${vanished(snapshot)})`,
        snapshot,
      );
    },
    async readTombstones(tenant, resource) {
      const { raw, key } = names(resource);
      const rows = await select(
        z.object({ id: z.string(), version: z.coerce.number() }),
        `SELECT ${key} AS id, version FROM ${raw} FINAL WHERE tenant = {tenant:String} AND deleted
         ORDER BY deleted_at DESC LIMIT ${MAX_TOMBSTONES}`,
        { tenant },
      );
      return new Map(rows.map(({ id, version }) => [id, version]));
    },
  };
}
