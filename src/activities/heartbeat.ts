import { Context } from '@temporalio/activity';
import type { z } from 'zod';

/** Keeps an activity alive, and its progress for the next attempt. */
export interface Heartbeat<T> {
  /** Progress that an earlier attempt left behind; undefined in the first one, or where it is of another shape. */
  readonly resumed: T | undefined;
  /** Remembers progress: it goes out with the next beat, and with the failure if the activity fails. */
  progress(details: T): void;
}

/**
 * Runs `body` while a beat goes out every third of the heartbeat timeout. Only beats bring a cancellation back, and
 * only the details of a beat survive a crash of the worker.
 */
export async function withHeartbeat<T, R>(
  schema: z.ZodType<T>,
  body: (heartbeat: Heartbeat<T>) => Promise<R>,
): Promise<R> {
  const context = Context.current();
  const parsed = schema.safeParse(context.info.heartbeatDetails);
  let latest: T | undefined = parsed.success ? parsed.data : undefined;
  const everyMs = Math.max((context.info.heartbeatTimeoutMs ?? 9_000) / 3, 100);
  const timer = setInterval(() => context.heartbeat(latest), everyMs);
  try {
    return await body({
      resumed: latest,
      progress(details) {
        latest = details;
        context.heartbeat(details);
      },
    });
  } finally {
    clearInterval(timer);
  }
}
