import { setting } from './setting.js';
import { text, whole, origin, tenantName, share } from './values.js';

/** The tenant, and how it is asked. */
export const AUTH0_SETTINGS = {
  domain: setting({
    name: 'AUTH0_DOMAIN',
    group: 'Auth0 tenant (unset: a tenant emulator is started)',
    description: 'Host of the tenant, or a full origin; plain http only on loopback',
    schema: origin,
  }),
  clientId: setting({
    name: 'AUTH0_CLIENT_ID',
    group: 'Auth0 tenant',
    description: 'Client id of a machine-to-machine application with read:users, read:clients and read:logs',
    schema: text,
  }),
  clientSecret: setting({
    name: 'AUTH0_CLIENT_SECRET',
    group: 'Auth0 tenant',
    description: 'Its client secret',
    secret: true,
    schema: text,
  }),
  audience: setting({
    name: 'AUTH0_AUDIENCE',
    group: 'Auth0 tenant',
    description:
      'Audience of the Management API; with a custom domain it stays https://<tenant>.<region>.auth0.com/api/v2/. Unset: https://<AUTH0_DOMAIN>/api/v2/',
    schema: text,
  }),
  tenant: setting({
    name: 'AUTH0_TENANT',
    group: 'Auth0 tenant',
    description: 'Name of the tenant in tables and workflow ids. Unset: made from AUTH0_DOMAIN',
    schema: tenantName,
  }),
  httpTimeout: setting({
    name: 'AUTH0_HTTP_TIMEOUT',
    group: 'Auth0 tenant',
    description: 'Longest wait for one answer of the API',
    default: '60',
    unit: 'seconds',
    schema: whole(1, 600),
  }),
  rateHeadroom: setting({
    name: 'AUTH0_RATE_HEADROOM',
    group: 'Auth0 tenant',
    description: "Share of the tenant's rate limit that is left free for its own traffic, 0 to 0.9",
    default: '0.2',
    schema: share.refine((value) => value <= 0.9, 'must be between 0 and 0.9'),
  }),
  maxRps: setting({
    name: 'AUTH0_MAX_RPS',
    group: 'Auth0 tenant',
    description: "Most requests to the API a second, whatever the tenant's limit. Unset: its limit is the only one",
    unit: 'requests a second',
    schema: text
      .regex(/^\d+(\.\d+)?$/, 'must be a number')
      .transform(Number)
      .refine((value) => value > 0, 'must be above 0'),
  }),
};
