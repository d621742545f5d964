import { findRowsClause, type RowsClause } from './rows-clause.js';
import { tokensOf } from './tokens.js';

/** What the HTTP layer must know of a statement to run it in the right way. */
export interface SqlShape {
  /** First word, upper case; '(' for a parenthesised SELECT, '' when there is none. */
  verb: string;
  /** The output format named by a FORMAT clause outside of brackets, as written. */
  format: string | undefined;
  /** How many SELECT words it holds, subqueries included. */
  selects: number;
  /** INSERT ... SELECT ... FROM input(...): the embedded engine answers ok and inserts nothing. */
  usesInput: boolean;
  /** Present for an INSERT whose rows follow its text. */
  rows: RowsClause | undefined;
}

/**
 * Scans one statement, as the engine's formatQuery has written it, without parsing it: strings, quoted identifiers, heredocs and comments are skipped.
 * The data behind `INSERT ... VALUES` or `INSERT ... FORMAT x` is not looked at.
 */
export function scanSql(sql: string): SqlShape {
  const rows = findRowsClause(sql);
  const shape: SqlShape = {
    verb: '',
    format: undefined,
    selects: 0,
    usesInput: false,
    rows,
  };
  let depth = 0;
  let previous = '';
  // A function's name may be quoted; a keyword may not.
  let callee = '';
  for (const { kind, text } of tokensOf(rows === undefined ? sql : sql.slice(0, rows.end))) {
    const upper = text.toUpperCase();
    if (kind === 'word') {
      if (shape.verb === '') shape.verb = upper;
      if (upper === 'SELECT') shape.selects += 1;
      if (previous === 'FORMAT' && depth === 0) shape.format = text;
    }
    if (text === '(' && kind === 'other') {
      if (shape.verb === '') shape.verb = '(';
      if (callee === 'INPUT' && shape.selects > 0) shape.usesInput = true;
    }
    if (kind === 'other') depth += text === '(' ? 1 : text === ')' ? -1 : 0;
    previous = kind === 'word' ? upper : '';
    callee = kind === 'word' || kind === 'name' ? upper : '';
  }
  if (rows !== undefined) shape.format = rows.format;
  return shape;
}

/** Whether something follows a semicolon that is in no string and no brackets, as in `(1, 'a;b'); SELECT 2`. */
export function hasMoreBehindSemicolon(text: string): boolean {
  let depth = 0;
  let ended = false;
  for (const token of tokensOf(text)) {
    if (ended && token.text !== ';') return true;
    if (token.kind !== 'other') continue;
    depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    if (token.text === ';' && depth === 0) ended = true;
  }
  return false;
}

/** True for statements that only read: they may run beside an insert. */
export function isRead(shape: SqlShape): boolean {
  return READ_VERBS.has(shape.verb);
}

const READ_VERBS = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXISTS', 'EXPLAIN', 'VALUES', '(']);

/** A single-quoted literal whose value is exactly `text`. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}

/** A back-quoted identifier whose name is exactly `name`. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll(/[\\`]/g, String.raw`\$&`)}\``;
}
