import { proxyActivities } from '@temporalio/workflow';
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

/** Work that is over in moments: looking up, deciding, writing one row. */
export const short = proxyActivities<Pick<Activities, 'describeTenant' | 'openRun' | 'closeRun'>>({
  startToCloseTimeout: '2 minutes',
  retry,
});

/** Fetch and insert of some pages. Long enough for 50 pages at two requests a second and slow inserts. */
export const paging = proxyActivities<Pick<Activities, 'fetchPages' | 'startUsersExport'>>({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout,
  retry,
});

/** Waiting and streaming: as long as an export job lives. */
export const lasting = proxyActivities<Pick<Activities, 'awaitUsersExport' | 'loadUsersExport' | 'awaitRun'>>({
  startToCloseTimeout: '24 hours',
  heartbeatTimeout,
  retry,
});
