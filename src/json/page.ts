import { boundValues, elements, JsonTextError, members, skipSpace, type Span } from './scan.js';

/** One record as it came: its exact text and what it says. */
export interface RawRecord {
  raw: string;
  value: Record<string, unknown>;
}

/** A page of a list endpoint, whatever its envelope. */
export interface Page {
  records: RawRecord[];
  /** Elements of the list that are no objects, where there are any: what they were to be, nobody knows. */
  nonRecords?: number;
  /** Records that the query matches, where the envelope says so. */
  total: number | null;
  /** Size of a page as the server sees it, where the envelope says so. */
  limit: number | null;
  /** Checkpoint of the next page, where the envelope has one. */
  next: string | null;
}

/** A page has 100 records; some servers know no pages and send all that they have. */
const MOST_RECORDS = 50_000;
const MOST_MEMBERS = 1_000;
/** Texts below this length are parsed as they are: what they can hold at most is no harm. */
const ALWAYS_PARSED = 4 * 1024 * 1024;
const MOST_VALUES = 1_000_000;
/** The same of a page that could be smaller: several are in memory at a time, and a value takes some 100 bytes. */
export const VALUES_OF_SMALL_PAGE = 250_000;

/**
 * Takes a page apart. Accepts the three shapes that are seen: an array, `{<name>: [...]}` with or without totals, and
 * `{data: [...]}`. What of the list is no object (null, a number, a text, a list) is counted and left out. Throws
 * JsonTextError when the text is cut off, no JSON, or of another shape; JsonTooLargeError where it holds more than the
 * memory takes.
 */
export function parsePage(text: string, name: string, mostValues = MOST_VALUES): Page {
  const at = skipSpace(text, 0);
  if (text[at] === '[') {
    const list = elements(text, at, MOST_RECORDS);
    requireEnd(text, list.end);
    return {
      ...parseRecords(text, { start: at, end: list.end }, list.items, mostValues),
      total: null,
      limit: null,
      next: null,
    };
  }
  if (text[at] !== '{') throw new JsonTextError('neither an array nor an object');
  const envelope = members(text, at, MOST_MEMBERS);
  requireEnd(text, envelope.end);
  const lists = envelope.items.filter((member) => text[member.valueStart] === '[');
  const list = lists.findLast((member) => member.name === name) ?? lists.findLast((member) => member.name === 'data');
  if (list === undefined) throw new JsonTextError(`an object without a list "${name}"`);
  // All of the rest is parsed as well: a text that is no JSON is no page, wherever it is broken.
  const rest = new Map<string, unknown>();
  for (const member of envelope.items)
    if (member !== list) rest.set(member.name, parse(text.slice(member.valueStart, member.end)));
  const next = rest.get('next');
  return {
    ...parseRecords(
      text,
      { start: list.valueStart, end: list.end },
      elements(text, list.valueStart, MOST_RECORDS).items,
      mostValues,
    ),
    total: countOf(rest.get('total')),
    limit: countOf(rest.get('limit')),
    next: typeof next === 'string' && next !== '' ? next : null,
  };
}

/** Parses one record. Throws JsonTextError when it is no JSON object. */
export function parseRecord(raw: string): RawRecord {
  const value = parse(raw);
  if (!isRecord(value)) throw new JsonTextError('a record is no object');
  return { raw, value };
}

/** Rows of a page as the server counts them. */
export function rowsOf({ records, nonRecords = 0 }: Pick<Page, 'records' | 'nonRecords'>): number {
  return records.length + nonRecords;
}

/** Whether a parsed value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parsed in one go, which costs half of parsing record by record. */
function parseRecords(
  text: string,
  list: Span,
  spans: readonly Span[],
  mostValues: number,
): Pick<Page, 'records' | 'nonRecords'> {
  const values = parse(text.slice(list.start, list.end), mostValues);
  if (!Array.isArray(values) || values.length !== spans.length) throw new JsonTextError('not valid JSON');
  const records: RawRecord[] = [];
  for (const [i, { start, end }] of spans.entries()) {
    const value: unknown = values[i];
    if (isRecord(value)) records.push({ raw: text.slice(start, end), value });
  }
  const nonRecords = spans.length - records.length;
  return { records, ...(nonRecords > 0 && { nonRecords }) };
}

function parse(text: string, mostValues = MOST_VALUES): unknown {
  if (text.length > ALWAYS_PARSED) boundValues(text, mostValues);
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, which can be personal data.
    throw new JsonTextError('not valid JSON');
  }
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function requireEnd(text: string, end: number): void {
  if (skipSpace(text, end) < text.length) throw new JsonTextError('text after the end of the JSON value');
}
