import { isRetryableError, makeGrpcRetryInterceptor, ServiceError } from '@temporalio/client';
import { ExtractError } from '../contracts/errors.js';

type Interceptor = ReturnType<typeof makeGrpcRetryInterceptor>;

/** How long calls are waited for. */
export interface Patience {
  /** Of one try, ms. */
  tryMs: number;
  /** Of all tries together, ms: after that none begins. */
  allMs: number;
}

/** A server that is busy with 200 tenants answers within seconds; one that has not within a minute is in trouble. */
export const PATIENCE: Patience = { tryMs: 15_000, allMs: 60_000 };

const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const LONGEST_PAUSE_MS = 5_000;

/** Calls that wait for something to happen: they have times of their own, or none. */
const WAITING = /\/(?:GetWorkflowExecutionHistory|UpdateWorkflowExecution|PollWorkflow\w*|QueryWorkflow)$/;

/**
 * Tries a call again that the server was too busy for, also where it was out of time, which the SDK by itself does not
 * try again. Starts carry an id of their request, so that a repeated one starts nothing twice. Where the caller has
 * bounded the call, the bound is for all tries.
 */
export function untilAnswered({ tryMs, allMs }: Patience = PATIENCE): Interceptor {
  return (options, nextCall) => {
    const startedAt = Date.now();
    const isBounded = options.deadline !== undefined || WAITING.test(options.method_definition.path);
    const retrying = makeGrpcRetryInterceptor({
      retryableDecider(_attempt, status) {
        if (Date.now() - startedAt >= allMs) return false;
        return isRetryableError(status) || (isCode(status, DEADLINE_EXCEEDED) && !isBounded);
      },
      delayFunction(attempt, status) {
        const first = isCode(status, RESOURCE_EXHAUSTED) ? 1_000 : 100;
        return Math.min(LONGEST_PAUSE_MS, first * 1.7 ** attempt) * (0.8 + Math.random() * 0.4);
      },
    });
    return retrying(options, (each) => nextCall(isBounded ? each : { ...each, deadline: Date.now() + tryMs }));
  };
}

/** gRPC's own names of the codes are in a package that is the SDK's and not ours. */
function isCode({ code }: { code: number }, wanted: number): boolean {
  return code === wanted;
}

const CODES: Readonly<Record<number, string>> = {
  1: 'CANCELLED',
  2: 'UNKNOWN',
  [DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [RESOURCE_EXHAUSTED]: 'RESOURCE_EXHAUSTED',
  10: 'ABORTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
};

/** The trouble of a Temporal server that a call ended with, by name; undefined: it ended with something else. */
export function serverTrouble(error: unknown): ExtractError | undefined {
  if (error instanceof ExtractError) return error.kind === 'TemporalUnavailable' ? error : undefined;
  const code = grpcCodeOf(error);
  const name = code === undefined ? undefined : CODES[code];
  if (name === undefined) return undefined;
  const what = code === DEADLINE_EXCEEDED || code === RESOURCE_EXHAUSTED ? 'is too busy to answer' : 'does not answer';
  return new ExtractError('TemporalUnavailable', `Temporal ${what}, though it was asked again and again`, {
    code: name,
  });
}

/** The SDK wraps gRPC's errors, some twice. */
export function grpcCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'number' && (error instanceof ServiceError || 'details' in error))
    return error.code;
  return grpcCodeOf(error.cause);
}
