import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { documentedQueries } from '../lib/documented-queries.js';
import { storedIn } from '../parts/copy.js';
import { freshName, measureOurs } from '../parts/measure.js';
import { ROOT } from '../parts/paths.js';
import type { Stack } from '../parts/stack.js';
import type { BenchCase, CaseContext } from './case.js';
import { openBench } from './logs.js';

const SAMPLE_MS = 200;
const TIMES_A_QUERY = 5;

/** A million logs: does the rate hold, what is stored, into how many parts, and how fast is it asked. */
export const logs1m: BenchCase = {
  id: 'logs-1m',
  title: 'First copy of 1,000,000 logs; what is stored; the documented queries on it',
  runs: 1,
  slow: true,
  async measure(context) {
    const rows = context.quick ? 20_000 : 1_000_000;
    const bench = await openBench(context, { logs: rows });
    const { stack } = bench;
    let database = '';
    for (let run = 0; run < context.runs; run++) {
      database = freshName();
      const parts = countParts(stack, database);
      const measured = await measureOurs(bench, 'logs', { keep: database });
      const metrics: Record<string, number> = { ...measured.metrics, mostParts: await parts.most() };
      context.record({ ...measured, metrics });
      context.say(`run ${run + 1}: ${Math.round(metrics['rowsPerSecond'] ?? 0).toLocaleString('en')} rows/s`);
    }
    await askQueries(context, stack, database);
    context.note('Queries are timed from the request to the last byte of the answer, over HTTP.');
  },
};

/** The most active parts of the table of logs at any time. */
function countParts(stack: Stack, database: string) {
  let most = 0;
  let ended = false;
  const counting = (async () => {
    while (!ended) {
      most = Math.max(most, (await storedIn(stack, database, 'logs_raw').catch(() => ({ parts: 0 }))).parts);
      await sleep(SAMPLE_MS);
    }
  })();
  return {
    async most() {
      ended = true;
      await counting;
      return most;
    },
  };
}

async function askQueries(context: CaseContext, stack: Stack, database: string): Promise<void> {
  const pages = ['README.md', ...readdirSync(`${ROOT}docs`).map((name) => `docs/${name}`)];
  const texts = pages.filter((name) => name.endsWith('.md')).map((name) => readFileSync(`${ROOT}${name}`, 'utf8'));
  const destination = { url: stack.clickhouse.url, database, username: 'default', password: '', cluster: null };
  const client = openClickHouse(destination, { useDatabase: true });
  context.scope.defer(() => client.close());
  const [tenant = ''] = await tenantsIn(client);
  for (const { name, query } of documentedQueries(texts, tenant)) {
    for (let time = 0; time < TIMES_A_QUERY; time++) {
      context.signal.throwIfAborted();
      const start = performance.now();
      const answer = await client.query({ query, format: 'TabSeparated' });
      await answer.text();
      context.record({ subject: name, metrics: { milliseconds: performance.now() - start }, processes: {} });
    }
  }
}

/** The tenants of the copy by name: statements that ask for none of them would be fast, and say nothing. */
async function tenantsIn(client: ClickHouseClient): Promise<string[]> {
  const answer = await client.query({ query: 'SELECT DISTINCT tenant FROM logs_raw', format: 'TabSeparated' });
  const names = (await answer.text()).trim().split('\n');
  if (names.length !== 1 || names[0] === '')
    throw new Error(`one tenant was copied, and there are: ${names.join(', ')}`);
  return names;
}
