import { copyTenant } from '../parts/copy.js';
import { freshName } from '../parts/measure.js';
import { meterProcessors, watch } from '../parts/process-use.js';
import { unlessAborted } from '../parts/scope.js';
import { startStack } from '../parts/stack.js';
import { startTenant, type Tenant } from '../parts/tenant.js';
import { startWorker, type WorkerPlan, type WorkerProcess } from '../parts/worker.js';
import { alternate, type BenchCase } from './case.js';

/** Tenants, worker processes, and whether they all poll for all tenants or each polls for one. */
interface Layout {
  tenants: number;
  workers: number;
  shared: boolean;
}

const LAYOUTS: readonly Layout[] = [
  { tenants: 1, workers: 1, shared: true },
  { tenants: 1, workers: 2, shared: true },
  { tenants: 2, workers: 1, shared: true },
  { tenants: 2, workers: 2, shared: true },
  { tenants: 4, workers: 1, shared: true },
  { tenants: 4, workers: 2, shared: true },
  { tenants: 4, workers: 4, shared: false },
];

/** Several tenants side by side on one Temporal server and one ClickHouse, until the machine is full. */
export const scaleOut: BenchCase = {
  id: 'scale-out',
  title: 'Tenants of 50,000 logs each, copied side by side',
  runs: 1,
  slow: true,
  async measure(context) {
    const { scope, signal } = context;
    const logs = context.quick ? 2_000 : 50_000;
    const stack = await startStack(scope, signal, context.profiling);
    const most = Math.max(...LAYOUTS.map(({ tenants }) => tenants));
    const tenants: Tenant[] = [];
    for (let n = 0; n < most; n++) tenants.push(await startTenant(scope, stack.folder, { logs }));
    await alternate(
      context,
      LAYOUTS.map((layout) => async () => {
        const { copies, plans } = placeWorkers(tenants.slice(0, layout.tenants), layout);
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
          const subject = nameOf(layout);
          return { subject, metrics, processes: used() };
        } finally {
          await Promise.all(workers.map((worker) => worker.stop()));
        }
      }),
    );
    context.note(
      'Workers poll one task queue for all tenants (`tenants.yaml`), or in the last line a queue for each. ClickHouse is one embedded engine, which does one statement at a time.',
    );
  },
};

function nameOf({ tenants, workers, shared }: Layout): string {
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  return `${count(tenants, 'tenant')}, ${count(workers, 'worker')}${shared ? '' : ', one each'}`;
}

/** Which worker polls for which tenants, and on which task queue each tenant is copied. */
function placeWorkers(
  tenants: readonly Tenant[],
  { workers, shared }: Layout,
): { copies: { name: string; taskQueue: string }[]; plans: WorkerPlan[] } {
  const database = freshName();
  const named = tenants.map((tenant, index) => ({ tenant, name: `${database}_tenant_${index + 1}` }));
  if (shared) {
    const plan = { tenants: named, taskQueue: database, database };
    return {
      copies: named.map(({ name }) => ({ name, taskQueue: database })),
      plans: Array.from({ length: workers }, () => plan),
    };
  }
  return {
    copies: named.map(({ name }) => ({ name, taskQueue: name })),
    plans: named.map((one) => ({ tenants: [one], taskQueue: one.name, database })),
  };
}
