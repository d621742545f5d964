import type { CalendarSpecDescription, IntervalSpecDescription } from '@temporalio/client';
import type { SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { spanText } from '../contracts/schedule-spec.js';
import { calendarText } from './cron.js';
import type { ScheduleDefinition } from './wanted.js';

/** One field in which a schedule is not as it should be. */
export interface ScheduleChange {
  field: string;
  from: string;
  to: string;
}

interface Times {
  intervals?: readonly IntervalSpecDescription[] | undefined;
  calendars?: readonly CalendarSpecDescription[] | undefined;
  /** As we ask for them; a server gives calendars back. */
  cronExpressions?: readonly string[] | undefined;
}

/** A schedule as a server describes it, or as we define it. Note and pause are an operator's own and not in it. */
export interface ComparableSchedule {
  spec: Times & {
    timezone?: string | undefined;
    jitter?: number | undefined;
    skip?: readonly CalendarSpecDescription[] | undefined;
    startAt?: Date | undefined;
    endAt?: Date | undefined;
  };
  action: {
    workflowType: string;
    workflowId?: string | undefined;
    taskQueue: string;
    args?: readonly unknown[] | undefined;
    staticSummary?: string | undefined;
    typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes | undefined;
    retry?: object | undefined;
    workflowExecutionTimeout?: string | number | undefined;
    workflowRunTimeout?: string | number | undefined;
  };
  policies: { overlap: string | undefined; catchupWindow: number; pauseOnFailure: boolean };
}

const NONE = 'none';

/** The fields in which a schedule differs from how it should be; empty where it is right. */
export function changesOf(present: ComparableSchedule, wanted: ScheduleDefinition): ScheduleChange[] {
  const [is, should] = [factsOf(present), factsOf(wanted)];
  return [...should].flatMap(([field, to]) => {
    const from = is.get(field) ?? NONE;
    return from === to ? [] : [{ field, from, to }];
  });
}

function factsOf({ spec, action, policies }: ComparableSchedule): Map<string, string> {
  return new Map([
    ['times', timesText(spec)],
    ['time zone', spec.timezone || 'UTC'],
    ['jitter', spanText(spec.jitter ?? 0)],
    ['times left out', listText((spec.skip ?? []).map((calendar) => calendarText(calendar)))],
    ['not before', spec.startAt?.toISOString() ?? NONE],
    ['not after', spec.endAt?.toISOString() ?? NONE],
    ['overlap', policies.overlap ?? 'SKIP'],
    ['catch-up window', spanText(policies.catchupWindow)],
    ['pause on failure', policies.pauseOnFailure ? 'yes' : 'no'],
    ['workflow', action.workflowType],
    ['workflow id', action.workflowId ?? NONE],
    ['task queue', action.taskQueue],
    ['input', canonical(action.args ?? [])],
    ['summary', action.staticSummary ?? NONE],
    ['search attributes', attributesText(action.typedSearchAttributes)],
    ['retries', action.retry === undefined ? NONE : canonical(action.retry)],
    ['execution time-out', timeoutText(action.workflowExecutionTimeout)],
    ['run time-out', timeoutText(action.workflowRunTimeout)],
  ]);
}

/** When a schedule runs: `every 1m at 23s`, `cron 30 2 * * *`. */
export function timesText({ intervals = [], calendars = [], cronExpressions = [] }: Times): string {
  return listText([
    ...intervals.map(
      ({ every, offset }) => `every ${spanText(every)}${offset > 0 ? ` at ${secondsText(offset)}` : ''}`,
    ),
    ...calendars.map((calendar) => calendarText(calendar)),
    ...cronExpressions.map((expression) => `cron ${expression.replace(/ #.*$/, '')}`),
  ]);
}

/** A place in an interval: `7h12m5s`. */
function secondsText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : '')).join('');
}

function attributesText(attributes: SearchAttributePair[] | TypedSearchAttributes = []): string {
  const pairs = Array.isArray(attributes) ? attributes : attributes.getAll();
  return listText(pairs.map(({ key, value }) => `${key.name} ${canonical(value)}`).sort());
}

function timeoutText(timeout: string | number | undefined): string {
  if (timeout === undefined || timeout === 0) return NONE;
  return typeof timeout === 'number' ? spanText(timeout) : timeout;
}

function listText(texts: readonly string[]): string {
  return texts.length === 0 ? NONE : texts.join('; ');
}

/** JSON with the keys in order: another client may have written them in another one. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}
