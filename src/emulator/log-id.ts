import type { TimeText } from './time-text.js';

/** Digits of a log id. */
export const LOG_ID_DIGITS = 56;

// Ids of the public cloud end in a 19-digit counter behind fourteen zeros.
const TAIL_PREFIX = '000000000000001223372';
const TAIL_DIGITS = 12;
const TAIL_OFFSET = 36_854_775_807;

/**
 * Id of a log: "900", the time it was taken in as yyyyMMddHHmmss, its microseconds, and 33 digits that grow with its index.
 * Ids grow with (ingestUs, index), as text and as numbers.
 */
export function logId(ingestUs: number, index: number, time: TimeText): string {
  const ms = Math.floor(ingestUs / 1000);
  const micros = ingestUs - Math.floor(ms / 1000) * 1_000_000;
  const tail = String(TAIL_OFFSET + index).padStart(TAIL_DIGITS, '0');
  return `900${time.digits(ms)}${String(1_000_000 + micros).slice(1)}${TAIL_PREFIX}${tail}`;
}

/** A position that is no log's id: before every log taken in at `ms` or later, after all earlier ones. */
export function syntheticLogId(ms: number, time: TimeText): string {
  const millis = String(1000 + (ms - Math.floor(ms / 1000) * 1000)).slice(1);
  return `900${time.digits(ms)}${millis}`.padEnd(LOG_ID_DIGITS, '0');
}

/** The index that an id claims to belong to; any integer, since nothing says that a log has the id. */
export function claimedIndex(id: string): number {
  return Number(id.slice(-TAIL_DIGITS)) - TAIL_OFFSET;
}

/** Whether a text can be a position in the logs at all. */
export function isLogId(text: string): boolean {
  return /^900\d{53}$/.test(text);
}

/** Time in milliseconds that the id's digits name; NaN when they are no date. */
export function timeOfLogId(id: string): number {
  const part = (start: number, end: number) => id.slice(start, end);
  const day = `${part(3, 7)}-${part(7, 9)}-${part(9, 11)}`;
  return Date.parse(`${day}T${part(11, 13)}:${part(13, 15)}:${part(15, 17)}.${part(17, 20)}Z`);
}
