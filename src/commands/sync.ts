import type { ExtractTenantInput } from '../contracts/types.js';
import { startSync } from '../temporal/sync-run.js';
import { type CommonFlags, configOf, openOutput, openTemporal, parseResources } from './context.js';
import { EXIT } from './failure.js';
import { problemsOf, syncLive } from './live-sync.js';

export interface SyncFlags extends CommonFlags {
  full?: boolean;
  resources?: string;
  from?: string;
  detach?: boolean;
}

/** Syncs once against a running stack: joins the sync under way, if there is one. */
export async function sync(flags: SyncFlags): Promise<number> {
  const output = openOutput(flags);
  const resources = parseResources(flags.resources);
  const config = configOf(flags);
  const { client, close, reached } = await openTemporal(config);
  const { tenant } = reached;
  const { taskQueue } = config.temporal;
  const input: ExtractTenantInput = {
    ...(resources && { resources }),
    ...(flags.full && { full: true }),
    ...(flags.from !== undefined && { from: flags.from }),
  };
  try {
    if (flags.detach) {
      const { workflowId, runId } = await startSync(client, taskQueue, tenant, input);
      output.terminal.line(`Started ${workflowId} (run ${runId}); see how it goes with: status`);
      output.result({ tenant, status: 'started', workflowId, runId });
      return EXIT.done;
    }
    const result = await syncLive(client, output.terminal, { taskQueue, tenant, input });
    for (const problem of problemsOf(result)) process.stderr.write(`${problem}\n`);
    output.result({
      tenant: result.tenant,
      status: result.status,
      resources: result.resources,
      temporal: { address: reached.temporal?.address ?? null, ui: reached.temporal?.ui ?? null },
      clickhouse: reached.clickhouse,
    });
    return result.status === 'completed' ? EXIT.done : EXIT.failed;
  } finally {
    await close();
  }
}
