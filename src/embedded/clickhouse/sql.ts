import { findRowsClause, type RowsClause } from './rows-clause.js';
import { tokensOf } from './tokens.js';

/** What the HTTP layer must know of a statement before the engine sees it. */
export interface SqlShape {
  /** First word, upper case; '(' for a parenthesised SELECT, '' when there is none. */
  verb: string;
  /** The output format named by a FORMAT clause outside of brackets, as written. */
  format: string | undefined;
  /** How many SELECT words it holds, subqueries included. */
  selects: number;
  /** A second statement follows a semicolon. */
  multiple: boolean;
  /** INTO OUTFILE, FROM INFILE, file(...) and the like: the engine would open files on this machine. */
  usesLocalFile: boolean;
  /** INSERT ... SELECT ... FROM input(...): the embedded engine answers ok and inserts nothing. */
  usesInput: boolean;
  /** Present for an INSERT whose rows follow its text. */
  rows: RowsClause | undefined;
}

// Table functions, engines and dictionary sources that reach into the file system or start programs.
const FILE_READERS = new Set(['FILE', 'FILECLUSTER', 'SQLITE', 'EXECUTABLE', 'EXECUTABLEPOOL', 'DISK']);

/**
 * Scans one statement without parsing it: strings, quoted identifiers, heredocs and comments are skipped.
 * The data behind `INSERT ... VALUES` or `INSERT ... FORMAT x` is not looked at.
 */
export function scanSql(sql: string): SqlShape {
  const rows = findRowsClause(sql);
  const shape: SqlShape = {
    verb: '',
    format: undefined,
    selects: 0,
    multiple: false,
    usesLocalFile: false,
    usesInput: false,
    rows,
  };
  let depth = 0;
  let ended = false;
  let previous = '';
  // A function's name may be quoted; a keyword may not.
  let callee = '';
  for (const { kind, text } of tokensOf(rows === undefined ? sql : sql.slice(0, rows.end))) {
    if (kind === 'other' && text === ';' && depth === 0) {
      ended = true;
      continue;
    }
    if (ended) {
      shape.multiple = true;
      return shape;
    }
    const upper = text.toUpperCase();
    if (kind === 'word') {
      if (shape.verb === '') shape.verb = upper;
      if (upper === 'SELECT') shape.selects += 1;
      if ((previous === 'INTO' && upper === 'OUTFILE') || (previous === 'FROM' && upper === 'INFILE')) {
        shape.usesLocalFile = true;
      }
      if (previous === 'FORMAT' && depth === 0) shape.format = text;
    }
    if (text === '(' && kind === 'other') {
      if (shape.verb === '') shape.verb = '(';
      if (FILE_READERS.has(callee)) shape.usesLocalFile = true;
      if (callee === 'INPUT' && shape.selects > 0) shape.usesInput = true;
    }
    if (kind === 'other') depth += text === '(' ? 1 : text === ')' ? -1 : 0;
    previous = kind === 'word' ? upper : '';
    callee = kind === 'word' || kind === 'name' ? upper : '';
  }
  if (rows !== undefined) shape.format = rows.format;
  return shape;
}

// Words that can only matter outside of strings: without them and a semicolon, VALUES need not be scanned.
const SUSPECT = /;|file|sqlite|executable|disk/i;

/** Scans what follows VALUES: it may hold expressions, with subqueries, and a second statement behind a semicolon. */
export function scanValues(text: string): Pick<SqlShape, 'multiple' | 'usesLocalFile'> {
  return SUSPECT.test(text) ? scanSql(`VALUES ${text}`) : { multiple: false, usesLocalFile: false };
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
