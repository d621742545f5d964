import { logsBeginning } from '../contracts/cursor.js';
import { logs } from '../resources/logs.js';
import type { ManagementApi } from './http.js';
import { timeOfLogId } from './log-id.js';
import { readPage } from './page-fetch.js';
import { logsPager } from './paging/logs-pager.js';
import { OLDEST, oldestOf } from './paging/logs-start.js';

/** The oldest log that a tenant keeps. */
export interface OldestLog {
  id: string;
  /** When it was taken in, or where its id does not say, its date; ms since 1970, null where neither is known. */
  at: number | null;
}

/** Asks the tenant for its oldest log; null where it keeps none. One request. Throws ExtractError. */
export async function findOldestLog(api: ManagementApi, signal?: AbortSignal): Promise<OldestLog | null> {
  const { headers, text } = await api.send(logsPager.request(logsBeginning(OLDEST)), signal);
  const oldest = oldestOf(readPage(text, headers, logs.listName));
  return oldest ? { id: oldest.id, at: timeOfLogId(oldest.id) ?? oldest.date ?? null } : null;
}
