import { join } from 'node:path';
import { dltSubjects } from '../parts/dlt.js';
import { measureBaseline, measureOurs } from '../parts/measure.js';
import { startTenant } from '../parts/tenant.js';
import { alternate, type BenchCase } from './case.js';
import { openBench } from './logs.js';

/** Rows of the file that `insert only` sends; for more users it is sent several times. */
const FILE_ROWS = 100_000;

function usersCase(id: string, users: number, runs: number): BenchCase {
  return {
    id,
    title: `First copy of ${users.toLocaleString('en')} users by the export job`,
    runs,
    slow: users > 10_000,
    async measure(context) {
      const rows = context.quick ? Math.min(users, 5_000) : users;
      const bench = await openBench(context, { users: rows });
      const inFile = Math.min(rows, FILE_ROWS);
      const file = join(bench.stack.folder, 'rows');
      const source =
        inFile === rows
          ? bench
          : { ...bench, tenant: await startTenant(context.scope, bench.stack.folder, { users: inFile }) };
      await measureBaseline(source, 'prepare', { kind: 'prepare', resource: 'users', file });
      const repeat = Math.round(rows / inFile);
      await alternate(context, [
        () => measureOurs(bench, 'users'),
        () => measureBaseline(bench, 'plain loop', { kind: 'loop', resource: 'users' }),
        () => measureBaseline(bench, 'fetch only', { kind: 'fetch', resource: 'users' }, rows),
        () => measureBaseline(bench, 'insert only', { kind: 'insert', resource: 'users', file, repeat }),
        () =>
          measureBaseline(bench, 'insert only, ready blocks', {
            kind: 'insert',
            resource: 'users',
            file,
            repeat,
            form: 'native',
          }),
      ]);
      context.note('The export job is done at once: what a real tenant takes to write the file is not in the figures.');
    },
  };
}

export const users10k = usersCase('users-10k', 10_000, 3);
export const users100k = usersCase('users-100k', 100_000, 2);
export const users1m = usersCase('users-1m', 1_000_000, 1);

/** Few users are read by page, as dlt can. */
export const users900: BenchCase = {
  id: 'users-900',
  title: 'First copy of 900 users by page',
  runs: 3,
  async measure(context) {
    const rows = 900;
    const bench = await openBench(context, { users: rows });
    await alternate(context, [
      () => measureOurs(bench, 'users'),
      () => measureBaseline(bench, 'plain loop', { kind: 'loop', resource: 'users', usersBy: 'pages' }),
      ...dltSubjects(context, bench, 'users', rows),
    ]);
  },
};

export const clients5k: BenchCase = {
  id: 'clients-5k',
  title: 'Copy of 5,000 clients',
  runs: 3,
  async measure(context) {
    const bench = await openBench(context, { clients: context.quick ? 500 : 5_000 });
    await alternate(context, [
      () => measureOurs(bench, 'clients'),
      () => measureBaseline(bench, 'plain loop', { kind: 'loop', resource: 'clients' }),
      () => measureBaseline(bench, 'plain loop, overlapped', { kind: 'overlap', resource: 'clients' }),
    ]);
  },
};
