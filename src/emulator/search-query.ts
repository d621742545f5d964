import { managementError, type ApiError } from './api-error.js';

/** Bound of a range; undefined value means no bound. */
export interface RangeBound {
  readonly value: string | undefined;
  readonly inclusive: boolean;
}

/** One condition on a field. */
export type FieldCondition =
  | { readonly kind: 'equals'; readonly field: string; readonly value: string }
  | { readonly kind: 'prefix'; readonly field: string; readonly value: string }
  | { readonly kind: 'range'; readonly field: string; readonly low: RangeBound; readonly high: RangeBound };

/** A parsed `q`. */
export type SearchQuery =
  | FieldCondition
  | { readonly kind: 'and' | 'or'; readonly parts: readonly SearchQuery[] }
  | { readonly kind: 'not'; readonly part: SearchQuery };

/** The API's 400 for a `q` that it cannot make sense of. */
export function searchError(problem: string): ApiError {
  return managementError(
    400,
    `Query validation error: ${problem} on property q (Query in Lucene query string syntax).`,
    'invalid_query_string',
  );
}

const TOKEN =
  /\s*(?:(\(|\))|(AND\b|&&)|(OR\b|\|\|)|(NOT\b|!)|(-)(?=[A-Za-z_])|([A-Za-z_][\w.]*):\s*(?:([[{])\s*("[^"]*"|\S+)\s+TO\s+("[^"]*"|[^\s\]}]+)\s*([\]}])|"((?:[^"\\]|\\.)*)"|([^\s()"[\]{}]+)))/y;

type Token =
  | { readonly kind: '(' | ')' | 'and' | 'or' | 'not' }
  | { readonly kind: 'condition'; readonly condition: FieldCondition };

/**
 * Parses the Lucene subset that both searches know: `field:value`, `field:"value"`, `field:prefix*`, ranges with square, curly or
 * mixed brackets and `*` bounds, AND, OR, NOT and parentheses. Throws the API's 400 for anything else.
 */
export function parseSearchQuery(text: string): SearchQuery {
  const tokens = tokenize(text);
  let position = 0;

  function either(): SearchQuery {
    const parts = [both()];
    while (tokens[position]?.kind === 'or') {
      position++;
      parts.push(both());
    }
    return parts.length === 1 ? (parts[0] ?? fail()) : { kind: 'or', parts };
  }

  function both(): SearchQuery {
    const parts = [single()];
    for (
      let next = tokens[position];
      next !== undefined && next.kind !== 'or' && next.kind !== ')';
      next = tokens[position]
    ) {
      if (next.kind === 'and') position++;
      parts.push(single());
    }
    return parts.length === 1 ? (parts[0] ?? fail()) : { kind: 'and', parts };
  }

  function single(): SearchQuery {
    const token = tokens[position++];
    if (token?.kind === 'condition') return token.condition;
    if (token?.kind === 'not') return { kind: 'not', part: single() };
    if (token?.kind !== '(') return fail();
    const inner = either();
    return tokens[position++]?.kind === ')' ? inner : fail();
  }

  function fail(): never {
    throw searchError(`'Failed to parse query [${text}]'`);
  }

  const query = either();
  return position === tokens.length ? query : fail();
}

function tokenize(text: string): readonly Token[] {
  const pattern = new RegExp(TOKEN);
  const tokens: Token[] = [];
  while (text.slice(pattern.lastIndex).trim() !== '') {
    const start = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw searchError(`'Failed to parse query [${text}] at ${start}'`);
    const [, parenthesis, and, or, not, minus, field = '', open, low = '', high = '', close, quoted, word] = match;
    if (parenthesis !== undefined) tokens.push({ kind: parenthesis === '(' ? '(' : ')' });
    else if (and !== undefined) tokens.push({ kind: 'and' });
    else if (or !== undefined) tokens.push({ kind: 'or' });
    else if (not !== undefined || minus !== undefined) tokens.push({ kind: 'not' });
    else if (open !== undefined) {
      const bounds = { low: bound(low, open === '['), high: bound(high, close === ']') };
      tokens.push({ kind: 'condition', condition: { kind: 'range', field, ...bounds } });
    } else if (quoted !== undefined) {
      const value = quoted.replaceAll(/\\(.)/g, '$1');
      tokens.push({ kind: 'condition', condition: { kind: 'equals', field, value } });
    } else tokens.push({ kind: 'condition', condition: wordCondition(field, word ?? '') });
  }
  return tokens;
}

function bound(text: string, inclusive: boolean): RangeBound {
  if (text === '*') return { value: undefined, inclusive: true };
  return { value: text.startsWith('"') ? text.slice(1, -1) : text, inclusive };
}

function wordCondition(field: string, word: string): FieldCondition {
  const value = word.replaceAll(/\\(.)/g, '$1');
  return value.endsWith('*') ? { kind: 'prefix', field, value: value.slice(0, -1) } : { kind: 'equals', field, value };
}

/** A date of a query in milliseconds. Throws the API's 400 when it is no ISO 8601 date. */
export function queryDate(text: string): number {
  const isDate = /^\d{4}(-\d{2}(-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$/.test(text);
  const zoned = !text.includes('T') || /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(text.indexOf('T'))) ? text : `${text}Z`;
  const ms = isDate ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(ms)) throw searchError(`'failed to parse date field [${text}]'`);
  return ms;
}

/** Whether a number lies in a range whose bounds are read by `read`, made once for many numbers. */
export function rangeTest(
  range: { readonly low: RangeBound; readonly high: RangeBound },
  read: (text: string) => number,
): (value: number) => boolean {
  const low = range.low.value === undefined ? -Infinity : read(range.low.value);
  const high = range.high.value === undefined ? Infinity : read(range.high.value);
  const { inclusive: withLow } = range.low;
  const { inclusive: withHigh } = range.high;
  return (value) => (withLow ? value >= low : value > low) && (withHigh ? value <= high : value < high);
}
