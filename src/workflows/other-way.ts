import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { FIRST_USERS_PAGE } from '../contracts/cursor.js';
import type { ErrorKind } from '../contracts/errors.js';
import { errorOfFailure } from '../contracts/failure.js';
import type { LeftMode, RunError, RunMode, RunState } from '../contracts/types.js';

/** Errors that speak of one way of reading. The others stand in every way: a secret, the network, the destination. */
const OF_ONE_WAY: ReadonlySet<ErrorKind> = new Set([
  'AnswerTooLarge',
  'ExportFailed',
  'ExportLinkExpired',
  'InsufficientScope',
  'InvalidRequest',
  'NotInPlan',
  'PagingLimit',
  'SourceStuck',
  'TenantUnavailable',
  'UnreadableAnswer',
]);

/** The error for which a way of reading may be left; undefined: another way would not help, or nobody wants one. */
export function withoutWay(failure: unknown): RunError | undefined {
  if (isCancellation(failure)) return undefined;
  const error = errorOfFailure(failure);
  return OF_ONE_WAY.has(error.kind) ? error : undefined;
}

/** Why a run leaves the way in which it reads, and which it would take next. */
export interface Leaving {
  mode: RunMode;
  /** All there was has been read this way, and does not add up. */
  readToEnd: boolean;
  error?: RunError;
}

/** Where a run goes on, or that it has come to its end. */
export interface NextWay {
  state: RunState;
  ended: boolean;
}

/**
 * The run in another way of reading. No way is taken twice: where both have been tried, what was read to its end
 * stands, and the run has come to its end. Throws ApplicationFailure where nothing was.
 */
export function leaveFor(state: RunState, { mode, readToEnd, error }: Leaving): NextWay {
  const here: LeftMode = { mode: state.mode, cursor: state.cursor, readToEnd, ...(error && { error }) };
  const warnings = error
    ? [...state.warnings, `The tenant's users export cannot be had: ${error.message}`]
    : state.warnings;
  const left = [...(state.left ?? []), here];
  const next: RunState = { ...state, left, warnings, ...(state.lost !== undefined && { lost: 0 }) };
  if (!left.some((way) => way.mode === mode)) {
    const cursor = mode === 'users-pages' ? FIRST_USERS_PAGE : null;
    return { state: { ...next, mode, cursor }, ended: false };
  }
  const stands = left.findLast((way) => way.readToEnd);
  if (stands) return { state: { ...next, mode: stands.mode, cursor: stands.cursor }, ended: true };
  const reason = left.findLast((way) => way.error)?.error;
  throw ApplicationFailure.nonRetryable(
    reason?.message ?? 'There is no way left in which the tenant can be read',
    reason?.kind ?? 'Internal',
  );
}
