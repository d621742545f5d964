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
}

// Table functions, engines and dictionary sources that reach into the file system or start programs.
const FILE_READERS = new Set(['FILE', 'FILECLUSTER', 'SQLITE', 'EXECUTABLE', 'EXECUTABLEPOOL', 'DISK']);
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const HEREDOC = /\$\w*\$/y;

/**
 * Scans one statement without parsing it: strings, quoted identifiers, heredocs and comments are skipped.
 * The data behind `INSERT ... VALUES` or `INSERT ... FORMAT x` is not looked at.
 */
export function scanSql(sql: string): SqlShape {
  const shape: SqlShape = {
    verb: '',
    format: undefined,
    selects: 0,
    multiple: false,
    usesLocalFile: false,
    usesInput: false,
  };
  let depth = 0;
  let ended = false;
  let previous = '';
  for (let at = 0; at < sql.length;) {
    const next = skipBlank(sql, at);
    if (next > at) {
      at = next;
      continue;
    }
    const char = sql.charAt(at);
    if (char === ';' && depth === 0) {
      ended = true;
      at += 1;
      continue;
    }
    if (ended) {
      shape.multiple = true;
      return shape;
    }
    const word = wordAt(sql, at);
    if (word === undefined) {
      if (char === '(') {
        if (shape.verb === '') shape.verb = '(';
        if (FILE_READERS.has(previous)) shape.usesLocalFile = true;
        if (previous === 'INPUT' && shape.selects > 0) shape.usesInput = true;
      }
      depth += char === '(' ? 1 : char === ')' ? -1 : 0;
      const end = skipQuoted(sql, at);
      // A function's name may be quoted too.
      previous = char === '"' || char === '`' ? sql.slice(at + 1, end - 1).toUpperCase() : char;
      at = end;
      continue;
    }
    at += word.length;
    const upper = word.toUpperCase();
    if (shape.verb === '') shape.verb = upper;
    if (upper === 'SELECT') shape.selects += 1;
    if ((previous === 'INTO' && upper === 'OUTFILE') || (previous === 'FROM' && upper === 'INFILE')) {
      shape.usesLocalFile = true;
    }
    if (previous === 'FORMAT' && depth === 0) shape.format = word;
    const dataFollows = upper === 'VALUES' || previous === 'FORMAT';
    if (shape.verb === 'INSERT' && depth === 0 && shape.selects === 0 && dataFollows) return shape;
    previous = upper;
  }
  return shape;
}

function wordAt(sql: string, at: number): string | undefined {
  WORD.lastIndex = at;
  return WORD.exec(sql)?.[0];
}

function skipBlank(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && /\s/.test(sql.charAt(at))) at += 1;
  if (sql.startsWith('--', at) || sql.startsWith('# ', at) || sql.startsWith('#!', at)) {
    const end = sql.indexOf('\n', at);
    return end === -1 ? sql.length : end + 1;
  }
  if (sql.startsWith('/*', at)) {
    const end = sql.indexOf('*/', at + 2);
    return end === -1 ? sql.length : end + 2;
  }
  return at;
}

/** The index behind a quoted part that starts at `at`, or behind the one character there. */
function skipQuoted(sql: string, at: number): number {
  const quote = sql.charAt(at);
  HEREDOC.lastIndex = at;
  const heredoc = quote === '$' ? HEREDOC.exec(sql)?.[0] : undefined;
  if (heredoc !== undefined) {
    const end = sql.indexOf(heredoc, at + heredoc.length);
    return end === -1 ? sql.length : end + heredoc.length;
  }
  if (quote !== "'" && quote !== '"' && quote !== '`') return at + 1;
  for (let i = at + 1; i < sql.length; i += 1) {
    const char = sql.charAt(i);
    if (char === '\\') i += 1;
    else if (char === quote) {
      if (sql.charAt(i + 1) !== quote) return i + 1;
      i += 1;
    }
  }
  return sql.length;
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
