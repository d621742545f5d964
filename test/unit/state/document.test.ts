import { describe, expect, it } from 'vitest';
import { isLogId, parseState, stateOfLogId } from '../../../src/state/document.js';

const ID = `90020260102030405${'1'.padStart(39, '0')}`;
const checkpoint = { epoch: 5, block: 1, runId: 'r', snapshotAt: null, rowsHeld: 0 };
const logs = { resource: 'logs', cursor: ID, lastId: ID, lastDate: null, overlapRefused: false, ...checkpoint };
const document = {
  version: 1,
  program: 'auth0-clickhouse 0.1.0',
  exportedAt: '2026-01-02T03:04:05.000Z',
  tenants: [{ tenant: 'acme', checkpoints: [logs], gaps: [] }],
};
const withTenant = (over: object) => ({ ...document, tenants: [{ ...document.tenants[0], ...over }] });

describe('a document', () => {
  it('is read as it is', () => expect(parseState(JSON.stringify(document))).toEqual(document));

  it.each<[string, unknown, RegExp]>([
    ['no JSON', undefined, /no JSON/],
    ['another version', { ...document, version: 2 }, /version/],
    ['no tenants', { ...document, tenants: [] }, /tenants/],
    ['an unknown field', { ...document, extra: 1 }, /extra/],
    ['a tenant twice', { ...document, tenants: [document.tenants[0], document.tenants[0]] }, /tenant twice/],
    ['a resource twice', withTenant({ checkpoints: [logs, logs] }), /resource twice/],
    ['an unknown resource', withTenant({ checkpoints: [{ ...logs, resource: 'roles' }] }), /checkpoints\.0/],
    ['logs without a cursor', withTenant({ checkpoints: [{ ...logs, cursor: '' }] }), /cursor/],
    [
      'users from no instant',
      withTenant({ checkpoints: [{ resource: 'users', cursor: 'soon', ...checkpoint }] }),
      /cursor/,
    ],
    ['a tenant with a slash', withTenant({ tenant: 'a/b' }), /tenant/],
    ['a gap without a reason', withTenant({ gaps: [{ resource: 'logs' }] }), /gaps\.0\.reason/],
  ])('with %s is refused, and the place is named', (_what, body, message) => {
    expect(() => parseState(JSON.stringify(body) ?? '{')).toThrow(message);
  });
});

it('a bare log id is everything up to it', () => {
  expect(isLogId(ID)).toBe(true);
  expect(isLogId('state.json')).toBe(false);
  const [found] = stateOfLogId('acme', ID).checkpoints;
  expect(found).toMatchObject({ resource: 'logs', cursor: ID, lastId: ID, lastDate: '2026-01-02T03:04:05.000Z' });
  expect(parseState(JSON.stringify({ ...document, tenants: [stateOfLogId('acme', ID)] })).tenants).toHaveLength(1);
});
