import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { ResourceName } from '../contracts/names.js';
import { resources } from '../resources/index.js';
import { identifier, tablesOf } from './client.js';
import { createStatements } from './statements.js';

/** A snapshot of users or clients: the run that took it, and the version below which a row is older than it. */
export interface Snapshot {
  tenant: string;
  resource: ResourceName;
  runId: string;
  /** Rows with a version from here on were changed after the snapshot began: their absence says nothing. */
  beganVersion: number;
}

/** What a snapshot says about the records that are held. All throw ExtractError. */
export interface SnapshotStore {
  /** Distinct ids that the run has seen. */
  countSeen(snapshot: Snapshot): Promise<number>;
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
  const seen = `SELECT id FROM ${table('_snapshot_ids')}
    WHERE tenant = {tenant:String} AND resource = {resource:String} AND run_id = {runId:String}`;
  const vanished = (resource: ResourceName) =>
    `tenant = {tenant:String} AND NOT deleted AND version < {beganVersion:UInt64}
     AND ${names(resource).key} NOT IN (${seen})`;

  return {
    async countSeen(snapshot) {
      const [row] = await select(count, `SELECT uniqExact(id) AS n FROM (${seen})`, snapshot);
      return row?.n ?? 0;
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
      const query = `SELECT countIf(NOT deleted) AS live, countIf(${vanished(snapshot.resource)}) AS vanished
        FROM ${raw} FINAL WHERE tenant = {tenant:String}`;
      const row = z.object({ live: z.coerce.number(), vanished: z.coerce.number() });
      return (await select(row, query, snapshot))[0] ?? { live: 0, vanished: 0 };
    },
    async writeTombstones(snapshot) {
      const { raw } = names(snapshot.resource);
      // The subquery: in one SELECT the WHERE would see the replaced `version` and `deleted`.
      await write(
        `INSERT INTO ${raw} SELECT * REPLACE (
            true AS deleted, now64(3) AS deleted_at, {beganVersion:UInt64} AS version,
            {runId:String} AS run_id, now64(3) AS inserted_at)
          FROM (SELECT * FROM ${raw} FINAL WHERE ${vanished(snapshot.resource)})`,
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
