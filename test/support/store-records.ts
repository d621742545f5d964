import type { ClickHouseClient } from '@clickhouse/client';
import { createBlock } from '../../src/clickhouse/block.js';
import { insertBlock } from '../../src/clickhouse/insert.js';
import type { ResourceName } from '../../src/contracts/names.js';
import { parseRecord } from '../../src/json/page.js';
import { resources } from '../../src/resources/index.js';

/** Stores records, given as their JSON texts, as a run of a tenant does. */
export async function storeRecords(
  client: ClickHouseClient,
  name: ResourceName,
  texts: readonly string[],
  { tenant, runId, serverStart = 0 }: { tenant: string; runId: string; serverStart?: number },
): Promise<void> {
  const block = createBlock(resources[name]);
  const run = { tenant, runId, tombstones: new Map<string, number>() };
  block.add(
    texts.map((text) => parseRecord(text)),
    { ...run, fetchedAt: Date.now() },
  );
  await insertBlock(client, 'auth0', block, { tenant, runId, serverStart });
}
