import type { CalendarSpecDescription } from '@temporalio/client';
import { Cron } from 'croner';

const SHORTHANDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** What Temporal takes in a field: numbers, names, `*`, lists, ranges, steps. The library knows more (L, W, #, ?). */
const FIELD = /^(?:(?:\*|[a-z\d]+(?:-[a-z\d]+)?)(?:\/\d+)?(?:,|$))+$/i;
const EXTENSIONS = /^L$|\dL|\dW|LW/i;

/**
 * The five fields of a cron expression, or of a shorthand such as `@daily`. Undefined where Temporal would not take it,
 * or where it names a date that never comes.
 */
function fieldsOf(expression: string): [minute: string, hour: string, ...days: string[]] | undefined {
  const text = SHORTHANDS[expression.trim().toLowerCase()] ?? expression.trim();
  const [minute, hour, ...days] = text.split(/\s+/);
  if (minute === undefined || hour === undefined || days.length !== 3) return undefined;
  if ([minute, hour, ...days].some((field) => !FIELD.test(field) || EXTENSIONS.test(field))) return undefined;
  return [minute, hour, ...days];
}

/** The times of five fields, in UTC. Days of the month and of the week have to match both, as Temporal has it. */
function timesOf(fields: readonly string[]): Cron {
  // Temporal takes whole names of months and days too.
  const pattern = fields.join(' ').replaceAll(/[a-z]{4,}/gi, (name) => name.slice(0, 3));
  return new Cron(pattern, { timezone: 'UTC', mode: '5-part', domAndDow: true, sloppyRanges: true });
}

/** Whether it is a cron expression that Temporal takes and that has a time to come. */
export function isCron(expression: string): boolean {
  const fields = fieldsOf(expression);
  try {
    return fields !== undefined && timesOf(fields).nextRun() !== null;
  } catch {
    return false;
  }
}

/** The next times of a cron expression after a moment. Throws RangeError where it is none. */
export function nextRunsOf(expression: string, count: number, after: Date): Date[] {
  const fields = fieldsOf(expression);
  if (fields === undefined) throw new RangeError(`"${expression}" is no cron expression`);
  return timesOf(fields).nextRuns(count, after);
}

const DAY_MS = 86_400_000;
/** Days that are looked at for the longest distance between two of them, within nine years. */
const MOST_DAYS = 120;
const NINE_YEARS_MS = 9 * 366 * DAY_MS;
const MINUTES_A_DAY = 1_440;

/** The longest time between two runs of a cron expression, ms; changes of daylight saving are left out. */
export function longestCronMs(expression: string): number {
  const fields = fieldsOf(expression);
  if (fields === undefined) throw new RangeError(`"${expression}" is no cron expression`);
  const [minute, hour, ...days] = fields;
  const midnight = new Date(-1);
  const inDay = timesOf([minute, hour, '*', '*', '*'])
    .nextRuns(MINUTES_A_DAY, midnight)
    .map((time) => time.getTime())
    .filter((time) => time < DAY_MS);
  const dates = timesOf(['0', '0', ...days])
    .nextRuns(MOST_DAYS, midnight)
    .map((time) => time.getTime())
    .filter((time) => time < NINE_YEARS_MS);
  const overNight = longestStep(dates) - ((inDay.at(-1) ?? 0) - (inDay[0] ?? 0));
  return Math.max(longestStep(inDay), overNight);
}

function longestStep(times: readonly number[]): number {
  return times.slice(1).reduce((longest, time, i) => Math.max(longest, time - (times[i] ?? time)), 0);
}

/**
 * A cron expression as a schedule takes it. A server compiles it into a calendar; the comment comes back with that, so
 * that it can be compared and shown.
 */
export function cronWithComment(expression: string): string {
  return `${expression} # ${expression}`;
}

/** A calendar as a server has it, in a few words: the cron expression that it was made from, where it says so. */
export function calendarText({ comment }: CalendarSpecDescription): string {
  return comment !== undefined && isCron(comment) ? `cron ${comment}` : 'a calendar that was set by hand';
}
