import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { resultOfFailure } from '../../src/contracts/failure-details.js';
import { errorOfFailure } from '../../src/contracts/failure.js';
import { resourceWorkflowId } from '../../src/contracts/names.js';
import { fakeTenant, gate, held, onePage, pagesOf, soonRetried } from './fake-activities.js';
import { endOf, useLab } from './lab.js';

// The server lets at least a second pass before every retry, so these tests wait together.
const file = useLab();

it.concurrent('every page has eight tries of its own, and what was copied before stays told', async () => {
  const tries = new Map<string | null, number>();
  const fake = fakeTenant({
    async fetchPages(input) {
      const at = input.cursor.kind === 'logs' ? input.cursor.from : null;
      const tried = (tries.get(at) ?? 0) + 1;
      tries.set(at, tried);
      if (at === 'log-1' || tried < 8) throw soonRetried('RateLimited', `page behind ${at}`);
      return pagesOf(4)(input);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const { cause } = await endOf(await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs')));
    expect(resultOfFailure(cause)).toMatchObject({
      status: 'failed',
      pages: 1,
      rows: 100,
      cursor: 'log-1',
      error: { kind: 'RateLimited', message: 'page behind log-1' },
    });
  });
  expect([...tries]).toEqual([
    [null, 8],
    ['log-1', 8],
  ]);
  expect(fake.inputs('closeRun').map(({ result }) => result.status)).toEqual(['failed']);
});

it.concurrent('completes when the eighth try of a page works', async () => {
  let tried = 0;
  const fake = fakeTenant({
    async fetchPages(input) {
      tried++;
      if (tried < 8) throw soonRetried('TenantUnreachable', 'ECONNRESET');
      return pagesOf(1)(input);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const result = await (await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'))).result();
    expect(result).toMatchObject({ status: 'completed', rows: 100 });
  });
  expect(fake.inputs('fetchPages')).toHaveLength(8);
});

it.concurrent('does not try again what cannot get better', async () => {
  const fake = fakeTenant({
    fetchPages: async () => {
      throw ApplicationFailure.nonRetryable('client id unknown', 'CredentialsRejected');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await endOf(await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs')));
  });
  expect(fake.inputs('fetchPages')).toHaveLength(1);
});

it.concurrent('fails when the ledger cannot be closed, and tries to write that down', async () => {
  const closed: string[] = [];
  const fake = fakeTenant({
    async closeRun({ result }) {
      closed.push(result.status);
      throw soonRetried('DestinationUnavailable', 'connection refused');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const { cause } = await endOf(await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs')));
    expect(resultOfFailure(cause)).toMatchObject({
      status: 'failed',
      rows: 200,
      cursor: 'log-2',
      error: { kind: 'DestinationUnavailable', message: 'connection refused' },
    });
  });
  expect(closed).toEqual([...Array(8).fill('completed'), ...Array(8).fill('failed')]);
});

it.concurrent('waits for a joined run eight times at most', async () => {
  const over = gate();
  const fake = fakeTenant({
    awaitRun: async () => {
      throw soonRetried('TemporalUnavailable', 'no connection');
    },
    async fetchPages({ cursor, block }) {
      await held(over);
      return onePage(cursor, block, 1);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const first = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    const { cause } = await endOf(await start('extractLogs', `${fake.tenant}-other`));
    expect(errorOfFailure(cause)).toEqual({ kind: 'TemporalUnavailable', message: 'no connection' });
    over.open();
    await first.result();
  });
  expect(fake.inputs('awaitRun')).toEqual(
    Array.from({ length: 8 }, () => ({ workflowId: resourceWorkflowId(fake.tenant, 'logs') })),
  );
});
