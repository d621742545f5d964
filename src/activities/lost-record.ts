import type { Gap } from '../auth0/paging/pager.js';
import { rowKey } from '../clickhouse/block.js';
import type { RawRecord } from '../json/page.js';
import { parseInstant } from '../resources/columns.js';
import type { Resource } from '../resources/resource.js';

/** Warnings of one activity: they cross the workflow's history. */
export const MOST_WARNINGS = 50;

/**
 * What is left behind of a record that is too large to be read: its row in `pipeline_gaps`, which names it, and the warning
 * of the run, which names only what is not personal: warnings stand in Temporal's histories and on screens.
 */
export function lostRecord(resource: Resource, record: RawRecord): { gap: Gap; warning: string } {
  const key = rowKey(resource, record);
  const at = parseInstant(record.value['date']);
  const date = at === undefined ? null : new Date(at).toISOString();
  const reason = 'the record is too large to be read, and was left out';
  const name = resource.isKeyPersonal ? 'a record' : key;
  return {
    gap: { from: key, fromDate: date, to: key, toDate: date, reason },
    warning: `${resource.name}: ${name} is too large to be read, and was left out (named in pipeline_gaps)`,
  };
}
