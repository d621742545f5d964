import { copyTenant } from '../parts/copy.js';
import { freshName, OURS } from '../parts/measure.js';
import { watch } from '../parts/process-use.js';
import { unlessAborted } from '../parts/scope.js';
import { startWorker } from '../parts/worker.js';
import { alternate, type BenchCase } from './case.js';
import { openBench } from './logs.js';

function incrementalCase(id: string, events: number): BenchCase {
  return {
    id,
    title: `A run of logs on a warm stack with ${events === 0 ? 'nothing' : `${events} events`} new`,
    runs: 10,
    async measure(context) {
      const bench = await openBench(context, { logs: context.quick ? 2_000 : 20_000 });
      const { stack, tenant, signal } = bench;
      const name = freshName();
      const plan = { name, taskQueue: name };
      const tenants = [{ tenant, name }];
      const worker = await startWorker(stack, { tenants, taskQueue: name, database: name }, context.profiling);
      context.scope.defer(() => worker.stop());
      await unlessAborted(signal, copyTenant(stack, plan, 'logs'));
      // The first run behind a copy compiles what the later ones use.
      await unlessAborted(signal, copyTenant(stack, plan, 'logs'));
      await alternate(context, [
        async () => {
          if (events > 0) await tenant.admin('logs', { count: events });
          await tenant.resetStats();
          const used = watch([worker.watched, ...stack.watched, tenant.watched]);
          const { rows, seconds, history } = await unlessAborted(signal, copyTenant(stack, plan, 'logs'));
          const processes = used();
          if (rows !== events) throw new Error(`${rows} rows came instead of ${events}`);
          const { requests } = await tenant.stats();
          const metrics = { rows, seconds, requests, historyEvents: history.events, historyBytes: history.bytes };
          return { subject: OURS, processes, metrics };
        },
      ]);
    },
  };
}

export const incremental0 = incrementalCase('incremental-0', 0);
export const incremental500 = incrementalCase('incremental-500', 500);
