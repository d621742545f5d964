import { defineSearchAttributeKey } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import { parseScheduleId } from '../contracts/names.js';
import { isRefused } from '../contracts/refused.js';
import type { TenantResult } from '../contracts/types.js';
import { scheduling } from './activities.js';

const SCHEDULED_BY = defineSearchAttributeKey('TemporalScheduledById', 'KEYWORD');

/**
 * Where a schedule of ours has started this run, and the credentials were refused for all that it should copy, the
 * schedule is paused once that has happened several times in a row. Never throws: the run's own failure is what counts.
 */
export async function pauseWhereRefused({ tenant, resources }: TenantResult): Promise<void> {
  const scheduleId = workflowInfo().typedSearchAttributes.get(SCHEDULED_BY);
  const results = Object.values(resources);
  if (scheduleId === undefined || parseScheduleId(scheduleId)?.tenant !== tenant) return;
  if (!results.every(({ error }) => isRefused(error?.kind))) return;
  await scheduling.pauseRefusedSchedule
    .executeWithOptions({ summary: 'credentials were refused: pause the schedule?' }, [
      { tenant, resources: results.map(({ resource }) => resource), scheduleId },
    ])
    // The next run asks again.
    .catch(() => {});
}
