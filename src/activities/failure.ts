import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { clampWait } from '../auth0/retry-timing.js';
import { describeError, ERRORS, ExtractError } from '../contracts/errors.js';
import { MAX_PAGE_ATTEMPTS } from '../contracts/names.js';

/**
 * Runs an activity's body and turns what it throws into what Temporal understands: an ApplicationFailure whose type is
 * the error's name, with the place, the attempt and what to do in its message; cancellation stays cancellation.
 * `onFailure` is told of the failure before it is thrown.
 */
export async function atActivityEdge<T>(
  body: () => Promise<T>,
  onFailure: (failure: ApplicationFailure) => void = () => {},
): Promise<T> {
  const context = Context.current();
  try {
    return await body();
  } catch (error) {
    // Aborted fetches and inserts throw errors of their own; this rejects with the CancelledFailure behind them.
    if (context.cancellationSignal.aborted) return context.cancelled;
    const failure = toFailure(error, context.info.attempt);
    onFailure(failure);
    throw failure;
  }
}

/** The failure for an error on its n-th attempt. Errors that are not ours carry their class only: texts can quote data. */
export function toFailure(error: unknown, attempt: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const known = error instanceof ExtractError ? error : internal(error);
  const { retry } = ERRORS[known.kind];
  const tried = retry ? ` [attempt ${attempt} of ${MAX_PAGE_ATTEMPTS}]` : '';
  const isLast = attempt >= MAX_PAGE_ATTEMPTS;
  return ApplicationFailure.create({
    type: known.kind,
    message: `${describeError(known.kind, known.message, known.context)}${tried}`,
    nonRetryable: !retry,
    details: [{ ...known.context, attempt }],
    ...(known.retryAfterMs !== undefined && { nextRetryDelay: clampWait(known.retryAfterMs) }),
    // Expected and waited out: no alarm in logs and metrics, unless it was the last try.
    ...(known.kind === 'RateLimited' && !isLast && { category: ApplicationFailureCategory.BENIGN }),
  });
}

function internal(error: unknown): ExtractError {
  const name = error instanceof Error ? error.constructor.name : typeof error;
  const frame = error instanceof Error ? (/at (\S+) \(/.exec(error.stack ?? '')?.[1] ?? '') : '';
  return new ExtractError('Internal', `Unexpected ${name}${frame && ` in ${frame}`}`);
}
