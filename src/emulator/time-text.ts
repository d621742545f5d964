const DAY_MS = 86_400_000;

const MAX_KNOWN_DAYS = 5000;

interface DayText {
  readonly dashed: string;
  readonly plain: string;
}

/** Writes instants as text. Holds the text of days, since most instants fall on a few thousand of them. */
export interface TimeText {
  /** `2026-01-31T23:59:59.123Z` of a time in milliseconds since 1970. */
  iso(ms: number): string;
  /** `20260131235959` of a time in milliseconds since 1970, UTC. */
  digits(ms: number): string;
}

/** Makes a writer. Times must be whole milliseconds within years 1000 to 9999. */
export function createTimeText(): TimeText {
  const two = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));
  const known = new Map<number, DayText>();

  function dayText(day: number): DayText {
    const found = known.get(day);
    if (found !== undefined) return found;
    const dashed = new Date(day * DAY_MS).toISOString().slice(0, 10);
    const made = { dashed, plain: dashed.replaceAll('-', '') };
    if (known.size >= MAX_KNOWN_DAYS) known.clear();
    known.set(day, made);
    return made;
  }

  function clock(msOfDay: number, separator: string): string {
    const seconds = Math.floor(msOfDay / 1000);
    const hour = Math.floor(seconds / 3600);
    const minute = Math.floor(seconds / 60) % 60;
    return `${two[hour] ?? ''}${separator}${two[minute] ?? ''}${separator}${two[seconds % 60] ?? ''}`;
  }

  return {
    iso(ms) {
      const day = Math.floor(ms / DAY_MS);
      const msOfDay = ms - day * DAY_MS;
      return `${dayText(day).dashed}T${clock(msOfDay, ':')}.${String(1000 + (msOfDay % 1000)).slice(1)}Z`;
    },
    digits(ms) {
      const day = Math.floor(ms / DAY_MS);
      return dayText(day).plain + clock(ms - day * DAY_MS, '');
    },
  };
}
