import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../contracts/activities.js';
import { MAX_PAGE_ATTEMPTS } from '../contracts/names.js';

/** 1 s, doubled, at most 60 s; what the tenant asks to wait comes on top as `nextRetryDelay`. */
const retry = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '60s',
  maximumAttempts: MAX_PAGE_ATTEMPTS,
} as const;

/** A beat goes out every third of it; a killed worker is noticed after it. */
const heartbeatTimeout = '10s';

/**
 * A cancelled run waits for the page in flight: its rows belong into the ledger, and the workflow id, which is the
 * lock, must not be free while somebody still writes. (The SDK's default behaves as TRY_CANCEL.)
 */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** What the worker knows by itself. */
export const describing = proxyActivities<Pick<Activities, 'describeTenant'>>({
  startToCloseTimeout: '10 seconds',
  retry,
  cancellationType,
});

/** Reading and writing the pipeline's own tables, and messages to other runs; counting a large copy can take a while. */
export const short = proxyActivities<Pick<Activities, 'openRun' | 'closeRun' | 'controlRuns'>>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout,
  retry,
  cancellationType,
});

/** Fetch and insert of some pages. Long enough for the longest wait that a 429 may ask for (15 min), and a few pages after it. */
export const paging = proxyActivities<Pick<Activities, 'fetchPages' | 'startUsersExport'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout,
  retry,
  cancellationType,
});

/** Waiting and streaming: as long as an export job lives. */
export const lasting = proxyActivities<Pick<Activities, 'awaitUsersExport' | 'loadUsersExport' | 'awaitRun'>>({
  startToCloseTimeout: '24 hours',
  heartbeatTimeout,
  retry,
  cancellationType,
});

/** A question to the ledger, and one to Temporal. What cannot be done at once is done by the next run. */
export const scheduling = proxyActivities<Pick<Activities, 'pauseRefusedSchedule'>>({
  startToCloseTimeout: '30 seconds',
  retry: { ...retry, maximumAttempts: 2 },
  cancellationType,
});
