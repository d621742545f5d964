/** Order of two log ids: numeric where both are decimal, as text otherwise. Negative when `a` comes first. */
export function compareLogIds(a: string, b: string): number {
  if (a.length !== b.length && /^\d+$/.test(a) && /^\d+$/.test(b)) {
    const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
    if (x.length !== y.length) return x.length - y.length;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Whether ids are of the form that is known to be given in order. What follows from the texts of others (UUIDs, hex, any
 * numbers) may be chance.
 */
export function areOrdered(ids: Iterable<string>): boolean {
  for (const id of ids) if (!SYNTHETIC_FORM.test(id)) return false;
  return true;
}

const SYNTHETIC_FORM = /^900\d{53}$/;

/**
 * Whether ids of this form carry the time at which they were given: `900`, then yyyyMMddHHmmss in UTC, then 39 digits
 * (seen in all recorded public-cloud logs). Only then can a position be made from a time.
 */
export function isTimedLogId(id: string): boolean {
  return SYNTHETIC_FORM.test(id) && timeOfLogId(id) !== undefined;
}

/**
 * The position just before all logs taken in at or after an instant. No log has this id; Auth0 accepts it in `from`
 * (Elastic's integration has started this way since 2024).
 */
export function syntheticLogId(ms: number): string {
  return `900${new Date(ms).toISOString().slice(0, 19).replace(/\D/g, '')}${'0'.repeat(39)}`;
}

/** When an id of the timed form was given, ms since 1970 (whole seconds); undefined for any other form. */
export function timeOfLogId(id: string): number | undefined {
  const match = /^900(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\d{39}$/.exec(id);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isFinite(ms) ? ms : undefined;
}
