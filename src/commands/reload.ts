import { UsageError } from './failure.js';
import { sync, type SyncFlags } from './sync.js';

export type ReloadFlags = Omit<SyncFlags, 'full' | 'resources' | 'from'>;

/** Takes a full snapshot of users or clients now. JSON: as `sync`. Throws UsageError. */
export async function reload(resource: string, flags: ReloadFlags): Promise<number> {
  if (resource === 'logs')
    throw new UsageError(
      'logs have no snapshot to reload: read an interval again with backfill logs --from D --to D, or all that the tenant keeps with sync --resources logs --from oldest',
    );
  if (resource !== 'users' && resource !== 'clients')
    throw new UsageError(`reload ${resource}: there are users and clients`);
  return sync({ ...flags, full: true, resources: resource });
}
