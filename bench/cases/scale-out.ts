import { copyTenant } from '../parts/copy.js';
import { freshName } from '../parts/measure.js';
import { meterProcessors, watch } from '../parts/process-use.js';
import { unlessAborted } from '../parts/scope.js';
import { startStack } from '../parts/stack.js';
import { startTenant, type Tenant } from '../parts/tenant.js';
import { startWorker, type WorkerPlan, type WorkerProcess } from '../parts/worker.js';
import { alternate, type BenchCase } from './case.js';

const LAYOUTS = [
  { tenants: 1, workers: 1 },
  { tenants: 1, workers: 2 },
  { tenants: 2, workers: 1 },
  { tenants: 2, workers: 2 },
  { tenants: 4, workers: 1 },
] as const;

/** Several tenants side by side on one Temporal server and one ClickHouse, until the machine is full. */
export const scaleOut: BenchCase = {
  id: 'scale-out',
  title: 'Tenants of 50,000 logs side by side, one task queue each; workers are those of each tenant',
  runs: 1,
  slow: true,
  async measure(context) {
    const { scope, signal } = context;
    const logs = context.quick ? 2_000 : 50_000;
    const stack = await startStack(scope, context.profiling);
    const most = Math.max(...LAYOUTS.map(({ tenants }) => tenants));
    const tenants: Tenant[] = [];
    for (let n = 0; n < most; n++) tenants.push(await startTenant(scope, stack.folder, { logs }));
    await alternate(
      context,
      LAYOUTS.map((layout) => async () => {
        const { copies, plans } = placeWorkers(tenants.slice(0, layout.tenants), layout.workers);
        const workers: WorkerProcess[] = [];
        try {
          for (const plan of plans) workers.push(await startWorker(stack, plan, context.profiling));
          const watched = workers.map(({ watched }, index) => ({ ...watched, name: `worker ${index + 1}` }));
          const used = watch([...watched, ...stack.watched]);
          const busy = meterProcessors();
          const start = performance.now();
          const copied = await unlessAborted(
            signal,
            Promise.all(copies.map((plan) => copyTenant(stack, plan, 'logs'))),
          );
          const seconds = (performance.now() - start) / 1000;
          const rows = copied.reduce((sum, copy) => sum + copy.rows, 0);
          const metrics = { rows, seconds, rowsPerSecond: rows / seconds, busyProcessors: busy() };
          const subject = `${layout.tenants} × ${layout.workers}`;
          return { subject, metrics, processes: used() };
        } finally {
          await Promise.all(workers.map((worker) => worker.stop()));
        }
      }),
    );
    context.note(
      '"2 × 1" is two tenants with one worker each. ClickHouse is one embedded engine, which does one statement at a time.',
    );
  },
};

/**
 * Which worker polls for which tenant: a worker knows one tenant, so each tenant has its own task queue, polled by as
 * many workers as asked for.
 */
function placeWorkers(tenants: readonly Tenant[], workersEach: number): { copies: WorkerPlan[]; plans: WorkerPlan[] } {
  const database = freshName();
  const copies = tenants.map((tenant, index) => {
    const name = `${database}_tenant_${index + 1}`;
    return { tenant, name, taskQueue: name, database };
  });
  const plans = copies.flatMap((plan) => Array.from({ length: workersEach }, () => plan));
  return { copies, plans };
}
