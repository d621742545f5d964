import { parseInstant } from '../resources/columns.js';
import { logs } from '../resources/logs.js';
import { parsePage } from '../json/page.js';
import { type Check, fail, ok, skipped, warn } from './check.js';

const DAY_MS = 86_400_000;
/** Days that the plans keep logs. */
const PLANS = [1, 5, 10, 30];
/** Logs are dropped some time after their day is over. */
const SLACK_DAYS = 1;

/** The oldest kept log against AUTH0_LOG_RETENTION_DAYS. `answer`: logs sorted by date, the oldest first. */
export function retentionCheck(answer: string, configuredMs: number | null, now: number): Check {
  const name = 'log retention';
  let date: number | undefined;
  try {
    const [oldest] = parsePage(answer, logs.listName).records;
    if (oldest === undefined) return ok(name, 'the tenant keeps no logs at the moment');
    date = parseInstant(oldest.value['date']);
  } catch {
    return fail(name, 'the answer is no page of logs', 'Check that no proxy sits between this machine and the tenant.');
  }
  if (date === undefined) return skipped(name, 'the oldest log has no readable date');
  return judgeRetention((now - date) / DAY_MS, configuredMs === null ? null : configuredMs / DAY_MS);
}

/** Both in days. */
export function judgeRetention(oldestDays: number, configuredDays: number | null): Check {
  const name = 'log retention';
  const found = `the oldest kept log is ${oldestDays.toFixed(1)} days old`;
  if (configuredDays === null) {
    const plan = PLANS.find((days) => oldestDays <= days + SLACK_DAYS);
    const guess = plan === undefined ? '' : ` ${plan} looks right.`;
    return warn(
      name,
      `${found}, AUTH0_LOG_RETENTION_DAYS is not set`,
      `Set AUTH0_LOG_RETENTION_DAYS, so that status warns before logs are lost.${guess}`,
    );
  }
  const detail = `${found}, AUTH0_LOG_RETENTION_DAYS is ${configuredDays}`;
  if (oldestDays > configuredDays + SLACK_DAYS)
    return warn(name, detail, `The tenant keeps its logs longer: correct AUTH0_LOG_RETENTION_DAYS.`);
  if (oldestDays < configuredDays - SLACK_DAYS)
    return warn(
      name,
      detail,
      'Unless the tenant is that young, it keeps its logs for a shorter time: status would warn too late.',
    );
  return ok(name, detail);
}
