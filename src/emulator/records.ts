import type { EmulatorContext } from './context.js';
import { oldestKeptLog } from './routes/logs.js';
import { jsonWire, objectText, type WireText } from './wire-text.js';

/** What the tenant holds. */
export type ResourceName = 'logs' | 'users' | 'clients';

/** The ids of all records as JSON strings. Of the logs only those kept at `keptAtMs`; all when it is undefined. */
export function* recordIds(
  context: EmulatorContext,
  resource: ResourceName,
  keptAtMs: number | undefined,
): Generator<WireText, void> {
  const id = idWriter(context, resource);
  for (const index of recordIndexes(context, resource, keptAtMs)) yield jsonWire(id(index));
}

/** All records as `{"id", "raw"}`, raw being the very text that is served to a token with all scopes. */
export function* recordTexts(
  context: EmulatorContext,
  resource: ResourceName,
  keptAtMs: number | undefined,
): Generator<WireText, void> {
  const id = idWriter(context, resource);
  for (const index of recordIndexes(context, resource, keptAtMs)) {
    // Wire text needs no encoding here: stringifying escapes nothing above the ASCII range.
    yield `{"id":${jsonWire(id(index))},"raw":${JSON.stringify(rawOf(context, resource, index))}}`;
  }
}

/** The text of one record as it is served to a token with all scopes. */
export function rawOf(context: EmulatorContext, resource: ResourceName, index: number): WireText {
  const { tenant } = context;
  if (resource === 'logs') return tenant.logText(index);
  return objectText(
    resource === 'users'
      ? tenant.userRecords.members(tenant.users.facts(index), { identityTokens: true })
      : tenant.clientRecords.members(index, tenant.clients.revision(index)),
  );
}

function idWriter(context: EmulatorContext, resource: ResourceName): (index: number) => string {
  const { timeline, userIdentities, clientIdentities } = context.tenant;
  if (resource === 'logs') return (index) => timeline.id(index);
  if (resource === 'users') return (index) => userIdentities.at(index).userId;
  return (index) => clientIdentities.at(index).clientId;
}

function* recordIndexes(
  context: EmulatorContext,
  resource: ResourceName,
  keptAtMs: number | undefined,
): Generator<number, void> {
  const { tenant } = context;
  if (resource === 'clients') {
    yield* tenant.clients.indexes();
    return;
  }
  if (resource === 'users') {
    for (let index = 0; index < tenant.users.size; index++) if (!tenant.users.isRemoved(index)) yield index;
    return;
  }
  const { count } = tenant.timeline;
  for (let index = keptAtMs === undefined ? 0 : oldestKeptLog(context, keptAtMs); index < count; index++) yield index;
}
