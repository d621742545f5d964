import type { ClickHouseClient } from '@clickhouse/client';
import { type CheckpointStore, createCheckpointStore } from './checkpoints.js';
import { createHeldMembers, type HeldMembers } from './held-members.js';
import { createHeldRows, type HeldRows } from './held-rows.js';
import { createLogWindowStore, type LogWindowStore } from './log-window-store.js';
import { createRunLedger, type RunLedger } from './run-ledger.js';
import { createDestinationFacts, type DestinationFacts } from './identity.js';
import { createStatements } from './statements.js';

/** What runs read and write of the destination, apart from the records themselves. All throw ExtractError. */
export interface PipelineStore extends CheckpointStore, HeldMembers, HeldRows, RunLedger, LogWindowStore {
  /** Which server and database it is: see {@link createDestinationFacts}. */
  destination(): Promise<DestinationFacts>;
}

/** The store of one destination. */
export function createPipelineStore(client: ClickHouseClient, database: string): PipelineStore {
  const statements = createStatements(client);
  return {
    ...createCheckpointStore(statements, database),
    ...createHeldMembers(statements, database),
    ...createHeldRows(statements, database),
    ...createRunLedger(statements, database),
    ...createLogWindowStore(statements, database),
    destination: createDestinationFacts(client, database),
  };
}
