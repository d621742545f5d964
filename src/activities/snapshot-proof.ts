import type { Cursor } from '../contracts/cursor.js';
import type { Totals } from '../contracts/types.js';

/** What a reading of a whole list has brought, and what the tenant said of it. */
export interface Reading {
  /** Rows that came, those that repeat one included. */
  rows: number;
  /** Distinct ids among them, as the destination holds them. */
  seen: number;
  /** Rows that name no id: nobody knows whom they were to be. */
  nameless: number;
  /** Rows that are no records at all: they have no row in the destination. Part of `nameless`. */
  nonRecords: number;
  /** Whether the list came in one piece, so that a row which repeats cannot stand in the place of another. */
  inOnePiece: boolean;
  totals: Totals | null;
}

/** How a reading compares with the one before. */
export interface Earlier {
  /** Ids that the earlier reading had and this one has not. */
  missing: number;
  /** Ids that the earlier reading lacked although they were known before: it was not whole. */
  returned: number;
}

/** By what a reading is known to be whole; null: it is not, and `why` says so. */
export type Proof = { by: 'total' | 'reading'; why: string | null } | { by: null; why: string };

/**
 * Whether a reading held all that the tenant has. Its total proves that, where it agrees. Where it does not, a second
 * reading does: what neither of two readings in a row shows is not there, whatever the total says.
 */
export function proofOf(reading: Reading, earlier: Earlier | null): Proof {
  const why = doubtOf(reading);
  if (why === null) return { by: 'total', why };
  const canCompare = earlier !== null && earlier.returned === 0 && reading.seen > 0;
  return canCompare && reading.nameless === 0 && !hasRepeats(reading) ? { by: 'reading', why } : { by: null, why };
}

/** Why the total does not prove that a reading was whole; null: it does. */
export function doubtOf({ rows, seen, nameless, nonRecords, inOnePiece, totals }: Reading): string | null {
  if (nameless > 0) return `${nameless} of its records cannot be told: they name no id`;
  if (totals === null) return 'the tenant gives no total by which the snapshot could be proven complete';
  const listed = inOnePiece ? rows : seen + nonRecords;
  if (listed < totals.least) return `the tenant counts ${totals.least}, and lists ${listed}`;
  return seen > totals.most ? `the tenant counts ${totals.most}, and lists ${seen}` : null;
}

/** Whether the pages of a list repeat rows, and so may have left out others. */
export function hasRepeats({ rows, seen, nonRecords, inOnePiece }: Reading): boolean {
  return !inOnePiece && rows > seen + nonRecords;
}

/** Rows of the pages up to a cursor, and how many of them were no records. */
export function rowsUpTo(cursor: Cursor | null): { rows: number; nonRecords: number } {
  if (cursor === null || !('nonRecords' in cursor || 'digest' in cursor)) return { rows: 0, nonRecords: 0 };
  return { rows: cursor.seen, nonRecords: cursor.nonRecords ?? 0 };
}
