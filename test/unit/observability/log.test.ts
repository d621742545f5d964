import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { loggerTo } from '../../../src/logger.js';
import { contextOfWorkflowId, withLogContext } from '../../../src/observability/log-context.js';
import { forward } from '../../../src/observability/runtime.js';

function lab(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const logger = loggerTo({ write: (line) => void lines.push(JSON.parse(line)) }, level);
  return { logger, lines };
}

describe('the log', () => {
  it('carries the context of the activity in every line, over awaits, and only there', async () => {
    const { logger, lines } = lab();
    const say = (tenant: string) =>
      withLogContext({ tenant, runId: `run-${tenant}` }, async () => {
        await new Promise((resolve) => {
          setTimeout(resolve, 1);
        });
        logger.info({ rows: 1 }, 'stored');
      });
    await Promise.all([say('a'), say('b')]);
    logger.info('outside');
    expect(lines).toMatchObject([
      { tenant: 'a', runId: 'run-a', rows: 1, msg: 'stored' },
      { tenant: 'b', runId: 'run-b' },
      { msg: 'outside' },
    ]);
    expect(lines[2]).not.toHaveProperty('tenant');
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = lab('warn');
    logger.info('no');
    logger.warn('yes');
    expect(lines.map(({ msg }) => msg)).toEqual(['yes']);
  });
});

describe("Temporal's lines", () => {
  const entry = (message: string, meta: Record<string, unknown>) =>
    ({ level: 'WARN', message, meta, timestampNanos: 0n }) as const;

  it('name tenant and resource by the workflow', () => {
    const { logger, lines } = lab();
    forward(logger, entry('Workflow failed', { workflowId: 'auth0/acme.eu/logs', runId: 'r', error: new Error('e') }));
    expect(lines).toMatchObject([{ tenant: 'acme.eu', resource: 'logs', runId: 'r', reason: 'e', level: 40 }]);
  });

  it('leave out failures that our activities have logged, and no others', () => {
    const { logger, lines } = lab();
    const ours = ApplicationFailure.create({ type: 'TenantUnavailable', message: 'HTTP 503' });
    forward(logger, entry('Activity failed', { error: ours }));
    expect(lines).toEqual([]);
    forward(logger, entry('Activity failed', { error: new Error('not ours') }));
    forward(logger, entry('Activity failed', { error: ApplicationFailure.create({ type: 'Other', message: 'm' }) }));
    expect(lines).toHaveLength(2);
  });
});

describe('contextOfWorkflowId', () => {
  it.each([
    ['auth0/acme/logs', { tenant: 'acme', resource: 'logs' }],
    ['auth0/acme/scheduled-users-2026-01-31T12:00:00Z', { tenant: 'acme', resource: 'users' }],
    ['auth0/acme/sync', { tenant: 'acme' }],
    ['something-else', {}],
    [undefined, {}],
  ])('reads %s', (id, context) => {
    expect(contextOfWorkflowId(id)).toEqual(context);
  });
});
