/** An interval of the tenant's log by the time at which events were taken in: whole seconds, `to` exclusive. */
export interface LogWindow {
  /** ISO 8601 in UTC. */
  from: string;
  to: string;
}

/** The interval in a workflow id and for people, e.g. `2026-11-01..2026-11-04T12:00:00Z`. */
export function windowText({ from, to }: LogWindow): string {
  return `${instantText(from)}..${instantText(to)}`;
}

/** An instant without what says nothing: milliseconds of 0, and a midnight. */
export function instantText(iso: string): string {
  return iso.replace('.000Z', 'Z').replace('T00:00:00Z', '');
}

/** How far an instant lies in the interval, 0 to 100 with one decimal. */
export function percentOf({ from, to }: LogWindow, at: string | null): number {
  if (at === null) return 0;
  const share = (Date.parse(at) - Date.parse(from)) / (Date.parse(to) - Date.parse(from));
  return Math.round(Math.min(Math.max(share, 0), 1) * 1_000) / 10;
}
