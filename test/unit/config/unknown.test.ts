import { expect, it } from 'vitest';
import { SETTINGS } from '../../../src/config/settings.js';
import { describeUnknown, unknownVariables } from '../../../src/config/unknown.js';

const suggestions = (...names: string[]) =>
  unknownVariables(names, []).map(({ name, suggestion }) => `${name} ${suggestion ?? '-'}`);

it('names what looks like a setting in .env, and the setting that was meant', () => {
  expect(
    suggestions(
      'AUTH0_DOMIAN',
      'AUTH0_SECRET',
      'auth0_domain',
      'SCHEDULE_LOG',
      'DATADIR',
      'LOGS_OVERLAP',
      'CLICKHOUSE_HOST',
      'AUTH0-CLIENT-ID',
    ),
  ).toEqual([
    'AUTH0_DOMIAN AUTH0_DOMAIN',
    'AUTH0_SECRET AUTH0_CLIENT_SECRET',
    'auth0_domain AUTH0_DOMAIN',
    'SCHEDULE_LOG SCHEDULE_LOGS',
    'DATADIR DATA_DIR',
    'LOGS_OVERLAP LOGS_OVERLAP_SECONDS',
    'CLICKHOUSE_HOST -',
    'AUTH0-CLIENT-ID AUTH0_CLIENT_ID',
  ]);
});

it('leaves alone what is known, what is referred to, and what is somebody else’s', () => {
  expect(suggestions(...Object.values(SETTINGS).map(({ name }) => name))).toEqual([]);
  const others = [
    'AUTH0_CLIENT_SECRET_FILE',
    'TEMPORAL_DB_PASSWORD',
    'TEMPORAL_GRPC_META_A',
    'OTEL_RESOURCE_ATTRIBUTES',
  ];
  expect(suggestions(...others, 'PATH', 'NODE_ENV', 'DATABASE_URL', 'PORT', 'DEBUG')).toEqual([]);
  expect(unknownVariables(['AUTH0_ACME_SECRET'], [], new Set(['AUTH0_ACME_SECRET']))).toEqual([]);
});

it('names only slips of the pen in the environment, which is everybody’s', () => {
  const [one, ...more] = unknownVariables([], ['AUTH0_DOMIAN', 'AUTH0_SECRET', 'CLICKHOUSE_HOST', 'PATH']);
  expect(more).toEqual([]);
  expect(one && describeUnknown(one)).toBe(
    'AUTH0_DOMIAN in the environment is no setting of this program: did you mean AUTH0_DOMAIN?',
  );
});
