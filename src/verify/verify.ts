import type { ResourceName } from '../contracts/names.js';
import type { VerifyDeps, VerifyTask } from './deps.js';
import { verifyLogs } from './logs.js';
import { isEqual, type ResourceReport, type VerifyResult } from './report.js';
import { verifySnapshot } from './snapshot.js';

/**
 * Compares the copy of a tenant with the tenant, one resource after the other. With a repair, what was missing or
 * different is stored, and the resource is compared once more: that second report is the one returned. Throws
 * ExtractError when a side cannot be read: then nothing is proven.
 */
export async function verifyTenant(
  deps: VerifyDeps,
  options: {
    resources: readonly ResourceName[];
    done?: (resource: ResourceName, report: ResourceReport) => void;
  } & VerifyTask,
): Promise<VerifyResult> {
  const { resources, done, ...task } = options;
  const reports: VerifyResult['resources'] = {};
  for (const resource of resources) {
    let report = await verifyResource(deps, task, resource);
    if (report.repaired > 0) {
      const { repaired } = report;
      report = { ...(await verifyResource(deps, { ...task, repairRunId: null }, resource)), repaired };
    }
    reports[resource] = report;
    done?.(resource, report);
  }
  const equal = Object.values(reports).every((report) => isEqual(report));
  return { tenant: deps.tenant, status: equal ? 'equal' : 'different', resources: reports };
}

function verifyResource(deps: VerifyDeps, task: VerifyTask, resource: ResourceName): Promise<ResourceReport> {
  return resource === 'logs' ? verifyLogs(deps, task) : verifySnapshot(deps, task, resource);
}
