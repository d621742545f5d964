import { isRecord, type RawRecord } from '../json/page.js';
import { memberText } from '../json/scan.js';

/**
 * Kinds of typed columns. They are derived here and not by the engine's JSONExtract: its parser (simdjson) refuses a
 * whole document for one integer beyond 64 bits, one `1e400` or one lone surrogate, and every column of that row would
 * be empty, the key included.
 */
export type ColumnKind =
  /** String; '' where absent or null; what is no string as its exact JSON text. */
  | 'text'
  /** DateTime64(3, 'UTC'); 1970 where absent or unreadable. */
  | 'time'
  /** Nullable(DateTime64(3, 'UTC')). */
  | 'time?'
  /** Nullable(Bool). */
  | 'bool?'
  /** Nullable(Int64). */
  | 'int?'
  /** Array(String): the strings of an array. */
  | 'texts'
  /** String: the exact JSON text of the member, '' where absent. */
  | 'json';

/** A typed column: its name in the table, and the path of the member that it shows. */
export interface Column {
  name: string;
  path: readonly [string, ...string[]];
  kind: ColumnKind;
}

/** Shorthand for a column of a top-level member of the same name. */
export function column(name: string, kind: ColumnKind, ...path: string[]): Column {
  const [first, ...rest] = path;
  return { name, path: first === undefined ? [name] : [first, ...rest], kind };
}

/** Typed values of a record as a JSON fragment, comma separated, in the order of the columns. */
export interface RenderedColumns {
  json: string;
  /** Members whose type broke the documented shape, so that the column shows its default. */
  malformed: number;
}

/** Renders the typed columns of one record for JSONCompactEachRow. */
export function renderColumns(record: RawRecord, columns: readonly Column[]): RenderedColumns {
  let malformed = 0;
  const parts = columns.map((column) => {
    const rendered = render(record, column);
    if (rendered !== undefined) return rendered;
    malformed++;
    return DEFAULTS[column.kind];
  });
  return { json: parts.join(','), malformed };
}

const EPOCH = '"1970-01-01 00:00:00.000"';
const DEFAULTS: Record<ColumnKind, string> = {
  text: '""',
  time: EPOCH,
  'time?': 'null',
  'bool?': 'null',
  'int?': 'null',
  texts: '[]',
  json: '""',
};

function render(record: RawRecord, column: Column): string | undefined {
  const value = at(record.value, column.path);
  if (value === BROKEN) return undefined;
  if (value === undefined || value === null) return column.kind === 'time' ? undefined : DEFAULTS[column.kind];
  switch (column.kind) {
    case 'text':
      return JSON.stringify(typeof value === 'string' ? value : memberText(record.raw, column.path));
    case 'time':
    case 'time?':
      return renderTime(value);
    case 'bool?':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'int?':
      return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
    case 'texts':
      return Array.isArray(value) ? JSON.stringify(value.filter((entry) => typeof entry === 'string')) : undefined;
    case 'json':
      return JSON.stringify(memberText(record.raw, column.path));
  }
}

/** Something else stands where an object or an array was due. */
const BROKEN = Symbol('broken');

function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  let depth = 0;
  for (const name of path) {
    depth++;
    if (here === undefined || here === null) return undefined;
    // A `*` collects the member behind it from all elements of an array.
    if (name === '*') return Array.isArray(here) ? here.map((entry) => at(entry, path.slice(depth))) : BROKEN;
    if (!isRecord(here)) return BROKEN;
    here = here[name];
  }
  return here;
}

/** DateTime64(3) ends in 2299; what lies outside the range would be clamped without a word. */
const LAST_MS = Date.UTC(2299, 11, 31);

/** An instant as ClickHouse's `YYYY-MM-DD hh:mm:ss.mmm`, quoted. Undefined where it is no readable instant. */
function renderTime(value: unknown): string | undefined {
  const ms = parseInstant(value);
  if (ms === undefined) return undefined;
  // Written anew and never copied: Date.parse knows a 30th of February and 24:00, ClickHouse refuses the whole insert.
  const iso = new Date(ms).toISOString();
  return `"${iso.slice(0, 10)} ${iso.slice(11, 23)}"`;
}

const ISO_8601 = /^\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?<zone>Z|[+-]\d\d:?\d\d)?)?)?$/i;
const LENGTH_OF_DATE = '2026-01-31'.length;

/**
 * Milliseconds since 1970 of an ISO 8601 instant between 1970 and 2299; undefined for anything else. One without a
 * zone is in UTC: the same record must read the same wherever the worker runs.
 */
export function parseInstant(value: unknown): number | undefined {
  const match = typeof value === 'string' ? ISO_8601.exec(value) : null;
  if (match === null) return undefined;
  const [text] = match;
  const inLocalTime = text.length > LENGTH_OF_DATE && match.groups?.['zone'] === undefined;
  const ms = Date.parse(inLocalTime ? `${text}Z` : text);
  return Number.isFinite(ms) && ms >= 0 && ms <= LAST_MS ? ms : undefined;
}
