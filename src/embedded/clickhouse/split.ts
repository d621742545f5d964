import { engineError } from './errors.js';
import { findRowsClause, type RowsClause } from './rows-clause.js';
import type { InsertRows } from './statement.js';

/** A request's statement and the rows that came with it. */
export interface Split {
  sql: string;
  rows: InsertRows | undefined;
}

/**
 * Joins the URL's query and the body as ClickHouse does, with a line feed between them, and tells a statement from its
 * rows, which may be any bytes. Whether the engine sees it in the same way is found out later: see inspect.ts.
 * @throws EngineError for a request without a statement, or with a statement that is no text.
 */
export function split(query: string, body: Buffer): Split {
  if (query === '' && body.length === 0) throw engineError(62, 'SYNTAX_ERROR', 'Empty query.');
  // The usual insert: its rows, which may be many megabytes, stay where they are.
  const clause = findRowsClause(query);
  if (clause !== undefined) {
    const behind = rowsBehind(clause, Buffer.from(query.slice(clause.end)));
    const pieces = body.length === 0 ? [behind] : isBlank(behind) ? [body] : [behind, LINE_FEED, body];
    return insert(query.slice(0, clause.end), clause, pieces);
  }
  const between = query === '' || body.length === 0 ? '' : '\n';
  const all = query === '' ? body : Buffer.concat([Buffer.from(query + between), body]);
  const found = findInBytes(all);
  if (found !== undefined) return insert(found.sql, found.clause, [rowsBehind(found.clause, found.behind)]);
  return { sql: all.toString(), rows: undefined };
}

const LINE_FEED = Buffer.from('\n');
// Enough to hold everything up to the rows of nearly every INSERT.
const HEAD_BYTES = 64 * 1024;

function findInBytes(all: Buffer): { sql: string; clause: RowsClause; behind: Buffer } | undefined {
  for (const text of [all.subarray(0, HEAD_BYTES).toString(), ...(all.length > HEAD_BYTES ? [all.toString()] : [])]) {
    const clause = findRowsClause(text);
    // At the very end of a part, half the format's name may stand.
    if (clause === undefined || (clause.end === text.length && text.length < all.length)) continue;
    const sql = text.slice(0, clause.end);
    const bytes = Buffer.from(sql);
    if (!bytes.equals(all.subarray(0, bytes.length))) {
      throw engineError(62, 'SYNTAX_ERROR', 'The statement in front of the rows is not valid UTF-8.');
    }
    return { sql, clause, behind: all.subarray(bytes.length) };
  }
  return undefined;
}

function insert(sql: string, clause: RowsClause, pieces: readonly Buffer[]): Split {
  return { sql, rows: { clause, pieces } };
}

/** ClickHouse's rule: rows begin behind the first line feed when only blanks stand before it, else behind the blanks. */
function rowsBehind(clause: RowsClause, rest: Buffer): Buffer {
  if (clause.format === undefined) return rest;
  const text = rest.subarray(0, HEAD_BYTES).toString('latin1');
  if (text.startsWith(';')) {
    throw engineError(62, 'SYNTAX_ERROR', "You have excessive ';' symbol before data for INSERT.");
  }
  return rest.subarray(/^[ \t\f]*\r?\n?/.exec(text)?.[0].length);
}

function isBlank(bytes: Buffer): boolean {
  return bytes.toString('latin1').trim() === '';
}
