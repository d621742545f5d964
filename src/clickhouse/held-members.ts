import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { RawRecord } from '../json/page.js';
import { members, skipSpace } from '../json/scan.js';
import type { Resource } from '../resources/resource.js';
import { identifier, tablesOf } from './client.js';
import type { Statements } from './statements.js';

/**
 * Members that stored records have beyond those that a reading names. An export holds only the fields it was asked for;
 * what the list of users has shown beside them is not lost by it.
 */
export interface HeldMembers {
  /** Whether any stored record has a top-level member that is not among the names. */
  areThereBeyond(tenant: string, resource: Resource, names: readonly string[]): Promise<boolean>;
  /** The records, each with the members beyond the names that its stored one has. */
  addBeyond(
    tenant: string,
    resource: Resource,
    names: readonly string[],
    records: readonly RawRecord[],
  ): Promise<RawRecord[]>;
}

/** The members of one destination's storage tables. Its functions throw ExtractError. */
export function createHeldMembers({ select }: Statements, database: string): HeldMembers {
  const table = tablesOf(database);
  // What the engine's parser refuses has no keys for it, and is looked at here.
  const beyond = `tenant = {tenant:String} AND NOT deleted
    AND (arrayExists(name -> NOT has({names:Array(String)}, name), JSONExtractKeys(raw)) OR NOT isValidJSON(raw))`;
  return {
    async areThereBeyond(tenant, resource, names) {
      const query = `SELECT 1 AS n FROM ${table(resource.table)} WHERE ${beyond} LIMIT 1`;
      return (await select(z.object({ n: z.coerce.number() }), query, { tenant, names })).length > 0;
    },

    async addBeyond(tenant, resource, names, records) {
      const keys = records.map((record) => resource.keyOf(record)).filter((key) => key !== undefined);
      if (keys.length === 0) return [...records];
      const key = identifier(resource.keyColumn);
      // Hashes, not ids: the text of a query is kept in the server's log.
      const hashes = [...new Set(keys.map((id) => crc32(id)))].join(',');
      const rows = await select(
        z.object({ id: z.string(), raw: z.string() }),
        `SELECT ${key} AS id, raw FROM ${table(resource.table)} FINAL
         WHERE CRC32(${key}) IN (${hashes}) AND ${beyond}`,
        { tenant, names },
      );
      const stored = new Map(rows.map(({ id, raw }) => [id, raw]));
      return records.map((record) => {
        const before = stored.get(resource.keyOf(record) ?? '');
        return before === undefined ? record : withMembersOf(before, record, names);
      });
    },
  };
}

/**
 * The record with those top-level members of a stored one that are not among the names and that it does not have
 * itself, each with its exact text.
 */
export function withMembersOf(stored: string, record: RawRecord, names: readonly string[]): RawRecord {
  const value = { ...record.value };
  const texts: string[] = [];
  for (const { name, start, valueStart, end } of members(stored, skipSpace(stored, 0)).items) {
    if (names.includes(name) || Object.hasOwn(value, name)) continue;
    texts.push(stored.slice(start, end));
    const parsed: unknown = JSON.parse(stored.slice(valueStart, end));
    value[name] = parsed;
  }
  if (texts.length === 0) return record;
  const open = record.raw.slice(0, record.raw.lastIndexOf('}')).trimEnd();
  return { raw: `${open}${open.endsWith('{') ? '' : ','}${texts.join(',')}}`, value };
}
