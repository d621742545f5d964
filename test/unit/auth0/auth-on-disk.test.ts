import { expect, it } from 'vitest';
import { type Config, parseConfig } from '../../../src/config/config.js';
import { authOnDisk } from '../../../src/worker.js';

const configWith = (env: Record<string, string>): Config =>
  parseConfig({ AUTH0_DOMAIN: 'acme.eu.auth0.com', AUTH0_CLIENT_ID: 'c', AUTH0_CLIENT_SECRET: 'old', ...env });
const secret = (clientSecret: string) => ({ method: 'client_secret', clientSecret });

it('takes the secret that the configuration holds now, and keeps the last one it could read', () => {
  const [tenant] = configWith({}).tenants;
  if (!tenant) throw new Error('no tenant');
  let load = (): Config => configWith({});
  const authNow = authOnDisk(() => load());
  expect(authNow(tenant)).toEqual(secret('old'));
  load = () => configWith({ AUTH0_CLIENT_SECRET: 'new' });
  expect(authNow(tenant)).toEqual(secret('new'));
  load = () => {
    throw new Error('half a file');
  };
  expect(authNow(tenant)).toEqual(secret('new'));
});

it.each<[string, Record<string, string>]>([
  ['of another tenant', { AUTH0_DOMAIN: 'evil.example.com', AUTH0_TENANT: 'acme.eu' }],
  ['of another application', { AUTH0_CLIENT_ID: 'other' }],
])('never sends a secret %s', (_name, env) => {
  const [tenant] = configWith({}).tenants;
  if (!tenant) throw new Error('no tenant');
  expect(authOnDisk(() => configWith({ ...env, AUTH0_CLIENT_SECRET: 'theirs' }))(tenant)).toEqual(secret('old'));
});
