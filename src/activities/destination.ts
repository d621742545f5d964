import { type DestinationFacts, otherDestination } from '../clickhouse/identity.js';
import type { ActivityDeps } from './deps.js';

/**
 * Asks which server the destination is, and that it is the database that this worker has begun with and, where it is
 * told, the run as well. Another one may have taken its place since: nothing may be written there. Throws ExtractError.
 */
export async function askDestination(deps: ActivityDeps, ofRun?: string): Promise<DestinationFacts> {
  const facts = await deps.store.destination();
  const expected = [deps.databaseId, ofRun].filter((id) => id !== undefined);
  if (expected.some((id) => id !== facts.id)) throw otherDestination(deps.database, facts.id);
  return facts;
}
