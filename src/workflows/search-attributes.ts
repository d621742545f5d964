import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { SearchAttributesKnown } from '../contracts/activities.js';
import { RESOURCE_ATTRIBUTE, type ResourceName, TENANT_ATTRIBUTE } from '../contracts/names.js';

/** Search attributes of a run: of one resource, or of the tenant where it is about several. */
export function attributesOf(tenant: string, resource?: ResourceName): SearchAttributePair[] {
  return [
    { key: defineSearchAttributeKey(TENANT_ATTRIBUTE, 'KEYWORD'), value: tenant },
    ...(resource === undefined
      ? []
      : [{ key: defineSearchAttributeKey(RESOURCE_ATTRIBUTE, 'KEYWORD'), value: resource }]),
  ];
}

/**
 * Gives a run that was started without them its search attributes, where the worker says that the namespace knows
 * them: an unknown one would fail the workflow's task again and again.
 */
export function markRun(known: SearchAttributesKnown, tenant: string, resource?: ResourceName): void {
  if (known.searchAttributes !== true) return;
  const present = workflowInfo().typedSearchAttributes;
  const missing = attributesOf(tenant, resource).filter(({ key, value }) => present.get(key) !== value);
  if (missing.length > 0) upsertSearchAttributes(missing);
}
