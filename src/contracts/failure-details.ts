import type { ResourceResult, TenantResult } from './types.js';

/**
 * A run that ends badly still has a result: it rides in the details of its failure, so that the parent, the command
 * line and a joined run can show what was done. These guards parse it back; no schema library, since the workflows
 * use them too.
 */
function detailsOf(failure: unknown): Record<string, unknown> | undefined {
  for (let here = failure, depth = 0; isObject(here) && depth < 10; here = here['cause'], depth++) {
    const details = here['details'];
    const [first] = Array.isArray(details) ? details : [];
    if (isObject(first) && first['version'] === 1 && typeof first['status'] === 'string') return first;
  }
  return undefined;
}

/** The result that a failed resource run left behind; undefined where it left none. */
export function resultOfFailure(failure: unknown): ResourceResult | undefined {
  const details = detailsOf(failure);
  return isResourceResult(details) ? details : undefined;
}

/** The result that a failed tenant run left behind; undefined where it left none. */
export function tenantResultOfFailure(failure: unknown): TenantResult | undefined {
  const details = detailsOf(failure);
  return isTenantResult(details) ? details : undefined;
}

/** Whether a value is the result of a resource run. */
export function isResourceResult(value: unknown): value is ResourceResult {
  return (
    isObject(value) &&
    value['version'] === 1 &&
    typeof value['resource'] === 'string' &&
    typeof value['status'] === 'string' &&
    typeof value['rows'] === 'number'
  );
}

/** Whether a value is the result of a tenant run. */
export function isTenantResult(value: unknown): value is TenantResult {
  return (
    isObject(value) && value['version'] === 1 && typeof value['status'] === 'string' && isObject(value['resources'])
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
