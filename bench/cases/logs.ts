import { join } from 'node:path';
import { dltSubjects } from '../parts/dlt.js';
import { type Bench, measureBaseline, measureOurs } from '../parts/measure.js';
import { startStack } from '../parts/stack.js';
import { startTenant } from '../parts/tenant.js';
import { alternate, type BenchCase, type CaseContext, type Subject } from './case.js';

/** The servers and a tenant with so many logs. */
export async function openBench(context: CaseContext, size: Parameters<typeof startTenant>[2]): Promise<Bench> {
  const { scope, signal, profiling } = context;
  const stack = await startStack(scope, signal, profiling);
  const tenant = await startTenant(scope, stack.folder, size);
  return { stack, tenant, signal, profiling };
}

function logsCase(id: string, logs: number, runs: number): BenchCase {
  return {
    id,
    title: `First copy of ${logs.toLocaleString('en')} logs, no rate limit`,
    runs,
    slow: logs > 20_000,
    async measure(context) {
      const rows = context.quick ? Math.min(logs, 5_000) : logs;
      const bench = await openBench(context, { logs: rows });
      const file = join(bench.stack.folder, 'rows');
      await measureBaseline(bench, 'prepare', { kind: 'prepare', resource: 'logs', file });
      const subjects: Subject[] = [
        () => measureOurs(bench, 'logs'),
        () => measureBaseline(bench, 'plain loop', { kind: 'loop', resource: 'logs' }),
        () => measureBaseline(bench, 'plain loop, overlapped', { kind: 'overlap', resource: 'logs' }),
        () => measureBaseline(bench, 'fetch only', { kind: 'fetch', resource: 'logs' }, rows),
        () => measureBaseline(bench, 'insert only', { kind: 'insert', resource: 'logs', file }),
        () =>
          measureBaseline(bench, 'insert only, ready blocks', {
            kind: 'insert',
            resource: 'logs',
            file,
            form: 'native',
          }),
        ...dltSubjects(context, bench, 'logs', rows),
      ];
      await alternate(context, subjects);
    },
  };
}

export const logs20k = logsCase('logs-20k', 20_000, 3);
export const logs100k = logsCase('logs-100k', 100_000, 3);
