import { openClickHouse } from '../clickhouse/client.js';
import type { ExtractTenantInput } from '../contracts/types.js';
import { askHeld } from '../status/collect.js';
import { startSync } from '../temporal/sync-run.js';
import { type CommonFlags, configOf, openOutput, openTemporal, parseResources, settingsOf } from './context.js';
import { EXIT, UsageError, tellProblem } from './failure.js';
import { allCompleted, problemsOf, syncDocument, syncLive } from './live-sync.js';
import { refuseOldClickHouse } from './old-clickhouse.js';

export interface SyncFlags extends CommonFlags {
  full?: boolean;
  resources?: string;
  from?: string;
  detach?: boolean;
  acceptDeletes?: boolean;
}

/** `--from`: an ISO 8601 date, a log id, or `oldest`. Throws UsageError. */
function parseFrom(text: string | undefined): { kind: 'date' | 'log id'; text: string } | undefined {
  if (text === undefined) return undefined;
  if (/^\d{4}-\d\d-\d\d/.test(text) && Number.isFinite(Date.parse(text))) return { kind: 'date', text };
  if (text === 'oldest' || /^[A-Za-z0-9]{16,128}$/.test(text)) return { kind: 'log id', text };
  throw new UsageError(`--from ${text}: must be a date such as 2026-01-31, a log id, or oldest`);
}

/** Syncs once against a running stack: joins the sync under way, if there is one. */
export async function sync(flags: SyncFlags): Promise<number> {
  const output = openOutput(flags);
  const from = parseFrom(flags.from);
  // Only logs have log ids.
  const resources = parseResources(flags.resources) ?? (from?.kind === 'log id' ? ['logs' as const] : undefined);
  const config = configOf(flags);
  await refuseOldClickHouse(config);
  const { client, close, reached, searchAttributes } = await openTemporal(config);
  const { taskQueue } = config.temporal;
  const { url = null } = reached.clickhouse ?? {};
  // Only for the display: it is the worker that writes, and from here ClickHouse may be out of reach.
  const clickhouse = url === null ? null : openClickHouse({ ...config.clickhouse, url }, { useDatabase: true });
  const input: ExtractTenantInput = {
    ...(resources && { resources }),
    ...(flags.full && { full: true }),
    ...(flags.acceptDeletes && { acceptDeletes: true, full: true }),
    ...(from && { from: from.text }),
  };
  try {
    if (flags.detach) {
      const started = [];
      for (const tenant of reached.tenants) {
        const { workflowId, runId, joined } = await startSync(client, taskQueue, tenant, input, { searchAttributes });
        output.terminal.line(
          `${joined ? 'Already under way:' : 'Started'} ${workflowId} (run ${runId}); see how it goes with: status`,
        );
        started.push({ tenant, status: joined ? 'joined' : 'started', workflowId, runId });
      }
      output.result(started.length === 1 ? started[0] : { status: 'started', tenants: started });
      return EXIT.done;
    }
    const tenants = reached.tenants.map((name) => ({ name, settings: settingsOf(config, name) }));
    const synced = await syncLive(client, output.terminal, {
      taskQueue,
      tenants,
      input,
      searchAttributes,
      ...(clickhouse && { askHeld: (names) => askHeld(clickhouse, config.clickhouse.database, names) }),
    });
    for (const problem of problemsOf(synced)) tellProblem(problem);
    output.result({
      ...syncDocument(synced),
      temporal: { address: reached.temporal?.address ?? null, ui: reached.temporal?.ui ?? null },
      clickhouse: reached.clickhouse,
    });
    return allCompleted(synced) ? EXIT.done : EXIT.failed;
  } finally {
    await clickhouse?.close();
    await close();
  }
}
