import { z } from 'zod';
import type { Activities, SearchAttributesKnown } from '../contracts/activities.js';
import { awaitRun } from './await-run.js';
import { closeRun } from './close-run.js';
import { controlRuns } from './control-runs.js';
import { type ActivityDeps, tenantOf } from './deps.js';
import { withHeartbeat } from './heartbeat.js';
import { observed } from './observed.js';
import { fetchPages } from './fetch-pages.js';
import { openRun } from './open-run.js';
import { pauseRefusedSchedule } from './pause-refused-schedule.js';
import { awaitUsersExport, loadUsersExport, startUsersExport } from './users-export.js';

/** The activities that a worker registers, bound to what they need. */
export function createActivities(deps: ActivityDeps): Activities {
  const known: SearchAttributesKnown = deps.searchAttributes === true ? { searchAttributes: true } : {};
  const edge = <T>(input: object, body: () => Promise<T>) => observed(deps, input, body);
  return {
    describeTenant: (input) =>
      edge(input, async () => {
        const { name, resources } = tenantOf(deps, input.tenant);
        return { tenant: name, resources: [...resources], ...known };
      }),
    openRun: (input) => edge(input, () => beating(async () => ({ ...(await openRun(deps, input)), ...known }))),
    fetchPages: (input) => edge(input, () => fetchPages(deps, input)),
    startUsersExport: (input) => edge(input, () => beating(() => startUsersExport(deps, input))),
    awaitUsersExport: (input) => edge(input, () => awaitUsersExport(deps, input)),
    loadUsersExport: (input) => edge(input, () => loadUsersExport(deps, input)),
    closeRun: (input) => edge(input, () => beating(() => closeRun(deps, input))),
    awaitRun: (input) => edge(input, () => awaitRun(input)),
    controlRuns: (input) => edge(input, () => beating(() => controlRuns(input))),
    pauseRefusedSchedule: (input) => edge(input, () => pauseRefusedSchedule(deps, input)),
  };
}

/** A beat tells the server that a worker is still at it: without one, a killed worker costs the whole time-out. */
function beating<T>(body: () => Promise<T>): Promise<T> {
  return withHeartbeat(z.never(), body);
}
