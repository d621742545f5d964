import { tokensOf, type Token } from './tokens.js';

/** Where an `INSERT ... [SETTINGS ...] FORMAT x` or `INSERT ... VALUES` says that rows follow. Indices into its text. */
export interface RowsClause {
  /** Where SETTINGS begins, or FORMAT or VALUES where there is none. */
  settingsAt: number;
  /** Where FORMAT or VALUES begins. */
  formatAt: number;
  /** Behind the format's name, or behind VALUES. */
  end: number;
  /** The format's name; undefined for VALUES. */
  format: string | undefined;
}

// INSERT ... SELECT and its kin; FROM is followed by INFILE.
const OTHER_SOURCES = new Set(['SELECT', 'WITH', 'WATCH', 'FROM']);

/** Finds the clause behind which an INSERT's rows follow; undefined for an INSERT ... SELECT and any other statement. */
export function findRowsClause(sql: string): RowsClause | undefined {
  const tokens = tokensOf(sql);
  const next = (): Token | undefined => tokens.next().value;
  if (upper(next()) !== 'INSERT' || upper(next()) !== 'INTO') return undefined;
  let target = next();
  if (upper(target) === 'TABLE') target = next();
  if (upper(target) === 'FUNCTION') target = next();

  let depth = target?.text === '{' ? 1 : 0;
  let before = target;
  let inBrackets = false;
  let settingsAt: number | undefined;
  // Where a word FORMAT was read just before.
  let formatAt: number | undefined;
  for (let token = next(); token !== undefined; before = token, token = next()) {
    const isName = token.kind === 'word' || token.kind === 'name';
    if (depth === 0 && formatAt !== undefined && isName) {
      return { settingsAt: settingsAt ?? formatAt, formatAt, end: token.end, format: token.text };
    }
    formatAt = undefined;
    const word = upper(token);
    // A SELECT in brackets, unless it is the name of the first column.
    if (inBrackets && token.text !== ',' && token.text !== ')') return undefined;
    inBrackets = word === 'SELECT' && depth === 1 && before?.text === '(';
    if (token.kind === 'other') depth += '({['.includes(token.text) ? 1 : ')}]'.includes(token.text) ? -1 : 0;
    // Behind a dot comes the table's name, whatever the word.
    if (depth > 0 || word === undefined || before?.text === '.') continue;
    if (OTHER_SOURCES.has(word)) return undefined;
    if (word === 'VALUES') {
      return { settingsAt: settingsAt ?? token.start, formatAt: token.start, end: token.end, format: undefined };
    }
    if (word === 'SETTINGS') settingsAt ??= token.start;
    if (word === 'FORMAT') formatAt = token.start;
  }
  return undefined;
}

function upper(token: Token | undefined): string | undefined {
  return token?.kind === 'word' ? token.text.toUpperCase() : undefined;
}
