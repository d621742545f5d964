import { pagers } from '../auth0/paging/index.js';
import type { OtherWay } from '../auth0/paging/pager.js';
import { isCountDue, refuseRepetition } from '../auth0/paging/trail.js';
import type { FetchPagesInput } from '../contracts/activities.js';
import type { Cursor } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import { cursorText } from '../contracts/types.js';
import type { ActivityDeps } from './deps.js';

/**
 * Where to go on, after it was counted in the destination what the many pages before have brought. Throws ExtractError
 * (SourceStuck) where they bring the same records again and again, and there is no other way.
 */
export async function stillNew({ snapshots }: ActivityDeps, input: FetchPagesInput): Promise<OtherWay<Cursor>> {
  const { tenant, resource, runId, cursor, pagesBefore: page } = input;
  const onward = { cursor, switchTo: null };
  if (cursor.kind === 'logs' || cursor.kind === 'logs-window' || !isCountDue(cursor)) return onward;
  const { seen } = await snapshots.countSeen({ tenant, resource, runId });
  try {
    const { steps, records } = cursor.trail;
    refuseRepetition(`A list of ${steps} pages`, records, seen);
    return onward;
  } catch (error) {
    if (!(error instanceof ExtractError)) throw error;
    const otherWay = pagers[cursor.kind].recover(cursor, error);
    if (otherWay === undefined) throw error.at({ resource, page, cursor: cursorText(cursor) });
    return otherWay;
  }
}
