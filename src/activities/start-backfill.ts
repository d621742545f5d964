import { ExtractError } from '../contracts/errors.js';
import { instantText, type LogWindow, windowText } from '../contracts/log-window.js';
import { parseInstant } from '../resources/columns.js';

/** So much may be missing at the beginning without a refusal: logs go on being dropped while somebody retypes a command. */
const MISSING_ALLOWED_MS = 5 * 60_000;
/** Two clocks never agree. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The interval that was asked for, widened to whole seconds, which is what ids of logs can be bounded by. Throws
 * ExtractError (Configuration).
 */
export function backfillWindow({ from, to }: { from?: string; to?: string }, now: number): LogWindow {
  if (from === undefined || to === undefined)
    throw refused(`a backfill needs ${from === undefined ? 'from' : 'to'}: two dates such as 2026-01-31`);
  const [begins, ends] = [parseInstant(from), parseInstant(to)];
  if (begins === undefined || ends === undefined) {
    const wrong = begins === undefined ? `from ${from}` : `to ${to}`;
    throw refused(`${wrong} is no ISO 8601 date such as 2026-01-31 or 2026-01-31T12:00:00Z`);
  }
  if (begins >= ends) throw refused(`to ${to} must be later than from ${from}`);
  if (ends > now + CLOCK_SKEW_MS)
    throw refused(`to ${to} lies in the future, and now it is ${seconds(now)}: what is new is copied by sync`);
  return { from: wholeSecond(begins, Math.floor), to: wholeSecond(ends, Math.ceil) };
}

/** What decides whether a backfill can be done. */
export interface BackfillFacts {
  window: LogWindow;
  available: boolean;
  /** When the oldest log that the tenant keeps was taken in, ms since 1970; null where it keeps none. */
  oldest: number | null;
  /** How long the tenant keeps its logs, ms; null where that is not known. */
  retentionMs: number | null;
  now: number;
}

/**
 * Warnings with which a backfill may begin. Throws ExtractError (RetentionPassed) where the tenant has dropped all of
 * the interval, or its beginning and nobody has said that the rest will do.
 */
export function checkRetention({ window, available, oldest, retentionMs, now }: BackfillFacts): string[] {
  const from = Date.parse(window.from);
  // As long as that a tenant keeps everything, whatever its oldest log is: before it there were none.
  if (retentionMs !== null && from >= now - retentionMs) return [];
  if (oldest === null)
    throw new ExtractError('RetentionPassed', `The tenant keeps no logs, so nothing of ${windowText(window)} is left`);
  if (from >= Math.floor(oldest / 1_000) * 1_000) return [];
  const keeps = `The tenant keeps logs from ${seconds(oldest)} on`;
  if (Date.parse(window.to) <= oldest)
    throw new ExtractError('RetentionPassed', `${keeps}: nothing of ${windowText(window)} is left`);
  if (!available && oldest - from > MISSING_ALLOWED_MS)
    throw new ExtractError(
      'RetentionPassed',
      `${keeps}, so the beginning of ${windowText(window)} is gone. Left is --from ${seconds(oldest)} --to ${instantText(window.to)}; --available takes what is left by itself`,
    );
  return [`${keeps}: what there was of the interval before that is not copied`];
}

function wholeSecond(ms: number, round: (value: number) => number): string {
  return new Date(round(ms / 1_000) * 1_000).toISOString();
}

function seconds(ms: number): string {
  return instantText(wholeSecond(ms, Math.floor));
}

function refused(message: string): ExtractError {
  return new ExtractError('Configuration', `This backfill cannot be done: ${message}`, { resource: 'logs' });
}
