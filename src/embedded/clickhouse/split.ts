import { engineError } from './errors.js';
import { findRowsClause, type RowsClause } from './rows-clause.js';
import { scanSql, scanValues, type SqlShape } from './sql.js';
import type { InsertRows } from './statement.js';

/** A request's statement and the rows that came with it. */
export interface Split {
  sql: string;
  rows: InsertRows | undefined;
  shape: SqlShape;
}

/**
 * Joins the URL's query and the body as ClickHouse does, with a line feed between them, and tells a statement from its
 * rows, which may be any bytes.
 * @throws EngineError for a statement that must not run.
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
  const sql = all.toString();
  const shape = scanSql(sql);
  refuse(shape);
  return { sql, rows: undefined, shape };
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
  const shape = scanSql(sql);
  refuse(shape);
  if (clause.format === undefined || clause.format.toLowerCase() === 'values') {
    refuse({ ...shape, ...scanValues(Buffer.concat(pieces).toString()) });
  }
  return { sql, rows: { clause, pieces }, shape };
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

function refuse(shape: SqlShape): void {
  if (shape.multiple) throw engineError(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed).');
  if (shape.verb === '') throw engineError(62, 'SYNTAX_ERROR', 'Empty query.');
  if (shape.usesLocalFile) {
    // Anyone on this machine can ask, with the rights of whoever started the server.
    throw engineError(497, 'ACCESS_DENIED', 'The embedded server does not open files of this machine.');
  }
  if (shape.verb === 'INSERT' && shape.usesInput) {
    throw engineError(48, 'NOT_IMPLEMENTED', 'The embedded server does not support the table function input().');
  }
}
