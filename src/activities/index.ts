import { z } from 'zod';
import type { Activities, SearchAttributesKnown } from '../contracts/activities.js';
import { awaitRun } from './await-run.js';
import { closeRun } from './close-run.js';
import { type ActivityDeps, tenantOf } from './deps.js';
import { atActivityEdge } from './failure.js';
import { withHeartbeat } from './heartbeat.js';
import { fetchPages } from './fetch-pages.js';
import { openRun } from './open-run.js';
import { awaitUsersExport, loadUsersExport, startUsersExport } from './users-export.js';

/** The activities that a worker registers, bound to what they need. */
export function createActivities(deps: ActivityDeps): Activities {
  const known: SearchAttributesKnown = deps.searchAttributes === true ? { searchAttributes: true } : {};
  return {
    describeTenant: (input) =>
      atActivityEdge(async () => {
        const { name, resources } = tenantOf(deps, input.tenant);
        return { tenant: name, resources: [...resources], ...known };
      }),
    openRun: (input) => atActivityEdge(() => beating(async () => ({ ...(await openRun(deps, input)), ...known }))),
    fetchPages: (input) => atActivityEdge(() => fetchPages(deps, input)),
    startUsersExport: (input) => atActivityEdge(() => beating(() => startUsersExport(deps, input))),
    awaitUsersExport: (input) => atActivityEdge(() => awaitUsersExport(deps, input)),
    loadUsersExport: (input) => atActivityEdge(() => loadUsersExport(deps, input)),
    closeRun: (input) => atActivityEdge(() => beating(() => closeRun(deps, input))),
    awaitRun: (input) => atActivityEdge(() => awaitRun(input)),
  };
}

/** A beat tells the server that a worker is still at it: without one, a killed worker costs the whole time-out. */
function beating<T>(body: () => Promise<T>): Promise<T> {
  return withHeartbeat(z.never(), body);
}
