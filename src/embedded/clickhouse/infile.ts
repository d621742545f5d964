import { EngineError } from './errors.js';
import { quoteLiteral } from './sql.js';
import type { InsertStatement, Statement } from './statement.js';

// The default of max_insert_block_size.
const INSERT_BLOCK_ROWS = '1048449';

/**
 * An INSERT that takes its rows from a file, and settings that let the engine read it as it reads rows in a request.
 *
 * The engine's own entry for rows in memory puts them behind the statement's text. There, ClickHouse's client takes the
 * first empty line for the end of the rows and what follows for the next statement: text was cut off (or run), and
 * binary formats failed as soon as two line feeds stood in a row.
 */
export function infileStatement({ rows, ...statement }: InsertStatement, file: string): Statement {
  const { sql, settings } = statement;
  const { settingsAt, formatAt, end, format } = rows.clause;
  const ownSettings = sql.slice(settingsAt, formatAt);
  const formatText = format === undefined ? 'FORMAT Values' : sql.slice(formatAt, end);
  const blockRows =
    /\bmax_insert_block_size(?:_rows)?\s*=\s*'?(\d+)/i.exec(ownSettings)?.[1] ??
    settings.get('max_insert_block_size') ??
    settings.get('max_insert_block_size_rows') ??
    INSERT_BLOCK_ROWS;
  return {
    ...statement,
    rows: undefined,
    sql: `${sql.slice(0, settingsAt)} ${source(file)} ${ownSettings} ${formatText}`,
    settings: new Map([
      ...settings,
      // Rows that come from a file are cut into blocks by this setting, which is lower.
      ['max_block_size', blockRows],
      // Nothing in the path of the data directory may be taken for a column's value or an archive's name.
      ['use_hive_partitioning', '0'],
      ['allow_archive_path_syntax', '0'],
    ]),
  };
}

// The name's ending must not choose a compression.
function source(file: string): string {
  return `FROM INFILE ${quoteLiteral(asPattern(file))} COMPRESSION 'none'`;
}

/**
 * ClickHouse takes the name for a pattern and has no escape: with a pair of braces in the data directory's path nothing
 * would match, and nothing be inserted without a word; and in a pattern other characters have a meaning, too. The file's
 * own name is random, so that it alone matches.
 */
function asPattern(file: string): string {
  return /[*?{}]/.test(file) ? file.replaceAll(/[^\w/.\-\u0080-\uffff]/g, '?') : file;
}

/** Takes the file out of an error's text, which then reads as on a server. */
export function withoutFile(error: unknown, file: string): unknown {
  if (!(error instanceof EngineError)) return error;
  const message = error.message
    .replaceAll(`: (in file/uri ${file})`, '')
    .replaceAll(': While executing File: data for INSERT was parsed from file', '')
    .replaceAll(`${source(file)} `, '')
    // A syntax error quotes only the beginning of what it did not understand.
    .replaceAll(/FROM INFILE '(?:[^'\\]|\\.)*/g, '')
    .replaceAll(file, '(the rows)');
  return new EngineError(error.code, message);
}
