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

/** Names from the outermost member inwards; `*` stands for all elements of an array. */
export type Path = readonly [string, ...string[]];

/** A typed column: its name in the table, and the path of the member that it shows. */
export interface Column {
  name: string;
  path: Path;
  kind: ColumnKind;
}

/** Shorthand for a column of a top-level member of the same name. */
export function column(name: string, kind: ColumnKind, ...path: string[]): Column {
  const [first, ...rest] = path;
  return { name, path: first === undefined ? [name] : [first, ...rest], kind };
}

/**
 * Readers of the kinds. They give undefined where the type breaks the documented shape; what is absent or null is ''
 * or an empty array, and null for times, truth values and numbers.
 */

/** See {@link ColumnKind} 'text'. */
export function readText(record: RawRecord, path: Path): string | undefined {
  const value = at(record.value, path);
  if (typeof value === 'string') return value;
  if (value === BROKEN) return undefined;
  return value === undefined || value === null ? '' : memberText(record.raw, path);
}

/** See {@link ColumnKind} 'json'. */
export function readJson(record: RawRecord, path: Path): string | undefined {
  const value = at(record.value, path);
  if (value === BROKEN) return undefined;
  return value === undefined || value === null ? '' : memberText(record.raw, path);
}

/** Ms since 1970. See {@link ColumnKind} 'time' and 'time?'. */
export function readTime(record: RawRecord, path: Path): number | null | undefined {
  const value = at(record.value, path);
  return value === undefined || value === null ? null : parseInstant(value);
}

/** See {@link ColumnKind} 'bool?'. */
export function readBool(record: RawRecord, path: Path): boolean | null | undefined {
  const value = at(record.value, path);
  if (value === undefined || value === null) return null;
  return typeof value === 'boolean' ? value : undefined;
}

/** See {@link ColumnKind} 'int?'. */
export function readInt(record: RawRecord, path: Path): number | null | undefined {
  const value = at(record.value, path);
  if (value === undefined || value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** See {@link ColumnKind} 'texts'. */
export function readTexts(record: RawRecord, path: Path): readonly string[] | undefined {
  const value = at(record.value, path);
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : undefined;
}

/** Something else stands where an object or an array was due. */
const BROKEN = Symbol('broken');

function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (let depth = 0; depth < path.length; depth++) {
    const name = path[depth] ?? '';
    if (here === undefined || here === null) return undefined;
    if (name === '*') return Array.isArray(here) ? ofEach(here, path.slice(depth + 1)) : BROKEN;
    if (!isRecord(here)) return BROKEN;
    here = here[name];
  }
  return here;
}

// A function of its own: a closure within the loop would cost memory for each turn of it, 2 KB a log.
function ofEach(entries: readonly unknown[], path: readonly string[]): unknown[] {
  return entries.map((entry) => at(entry, path));
}

/** DateTime64(3) ends in 2299; what lies outside the range would be clamped without a word. */
const LAST_MS = Date.UTC(2299, 11, 31);

const ISO_8601 = /^\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?<zone>Z|[+-]\d\d:?\d\d)?)?)?$/i;
const LENGTH_OF_DATE = '2026-01-31'.length;

/**
 * Milliseconds since 1970 of an ISO 8601 instant between 1970 and 2299; undefined for anything else. One without a
 * zone is in UTC: the same record must read the same wherever the worker runs.
 */
export function parseInstant(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = Date.parse(isUsual(value) ? value : withZone(value));
  return Number.isFinite(ms) && ms >= 0 && ms <= LAST_MS ? ms : undefined;
}

/** The text as Date.parse reads it in UTC; '' for what is no ISO 8601. */
function withZone(value: string): string {
  const match = ISO_8601.exec(value);
  if (match === null) return '';
  const [text] = match;
  const inLocalTime = text.length > LENGTH_OF_DATE && match.groups?.['zone'] === undefined;
  return inLocalTime ? `${text}Z` : text;
}

const USUAL = '0000-00-00T00:00:00.000Z';
const ZERO = 0x30;
const NINE = 0x39;

/** The form in which Auth0 writes nearly all instants, told in a tenth of the time that the pattern takes. */
function isUsual(text: string): boolean {
  if (text.length !== USUAL.length) return false;
  for (let i = 0; i < USUAL.length; i++) {
    const unit = text.charCodeAt(i);
    const due = USUAL.charCodeAt(i);
    if (due === ZERO ? unit < ZERO || unit > NINE : unit !== due) return false;
  }
  return true;
}
