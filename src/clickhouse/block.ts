import { createHash } from 'node:crypto';
import { parseRecord, type RawRecord } from '../json/page.js';
import { redact } from '../json/redact.js';
import {
  type Column,
  parseInstant,
  readBool,
  readInt,
  readJson,
  readText,
  readTexts,
  readTime,
} from '../resources/columns.js';
import type { Resource, VersionContext } from '../resources/resource.js';
import {
  constantColumn,
  type NativeColumn,
  nativeBlock,
  nullableBoolColumn,
  nullableIntColumn,
  nullableTimeColumn,
  textColumn,
  textsColumn,
  timeColumn,
  uint64Column,
  type ValueColumn,
} from './native-columns.js';

/** What the key of a record begins with that has none of its own. */
export const DIGEST_KEY = 'sha256:';

/** What all rows of a run have in common. */
export interface LoadContext extends VersionContext {
  tenant: string;
  runId: string;
  /** Versions of the records that are marked as deleted: one that is seen again lives again. */
  tombstones: ReadonlyMap<string, number>;
}

/** Rows of one resource that are ready to be sent, secrets out. */
export interface Block {
  readonly resource: Resource;
  readonly rows: number;
  /** Bytes of all rows so far. */
  readonly length: number;
  /** Records that lack their key, or with a member of another type than documented. */
  readonly malformed: number;
  /** Members that were left out as secrets. */
  readonly redacted: number;
  /** Oldest `date` among the records, ms since 1970. */
  readonly oldestDate: number | null;
  /** Whether the block holds a record that never changes under this key. */
  has(key: string): boolean;
  /** Whether the record's row can go into the same insert: a server takes only so many partitions in one. */
  fits(record: RawRecord): boolean;
  /**
   * Adds records. `raw` goes in as the record's own text, so that it is kept byte for byte; a record without its key is
   * kept under a digest of its text, and counted as malformed. Of records that never change, one that the block holds
   * already is left out.
   */
  add(records: readonly RawRecord[], load: LoadContext): void;
  /** All rows as the body of an insert in the format Native; valid until the next record. */
  body(load: Pick<LoadContext, 'tenant' | 'runId'>): { columns: string[]; pieces: Uint8Array[] };
  /** Begins anew in the same memory: what `body` gave is no longer valid. */
  clear(): void;
}

/** Partitions of one insert. A server refuses more than 100 (`max_partitions_per_insert_block`) for good. */
export const MAX_PARTITIONS = 50;

/** A block without rows. */
export function createBlock(resource: Resource): Block {
  const { versionOf, partitionOf } = resource;
  const key = textColumn(resource.keyColumn);
  const redacted = textsColumn('redacted');
  const version = uint64Column('version');
  const typed = resource.columns.map(typedColumn);
  const raw = textColumn('raw');
  const values: readonly NativeColumn[] = [
    key,
    redacted,
    ...(versionOf === null ? [] : [version]),
    ...typed.map(({ column }) => column),
    raw,
  ];
  const keys = new Set<string>();
  const partitions = new Set<number>();
  let counts = noCounts();

  const addRecord = (record: RawRecord, load: LoadContext): void => {
    const own = resource.keyOf(record);
    const rowKey = own ?? digestKey(record.raw);
    const { text, dropped } = redact(record.raw, resource.redaction);
    if (versionOf === null) {
      if (keys.has(rowKey)) return;
      keys.add(rowKey);
    } else version.add(versionAbove(versionOf(record, load), load.tombstones.get(rowKey)));
    let isMalformed = own === undefined;
    // What was cut out of `raw` must not stand in a column.
    const shown = dropped.length === 0 ? record : parseRecord(text);
    for (const { add } of typed) if (!add(shown)) isMalformed = true;
    key.add(rowKey);
    redacted.add(dropped);
    raw.add(text);
    const date = parseInstant(record.value['date']);
    if (date !== undefined && (counts.oldestDate === null || date < counts.oldestDate)) counts.oldestDate = date;
    counts.rows++;
    counts.redacted += dropped.length;
    if (isMalformed) counts.malformed++;
    if (partitionOf !== null) partitions.add(partitionOf(record));
  };

  return {
    resource,
    get rows() {
      return counts.rows;
    },
    get length() {
      return values.reduce((sum, column) => sum + column.length, 0);
    },
    get malformed() {
      return counts.malformed;
    },
    get redacted() {
      return counts.redacted;
    },
    get oldestDate() {
      return counts.oldestDate;
    },
    has: (key) => keys.has(key),
    fits: (record) => partitionOf === null || partitions.size < MAX_PARTITIONS || partitions.has(partitionOf(record)),
    add(records, load) {
      for (const record of records) addRecord(record, load);
    },
    body({ tenant, runId }) {
      const { rows } = counts;
      const columns = [constantColumn('tenant', tenant, rows), constantColumn('run_id', runId, rows), ...values];
      return { columns: columns.map(({ name }) => name), pieces: nativeBlock(columns, rows) };
    },
    clear() {
      for (const column of values) column.clear();
      keys.clear();
      partitions.clear();
      counts = noCounts();
    },
  };
}

/** The key under which a record is stored: its own, or where it has none a digest of its text. */
export function rowKey(resource: Resource, record: RawRecord): string {
  return resource.keyOf(record) ?? digestKey(record.raw);
}

function noCounts(): { rows: number; malformed: number; redacted: number; oldestDate: number | null } {
  return { rows: 0, malformed: 0, redacted: 0, oldestDate: null };
}

/** A typed column, and how it takes its value from a record: false where it has to show its default instead. */
interface TypedColumn {
  column: NativeColumn;
  add(record: RawRecord): boolean;
}

function typedColumn({ name, path, kind }: Column): TypedColumn {
  switch (kind) {
    case 'text':
      return filled(textColumn(name), (record) => readText(record, path), '');
    case 'json':
      return filled(textColumn(name), (record) => readJson(record, path), '');
    case 'time':
      return filled(timeColumn(name), (record) => readTime(record, path) ?? undefined, 0);
    case 'time?':
      return filled(nullableTimeColumn(name), (record) => readTime(record, path), null);
    case 'bool?':
      return filled(nullableBoolColumn(name), (record) => readBool(record, path), null);
    case 'int?':
      return filled(nullableIntColumn(name), (record) => readInt(record, path), null);
    case 'texts':
      return filled(textsColumn(name), (record) => readTexts(record, path), []);
  }
}

function filled<T>(column: ValueColumn<T>, read: (record: RawRecord) => T | undefined, fallback: T): TypedColumn {
  return {
    column,
    add(record) {
      const value = read(record);
      column.add(value === undefined ? fallback : value);
      return value !== undefined;
    },
  };
}

/** A record that is seen after it was marked as deleted: its version must win, whatever its own `updated_at` says. */
function versionAbove(version: number, tombstone: number | undefined): number {
  return tombstone === undefined ? version : Math.max(version, tombstone + 1);
}

function digestKey(raw: string): string {
  return `${DIGEST_KEY}${createHash('sha256').update(raw).digest('hex').slice(0, 32)}`;
}
