import { ExtractError } from '../contracts/errors.js';

/** A record of either side: its id and a digest of what it says. */
export interface Entry {
  id: string;
  digest: string;
}

/** What follows for one id. `extra` is the second row of an id as well: readers would count it twice. */
export type Verdict<S extends Entry> =
  { kind: 'equal' | 'different' | 'missing'; source: S } | { kind: 'extra'; id: string };

/**
 * The order in which both sides are read: by length, then as text. For the 56 digits of a log id that is the order of
 * the numbers, which no numeric type could hold, and both JavaScript and ClickHouse can sort by it.
 */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Compares two streams in the order of {@link compareIds}, one step of each at a time, and says a verdict for each id
 * of both. The source must name each id once. Throws ExtractError where a stream is not in order: what would
 * follow from it was no proof.
 */
export async function* compareOrdered<S extends Entry>(
  source: Iterable<S>,
  held: AsyncIterable<Entry>,
): AsyncGenerator<Verdict<S>> {
  const rows = inOrder(held)[Symbol.asyncIterator]();
  let row = await rows.next();
  let before: string | undefined;
  for (const record of source) {
    if (before !== undefined && compareIds(record.id, before) <= 0) throw outOfOrder('source', record.id);
    before = record.id;
    while (!row.done && compareIds(row.value.id, record.id) < 0) {
      yield { kind: 'extra', id: row.value.id };
      row = await rows.next();
    }
    if (row.done || row.value.id !== record.id) {
      yield { kind: 'missing', source: record };
      continue;
    }
    yield { kind: row.value.digest === record.digest ? 'equal' : 'different', source: record };
    row = await rows.next();
  }
  for (; !row.done; row = await rows.next()) yield { kind: 'extra', id: row.value.id };
}

/** The same rows; an id may come twice, since that is what a comparison has to find. */
async function* inOrder(rows: AsyncIterable<Entry>): AsyncGenerator<Entry, undefined> {
  let before: string | undefined;
  for await (const row of rows) {
    if (before !== undefined && compareIds(row.id, before) < 0) throw outOfOrder('destination', row.id);
    before = row.id;
    yield row;
  }
  return undefined;
}

function outOfOrder(side: 'source' | 'destination', id: string): ExtractError {
  return new ExtractError('Internal', `The ${side} was not read in the order of its ids, at ${id}`);
}
