/** When a schedule runs: every so often, or at the times of a cron expression (five fields, in the schedule's time zone). */
export type ScheduleSpec = { kind: 'every'; everyMs: number } | { kind: 'cron'; expression: string };

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A span of time as the settings write it, in its largest whole unit: `90s`, `1m`, `6h`, `1d`. */
export function spanText(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= length && ms % length === 0) ?? ['s', 1_000];
  return `${ms / size}${unit}`;
}

/** `30s`, `5m`, `6h`, `1d` in milliseconds; undefined where it is no span of time. */
export function parseSpan(text: string): number | undefined {
  const [, amount, word] = /^(\d{1,9})\s*([smhd])$/i.exec(text) ?? [];
  const size = UNITS.find(([unit]) => unit === word?.toLowerCase())?.[1];
  return size === undefined ? undefined : Number(amount) * size;
}

/** When a schedule runs, in a few words: `every 1m`, `cron 0 3 * * *`. */
export function specText(spec: ScheduleSpec): string {
  return spec.kind === 'every' ? `every ${spanText(spec.everyMs)}` : `cron ${spec.expression}`;
}
