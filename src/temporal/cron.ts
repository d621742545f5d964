import type { CalendarSpecDescription } from '@temporalio/client';

/** Numbers from `start` to `end`, each `step`-th. */
interface Span {
  start: number;
  end: number;
  step: number;
}

/** The five fields of a cron expression. Days of the month and of the week have to match both, as Temporal has it. */
export interface CronFields {
  minute: Span[];
  hour: Span[];
  dayOfMonth: Span[];
  month: Span[];
  dayOfWeek: Span[];
}

const MONTHS = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

interface Field {
  name: keyof CronFields;
  min: number;
  max: number;
  words?: readonly string[];
}

/** In the order of an expression. */
const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'dayOfMonth', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'dayOfWeek', min: 0, max: 6, words: DAYS },
];

const SHORTHANDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/**
 * Reads a cron expression of five fields (numbers, `*`, lists, ranges, steps, names of months and days, 7 for Sunday) or
 * a shorthand such as `@daily`, as Temporal does. Undefined where it is none, or names a date that never comes.
 */
export function parseCron(expression: string): CronFields | undefined {
  const text = SHORTHANDS[expression.trim().toLowerCase()] ?? expression.trim();
  const words = text.split(/\s+/);
  if (words.length !== FIELDS.length) return undefined;
  const parsed: CronFields = { minute: [], hour: [], dayOfMonth: [], month: [], dayOfWeek: [] };
  for (const [i, field] of FIELDS.entries()) {
    const spans = (words[i] ?? '').split(',').map((part) => parsePart(part, field));
    if (spans.includes(undefined)) return undefined;
    parsed[field.name] = spans.flatMap((found) => found ?? []);
  }
  return everComes(parsed) ? parsed : undefined;
}

function parsePart(part: string, field: Field): Span[] | undefined {
  const [, range = '', stepText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(part) ?? [];
  const step = stepText === undefined ? 1 : Number(stepText);
  if (range === '' || step < 1) return undefined;
  if (range === '*') return [{ start: field.min, end: field.max, step }];
  const [first = '', last, ...rest] = range.split('-');
  const start = valueOf(first, field);
  // `5/15` goes on to the end of the field, `5` does not.
  const open = stepText === undefined ? start : field.max;
  const end = last === undefined ? open : valueOf(last, field);
  if (start === undefined || end === undefined || rest.length > 0 || start > end) return undefined;
  if (field.name !== 'dayOfWeek' || end < 7) return [{ start, end, step }];
  return sundayAsZero({ start, end, step });
}

/** A week of Temporal's begins with Sunday as 0: what ends on 7 is taken apart. */
function sundayAsZero({ start, end, step }: Span): Span[] {
  const days: number[] = [];
  for (let day = start; day <= end; day += step) days.push(day % 7);
  return [...new Set(days)].sort((a, b) => a - b).map((day) => ({ start: day, end: day, step: 1 }));
}

function valueOf(text: string, { name, min, max, words }: Field): number | undefined {
  const named = words?.findIndex((word) => text.length >= 3 && word.startsWith(text.toUpperCase())) ?? -1;
  if (named >= 0) return named + min;
  const highest = name === 'dayOfWeek' ? 7 : max;
  return /^\d{1,2}$/.test(text) && Number(text) >= min && Number(text) <= highest ? Number(text) : undefined;
}

/** False for the 31st of February and the like. */
function everComes({ month, dayOfMonth }: CronFields): boolean {
  const days = dayOfMonth.map(({ start }) => start);
  return numbersOf(month).some((number) => Math.min(...days) <= (LONGEST_MONTHS[number - 1] ?? 0));
}

const DAY_MS = 86_400_000;

/** The longest time between two runs of a cron expression, ms: over some years, without changes of daylight saving. */
export function longestCronMs(expression: string): number {
  const fields = parseCron(expression);
  if (fields === undefined) throw new RangeError(`"${expression}" is no cron expression`);
  const minutes = numbersOf(fields.minute);
  const inDay = [...new Set(numbersOf(fields.hour).flatMap((hour) => minutes.map((minute) => hour * 60 + minute)))]
    .sort((a, b) => a - b)
    .map((minute) => minute * 60_000);
  const [months, dates, weekdays] = [fields.month, fields.dayOfMonth, fields.dayOfWeek].map(
    (spans) => new Set(numbersOf(spans)),
  );
  const first = inDay[0] ?? 0;
  const last = inDay.at(-1) ?? 0;
  let longest = Math.max(0, ...inDay.slice(1).map((time, i) => time - (inDay[i] ?? time)));
  let before: number | undefined;
  // Nine years hold two 29ths of February wherever they begin.
  for (let day = 0; day < 9 * 366; day++) {
    const date = new Date(day * DAY_MS);
    if (!months?.has(date.getUTCMonth() + 1) || !dates?.has(date.getUTCDate()) || !weekdays?.has(date.getUTCDay()))
      continue;
    if (before !== undefined) longest = Math.max(longest, (day - before) * DAY_MS - last + first);
    before = day;
  }
  return longest;
}

function numbersOf(spans: readonly Span[]): number[] {
  return spans.flatMap(({ start, end, step }) =>
    Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step),
  );
}

