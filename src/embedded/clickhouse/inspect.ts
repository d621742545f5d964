import { engineError, EngineError } from './errors.js';
import { mayNameFunctions, refusedWord } from './guard.js';
import { infileStatement, withoutFile } from './infile.js';
import { hasMoreBehindSemicolon, quoteLiteral, scanSql, type SqlShape } from './sql.js';
import type { Statement } from './statement.js';

/** A statement that may run, and what the engine's parser says of it. */
export interface Inspected {
  statement: Statement;
  shape: SqlShape;
}

/** Asks the engine to write a text anew as it has understood it; see formatQuerySingleLine. */
type Format = (text: string) => Promise<string>;

// Larger VALUES with expressions in them are not looked through; they are read as plain values.
const MAX_VALUES_BYTES = 256 * 1024;
const EXPRESSIONS = 'input_format_values_interpret_expressions';
// Stands for the file that will hold the rows: it has no name yet.
const ROWS_FILE = '/the-rows-of-this-insert';

/**
 * Lets the engine parse a statement before it runs. Our own reading of SQL tells rows from the statement in front of
 * them, and no more: quotes of other alphabets, heredocs and escapes in names can fool it.
 * @throws EngineError for a statement that must not run, or that the engine cannot parse.
 */
export async function inspect(statement: Statement, format: Format): Promise<Inspected> {
  const { rows } = statement;
  const text = rows === undefined ? statement.sql : infileStatement({ ...statement, rows }, ROWS_FILE).sql;
  const canonical = await format(text).catch((error: unknown) => {
    throw withoutFile(error, ROWS_FILE);
  });
  const shape = scanSql(canonical);
  if (shape.verb === '') throw engineError(62, 'SYNTAX_ERROR', 'Empty query.');
  const allowed = rows === undefined ? {} : { ownFile: quoteLiteral(ROWS_FILE) };
  refuse(refusedWord(canonical, { ...allowed, params: statement.params.values() }));
  if (rows === undefined && shape.rows !== undefined) {
    // The engine would take a part of the text for rows where we have seen none.
    throw engineError(62, 'SYNTAX_ERROR', 'The rows of this INSERT cannot be told from its statement.');
  }
  if (shape.verb === 'INSERT' && shape.usesInput) {
    throw engineError(48, 'NOT_IMPLEMENTED', 'The embedded server does not support the table function input().');
  }
  if (rows === undefined || (rows.clause.format ?? 'values').toLowerCase() !== 'values') return { statement, shape };

  // Behind VALUES there may be expressions, with calls in them.
  const values = Buffer.concat(rows.pieces);
  if (values.includes(';') && hasMoreBehindSemicolon(values.toString())) {
    // The engine would leave it out without a word.
    throw engineError(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed).');
  }
  if (!mayNameFunctions(values)) return { statement, shape };
  const understood = values.length > MAX_VALUES_BYTES ? undefined : await formatValues(values.toString(), format);
  if (understood !== undefined) {
    refuse(refusedWord(understood));
    return { statement, shape };
  }
  if (canonical.includes(EXPRESSIONS)) refuse(EXPRESSIONS);
  return { statement: { ...statement, settings: new Map([...statement.settings, [EXPRESSIONS, '0']]) }, shape };
}

async function formatValues(values: string, format: Format): Promise<string | undefined> {
  try {
    let end = values.length;
    while (end > 0 && ' \t\r\n,;'.includes(values.charAt(end - 1))) end -= 1;
    return await format(`SELECT ${values.slice(0, end)}`);
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function refuse(what: string | undefined): void {
  if (what === undefined) return;
  const text = `The embedded server keeps to its own data directory: ${what} is refused.`;
  throw engineError(497, 'ACCESS_DENIED', text);
}
