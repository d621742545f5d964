import type { ResourceName } from '../contracts/names.js';
import type { RawRecord } from '../json/page.js';
import type { RedactionRule } from '../json/redact.js';
import { memberText } from '../json/scan.js';
import type { Column } from './columns.js';

/** What a row's version is made from beside the record itself. */
export interface VersionContext {
  /** When the record was asked for, ms since 1970. */
  fetchedAt: number;
}

/** Everything that is particular to one resource. Adding a resource is one such file and one migration. */
export interface Resource {
  name: ResourceName;
  /** Path of the list endpoint, without the origin. */
  path: string;
  /** Name of the list in the endpoint's envelope. */
  listName: string;
  /** Scope that the list endpoint needs, for messages. */
  scope: string;
  /** Storage table; the view that people query has the resource's name. */
  table: string;
  /** Column of the primary key. */
  keyColumn: string;
  /** The record's primary key, or undefined where it has none. */
  keyOf(record: RawRecord): string | undefined;
  /** The key can be an e-mail address, say: it stays out of messages. */
  isKeyPersonal: boolean;
  columns: readonly Column[];
  /** Column with the time of the last change, by the tenant's own clock, where its records carry one. */
  changedAt?: string;
  /** The partition of the storage table that the record's row lies in. Null where it has none. */
  partitionOf: ((record: RawRecord) => number) | null;
  redaction: RedactionRule;
  /** Version of the row: the highest one is what readers see. Null where records never change. */
  versionOf: ((record: RawRecord, context: VersionContext) => number) | null;
}

/** A non-empty string under this name, or a number's exact text: ids of 56 digits would become one and the same. */
export function textKey(record: RawRecord, name: string): string | undefined {
  const value = record.value[name];
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? memberText(record.raw, [name]) : undefined;
}