/**
 * The calendar of a cron expression. A server compiles cron expressions into calendars by itself; made here, what comes
 * back can be compared with what was asked for. Its comment keeps the expression for people.
 */
export function calendarOf(expression: string): CalendarSpecDescription {
  const fields = parseCron(expression);
  if (fields === undefined) throw new RangeError(`"${expression}" is no cron expression`);
  const { minute, hour, dayOfMonth } = fields;
  return {
    second: [{ start: 0, end: 0, step: 1 }],
    minute,
    hour,
    dayOfMonth,
    year: [],
    month: fields.month.map(({ start, end, step }) => ({ start: monthOf(start), end: monthOf(end), step })),
    dayOfWeek: fields.dayOfWeek.map(({ start, end, step }) => ({ start: dayOf(start), end: dayOf(end), step })),
    comment: expression,
  };
}

function monthOf(number: number): (typeof MONTHS)[number] {
  return MONTHS[number - 1] ?? 'JANUARY';
}

function dayOf(number: number): (typeof DAYS)[number] {
  return DAYS[number] ?? 'SUNDAY';
}

/** A calendar as a server has it, as a cron expression; seconds and years are added where they say something. */
export function cronOf(calendar: CalendarSpecDescription): string {
  const { second, minute, hour, dayOfMonth, month, dayOfWeek, year } = calendar;
  const months = month.map(({ start, end, step }) => ({
    start: MONTHS.indexOf(start) + 1,
    end: MONTHS.indexOf(end) + 1,
    step,
  }));
  const days = dayOfWeek.map(({ start, end, step }) => ({ start: DAYS.indexOf(start), end: DAYS.indexOf(end), step }));
  const spans: readonly (readonly Span[])[] = [minute, hour, dayOfMonth, months, days];
  const five = FIELDS.map((field, i) => textOf(spans[i] ?? [], field)).join(' ');
  const seconds = textOf(second, { name: 'minute', min: 0, max: 59 });
  const years = textOf(year, { name: 'minute', min: -1, max: -1 });
  return `${five}${seconds === '0' ? '' : `, second ${seconds}`}${years === '*' ? '' : `, year ${years}`}`;
}

function textOf(spans: readonly Span[], { min, max }: Field): string {
  // No range at all stands for every year.
  if (spans.length === 0) return '*';
  return spans
    .map(({ start, end, step }) => {
      const every = step > 1 ? `/${step}` : '';
      if (start === min && end === max) return `*${every}`;
      return start === end ? String(start) : `${start}-${end}${every}`;
    })
    .join(',');
}
