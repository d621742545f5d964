import { createHash } from 'node:crypto';
import { rowKey } from '../clickhouse/block.js';
import type { RawRecord } from '../json/page.js';
import { redact } from '../json/redact.js';
import { parseInstant } from '../resources/columns.js';
import { clients } from '../resources/clients.js';
import { EXPORT_FIELDS, users } from '../resources/users.js';
import type { VerifyDeps, VerifyTask } from './deps.js';
import { readHeldRecords, type SnapshotResource } from './destination.js';
import { createKeyTable, type KeyTable } from './key-table.js';
import { createRepair, type Repair } from './repair.js';
import { emptyReport, note, type ResourceReport } from './report.js';
import { readRecord, readSnapshot, type SourcePage } from './source.js';

/**
 * How far behind the present a user may have changed without a sync having come to it, where no sync has said how far
 * it came: user search is eventually consistent.
 */
const SLACK_MS = 5 * 60_000;
/**
 * Rows without a record in the tenant's list that are asked for one by one: a list that changes while its pages are
 * read can leave one out. No race loses more than these.
 */
const CONFIRMED = 100;

const SNAPSHOTS: Readonly<Record<'users' | 'clients', SnapshotResource>> = {
  users: { ...users, name: 'users' },
  clients: { ...clients, name: 'clients' },
};

/**
 * Reads all users or clients of the tenant beside the live rows of the destination, whose keys are held in memory as
 * hashes. Users differ when their `updated_at` does, clients when their text does. Throws ExtractError.
 */
export async function verifySnapshot(
  deps: VerifyDeps,
  task: VerifyTask,
  name: 'users' | 'clients',
): Promise<ResourceReport> {
  const resource = SNAPSHOTS[name];
  const changedFrom = name === 'users' ? await readWatermark(deps) : null;
  const held = createKeyTable();
  for await (const rows of readHeldRecords(deps, resource))
    for (const { key, fingerprint } of rows) held.add(key, fingerprint);

  const repair = createRepair(deps, resource, task.repairRunId);
  const report = emptyReport();
  report.destination = held.size;
  const comparison: Comparison = { resource, held, lacking: createKeyTable(), changedFrom, repair, report, task };

  // Without a repair only what is compared has to leave the tenant.
  const fields =
    task.repairRunId === null ? ['user_id', 'updated_at'] : [...new Set([...EXPORT_FIELDS, ...deps.exportFields])];
  for await (const page of readSnapshot(deps, resource, fields)) {
    for (const record of page.records) await compareRecord(comparison, record, page);
    deps.progress(name, report.source);
  }
  await compareRest(deps, comparison);
  await repair.flush();
  report.repaired = repair.stored;
  return report;
}

interface Comparison {
  resource: SnapshotResource;
  /** Rows of the destination; marked once the tenant has named them. */
  held: KeyTable;
  /** Records that are not among them, so that one that comes twice is counted once. */
  lacking: KeyTable;
  /** Users that changed at or after this instant (ms) are left to the next sync. Null: none are. */
  changedFrom: number | null;
  repair: Repair;
  report: ResourceReport;
  task: VerifyTask;
}

/** The instant up to which the last sync has read all changes. Null: nothing was ever copied. */
async function readWatermark({ tenant, store, retry }: VerifyDeps): Promise<number | null> {
  const checkpoint = await retry(() => store.readCheckpoint(tenant, 'users'));
  if (checkpoint === null) return null;
  const latest = Date.now() - SLACK_MS;
  return Math.min(parseInstant(checkpoint.cursor) ?? latest, latest);
}

async function compareRecord(comparison: Comparison, record: RawRecord, page: SourcePage): Promise<void> {
  const { resource, held, lacking, changedFrom, repair, report, task } = comparison;
  const key = rowKey(resource, record);
  const fingerprint = fingerprintOf(resource, record);
  const before = held.get(key);
  if (before === undefined) {
    if (!lacking.add(key, 0n)) return;
    report.source++;
    if (isChanged(changedFrom, fingerprint)) {
      report.behind++;
      return;
    }
    note(report, 'missing', key, task.limit);
    await repair.add(record, page);
    return;
  }
  if (!held.mark(key)) return;
  report.source++;
  if (before === fingerprint) return;
  if (isChanged(changedFrom, fingerprint) || isChanged(changedFrom, before)) {
    report.changedSince++;
    return;
  }
  note(report, 'different', key, task.limit);
  await repair.add(record, page);
}

/** Goes through the rows that the tenant has not named. */
async function compareRest(deps: VerifyDeps, comparison: Comparison): Promise<void> {
  const { resource, held, report, task } = comparison;
  const left = held.size - held.marked;
  if (left === 0) return;
  for await (const rows of readHeldRecords(deps, resource)) {
    for (const { key } of rows) {
      if (held.get(key) === undefined || held.isMarked(key)) continue;
      const fetchedAt = Date.now();
      const record = left <= CONFIRMED ? await readRecord(deps, resource, key) : null;
      if (record === null) note(report, 'extra', key, task.limit);
      else
        await compareRecord(comparison, record, {
          records: [record],
          source: 'api',
          fetchedAt,
          serverTime: fetchedAt,
        });
    }
  }
}

/** A user's `updated_at` in ms and one more, 0 where there is none; of a client the head of its text's digest. */
function fingerprintOf(resource: SnapshotResource, record: RawRecord): bigint {
  if (resource.name === 'users') return BigInt((parseInstant(record.value['updated_at']) ?? -1) + 1);
  const { text } = redact(record.raw, resource.redaction);
  return createHash('sha256').update(text).digest().readBigUInt64BE();
}

function isChanged(changedFrom: number | null, fingerprint: bigint): boolean {
  return changedFrom !== null && Number(fingerprint) - 1 >= changedFrom;
}
