import { z } from 'zod';
import { ASSERTION_ALGORITHMS } from '../../auth0/private-key.js';
import { setting } from './setting.js';
import { text, whole, origin, resourceNames, rsaPrivateKey, tenantName, share } from './values.js';

/** The tenant, and how it is asked. */
export const AUTH0_SETTINGS = {
  domain: setting({
    name: 'AUTH0_DOMAIN',
    perTenant: { key: 'domain', type: 'text' },
    group: 'Auth0 tenant (unset: a tenant emulator is started)',
    description: 'Host of the tenant, or a full origin; plain http only on loopback',
    schema: origin,
  }),
  clientId: setting({
    name: 'AUTH0_CLIENT_ID',
    perTenant: { key: 'clientId', type: 'text' },
    group: 'Auth0 tenant',
    description: 'Client id of a machine-to-machine application with read:users, read:clients and read:logs',
    schema: text,
  }),
  clientSecret: setting({
    name: 'AUTH0_CLIENT_SECRET',
    perTenant: { key: 'clientSecret', type: 'text' },
    group: 'Auth0 tenant',
    description: 'Its client secret; or leave it unset and set AUTH0_PRIVATE_KEY',
    secret: true,
    schema: text,
  }),
  privateKey: setting({
    name: 'AUTH0_PRIVATE_KEY',
    perTenant: { key: 'privateKey', type: 'text' },
    group: 'Auth0 tenant',
    description:
      'Its private key in place of a client secret (Private Key JWT): RSA, 2048 to 4096 bits, PEM; line ends may be written as \\n',
    secret: true,
    schema: rsaPrivateKey,
  }),
  privateKeyId: setting({
    name: 'AUTH0_PRIVATE_KEY_ID',
    perTenant: { key: 'privateKeyId', type: 'text' },
    group: 'Auth0 tenant',
    description: 'Key ID (kid) that Auth0 gave to the public key. Unset: none is sent, which Auth0 allows',
    schema: text,
  }),
  privateKeyAlgorithm: setting({
    name: 'AUTH0_PRIVATE_KEY_ALG',
    perTenant: { key: 'privateKeyAlgorithm', type: 'text' },
    group: 'Auth0 tenant',
    description: 'Algorithm that the public key was registered with in Auth0: RS256, RS384 or PS256',
    default: 'RS256',
    schema: z.enum(ASSERTION_ALGORITHMS, { error: 'must be RS256, RS384 or PS256' }),
  }),
  audience: setting({
    name: 'AUTH0_AUDIENCE',
    perTenant: { key: 'audience', type: 'text' },
    group: 'Auth0 tenant',
    description:
      'Audience of the Management API; with a custom domain it stays https://<tenant>.<region>.auth0.com/api/v2/. Unset: https://<AUTH0_DOMAIN>/api/v2/',
    schema: text,
  }),
  tenant: setting({
    name: 'AUTH0_TENANT',
    perTenant: { key: 'name', type: 'text' },
    group: 'Auth0 tenant',
    description: 'Name of the tenant in tables and workflow ids. Unset: made from AUTH0_DOMAIN',
    schema: tenantName,
  }),
  tenantsFile: setting({
    name: 'TENANTS_FILE',
    group: 'Auth0 tenant',
    description: 'File of several tenants, instead of the variables above. Unset: tenants.yaml, where there is one',
    schema: text,
  }),
  resources: setting({
    name: 'AUTH0_RESOURCES',
    perTenant: { key: 'resources', type: 'list' },
    group: 'Auth0 tenant',
    description: 'What is copied: logs, users, clients; comma separated',
    default: 'logs,users,clients',
    schema: resourceNames,
  }),
  httpTimeout: setting({
    name: 'AUTH0_HTTP_TIMEOUT',
    perTenant: { key: 'httpTimeout', type: 'number' },
    group: 'Auth0 tenant',
    description: 'Longest wait for one answer of the API',
    default: '60',
    unit: 'seconds',
    schema: whole(1, 600),
  }),
  rateHeadroom: setting({
    name: 'AUTH0_RATE_HEADROOM',
    perTenant: { key: 'rateHeadroom', type: 'number' },
    group: 'Auth0 tenant',
    description: "Share of the tenant's rate limit that is left free for its own traffic, 0 to 0.9",
    default: '0.2',
    schema: share.refine((value) => value <= 0.9, 'must be between 0 and 0.9'),
  }),
  maxRps: setting({
    name: 'AUTH0_MAX_RPS',
    perTenant: { key: 'maxRps', type: 'number' },
    group: 'Auth0 tenant',
    description: "Most requests to the API a second, whatever the tenant's limit. Unset: its limit is the only one",
    unit: 'requests a second',
    schema: text
      .regex(/^\d+(\.\d+)?$/, 'must be a number')
      .transform(Number)
      .refine((value) => value > 0, 'must be above 0'),
  }),
};
