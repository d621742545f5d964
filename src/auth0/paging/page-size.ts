import type { Cursor, PageSize } from '../../contracts/cursor.js';
import type { Pager } from './pager.js';

type Sized = Pick<Pager<Cursor>, 'pageSize' | 'resized'>;

/**
 * The next smaller size of a page that is too large: about half. It divides the size that it follows, so that the
 * records before an offset are whole pages of it too. Null: none is smaller.
 */
export function smallerSize(size: number, smallest = 1): number | null {
  if (size <= smallest) return null;
  let smaller = Math.max(1, Math.floor(size / 2));
  while (size % smaller !== 0) smaller--;
  return Math.max(smaller, smallest);
}

/** A cursor that asks for smaller pages from the same position; null: there are none. */
export function shrunk(pager: Sized, cursor: Cursor): Cursor | null {
  const { perPage, fullPage = perPage, smallest } = pager.pageSize(cursor);
  const smaller = smallerSize(perPage, smallest);
  return smaller === null ? null : (pager.resized(cursor, { perPage: smaller, fullPage }) ?? null);
}

/**
 * The cursor behind a page that came: with pages of the next larger size again, where that one was small enough and the
 * position allows it.
 */
export function regrown(
  pager: Sized,
  cursor: Cursor,
  { bytes, maxBytes }: { bytes: number; maxBytes: number },
): Cursor {
  const { perPage, fullPage = perPage, smallest } = pager.pageSize(cursor);
  let larger = perPage;
  for (let size: number | null = fullPage; size !== null && size > perPage; size = smallerSize(size, smallest))
    larger = size;
  // As if the next records were as large as these, with something to spare.
  if (larger === perPage || (bytes * larger) / perPage > maxBytes * 0.8) return cursor;
  return pager.resized(cursor, { perPage: larger, fullPage }) ?? cursor;
}

/** A cursor of numbered pages at the same position with pages of another size; undefined: it falls into one. */
export function resizedOffset<C extends PageSize & { page: number }>(cursor: C, size: PageSize): C | undefined {
  const page = (cursor.page * cursor.perPage) / size.perPage;
  return Number.isInteger(page) ? { ...cursor, ...size, page } : undefined;
}
