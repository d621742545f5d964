/** A piece of a statement that is neither white space nor a comment. */
export interface Token {
  /** 'name': a quoted identifier. 'string': a literal or heredoc. 'other': one character, digits among them. */
  kind: 'word' | 'name' | 'string' | 'other';
  /** As written; a quoted identifier without its quotes. */
  text: string;
  /** Index of its first character. */
  start: number;
  /** Index behind its last character. */
  end: number;
}

const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const HEREDOC = /\$\w*\$/y;
// What ClickHouse's lexer takes for white space beyond what JavaScript does is named by its code.
const BLANK = /[\s\u0085\u180e\u200b-\u200d\u2060]/;

/** Splits SQL as ClickHouse's lexer does, as far as is needed to tell words from what only looks like them. */
export function* tokensOf(sql: string): Generator<Token, undefined> {
  for (let at = 0; at < sql.length;) {
    const start = skipBlank(sql, at);
    if (start > at) {
      at = start;
      continue;
    }
    WORD.lastIndex = at;
    const word = WORD.exec(sql)?.[0];
    const end = word === undefined ? skipQuoted(sql, at) : at + word.length;
    at = end;
    if (word !== undefined) {
      yield { kind: 'word', text: word, start, end };
      continue;
    }
    const quote = sql.charAt(start);
    if (quote === '"' || quote === '`') yield { kind: 'name', text: sql.slice(start + 1, end - 1), start, end };
    else yield { kind: end - start > 1 ? 'string' : 'other', text: sql.slice(start, end), start, end };
  }
  return undefined;
}

function skipBlank(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && BLANK.test(sql.charAt(at))) at += 1;
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
