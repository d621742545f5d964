import { z } from 'zod';
import { parseSpan, type ScheduleSpec, spanText } from '../../contracts/schedule-spec.js';
import { isCron } from '../../temporal/cron.js';
import { text } from './values.js';

const DAY_MS = 86_400_000;

const EXAMPLES =
  'must be an interval such as 30s, 5m, 6h or 1d, a cron expression of five fields such as "30 2 * * *" or @daily, or off';

/** When a schedule runs; null: it does not. `bareMs` is what a number without a unit counts. */
export function scheduleSpec({
  bareMs,
  longestMs,
}: {
  bareMs: number;
  longestMs: number;
}): z.ZodType<ScheduleSpec | null, string> {
  return text.transform((value, context) => {
    const refuse = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (/^off$/i.test(value)) return null;
    const everyMs = spanOf(value, bareMs);
    if (everyMs === 0) return null;
    if (everyMs !== undefined)
      return everyMs > longestMs
        ? refuse(`must be between 1s and ${spanText(longestMs)}, such as 6h, or off`)
        : { kind: 'every', everyMs };
    const expression = value.replaceAll(/\s+/g, ' ');
    if (/\bTZ=/i.test(expression)) return refuse('must name no time zone: SCHEDULE_TIMEZONE does, as in Europe/Berlin');
    return isCron(expression) ? { kind: 'cron', expression } : refuse(EXAMPLES);
  });
}

function spanOf(value: string, bareMs: number): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value) * bareMs;
  return parseSpan(value.replace(/^@every\s+/i, ''));
}

/** A span of time, ms. */
export const jitter: z.ZodType<number, string> = text.transform((value, context) => {
  const ms = value === '0' ? 0 : parseSpan(value);
  if (ms !== undefined && ms <= DAY_MS) return ms;
  context.addIssue({ code: 'custom', message: 'must be a span of time up to 1d, such as 30s or 5m' });
  return z.NEVER;
});

/** A time zone by its IANA name, spelled as the tables of zones do: a server takes it to the letter. */
export const timezone: z.ZodType<string, string> = text.transform((value, context) => {
  const known = /^[A-Za-z]/.test(value) ? resolveZone(value) : undefined;
  if (known !== undefined) return known;
  context.addIssue({ code: 'custom', message: 'must be a time zone by its IANA name, such as Europe/Berlin or UTC' });
  return z.NEVER;
});

function resolveZone(name: string): string | undefined {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    // Another name for the same zone is as good.
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name;
  } catch {
    return undefined;
  }
}
