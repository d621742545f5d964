import { describe, expect, it } from 'vitest';
import { type ResourceName, RESOURCES } from '../../../src/contracts/names.js';
import { parseRecord } from '../../../src/json/page.js';
import { redact } from '../../../src/json/redact.js';
import { clients } from '../../../src/resources/clients.js';
import { resources } from '../../../src/resources/index.js';
import { logs } from '../../../src/resources/logs.js';
import type { Resource } from '../../../src/resources/resource.js';
import { EXPORT_FIELDS, users } from '../../../src/resources/users.js';

const LOG_ID = '90020260102030405678901234567890123456789012345678901234';

describe('keys', () => {
  it.each<[ResourceName, string, string | undefined]>([
    ['users', '{"user_id":"auth0|1"}', 'auth0|1'],
    ['users', '{"user_id":7}', '7'],
    ['users', '{"user_id":123456789012345678901234}', '123456789012345678901234'],
    ['users', '{"user_id":""}', undefined],
    ['users', '{"user_id":null}', undefined],
    ['users', '{"user_id":{"id":1}}', undefined],
    ['users', '{"id":"auth0|1"}', undefined],
    ['clients', '{"client_id":"abc"}', 'abc'],
    ['clients', '{"name":"All Applications"}', undefined],
    ['logs', `{"log_id":"${LOG_ID}","_id":"other"}`, LOG_ID],
    ['logs', `{"_id":"${LOG_ID}"}`, LOG_ID],
    ['logs', `{"log_id":"","_id":"${LOG_ID}"}`, LOG_ID],
    ['logs', `{"log_id":${LOG_ID}}`, LOG_ID],
    ['logs', '{"type":"s"}', undefined],
  ])('%s of %s', (name, text, key) => {
    expect(resources[name].keyOf(parseRecord(text))).toBe(key);
  });
});

describe('versions', () => {
  const version = (resource: Resource, text: string, fetchedAt = 0) =>
    resource.versionOf?.(parseRecord(text), { fetchedAt });
  const user = (updatedAt: string) => `{"user_id":"a","updated_at":"${updatedAt}"}`;

  it('of a user go by updated_at, whenever and however it was read', () => {
    const old = user('2026-01-02T03:04:05.678Z');
    const next = user('2026-01-02T03:04:05.679Z');
    expect(version(users, next, 1)).toBeGreaterThan(version(users, old, 2) ?? NaN);
    expect(version(users, old, 1)).toBe(version(users, old, 2));
    expect(Number.isSafeInteger(version(users, user('2299-12-30T00:00:00Z')))).toBe(true);
  });

  it('of a user without a readable updated_at are the lowest', () => {
    for (const text of ['{}', '{"updated_at":null}', '{"updated_at":5}', user('never')]) {
      expect(version(users, text)).toBe(1);
    }
  });

  it('of a client are the time at which it was asked for', () => {
    expect(version(clients, '{"client_id":"a"}', 1_767_323_045_678)).toBe(1_767_323_045_678);
  });

  it('of a log do not exist: it never changes', () => {
    expect(logs.versionOf).toBeNull();
  });
});

describe('secrets', () => {
  const dropped = (resource: Resource, value: object) => {
    const text = JSON.stringify(value);
    const result = redact(text, resource.redaction);
    expect(JSON.parse(result.text)).toBeTypeOf('object');
    return { dropped: result.dropped, holds: (word: string) => result.text.includes(word) };
  };
  const SECRET = 's3cr3t';

  it.each<[ResourceName, string, object]>([
    ['users', 'identities.*.access_token', { identities: [{ connection: 'g', access_token: SECRET }] }],
    ['users', 'identities.*.access_token_secret', { identities: [{}, { access_token_secret: SECRET }] }],
    ['users', 'identities.*.refresh_token', { identities: [{ refresh_token: SECRET, user_id: 1 }] }],
    ['users', 'identities.*.id_token', { identities: [{ id_token: SECRET }] }],
    ['users', 'identities.*.profileData.access_token', { identities: [{ profileData: { access_token: SECRET } }] }],
    ['users', 'app_metadata.access_token', { app_metadata: { access_token: SECRET } }],
    ['users', 'user_metadata.stripe.apiKey', { user_metadata: { stripe: { apiKey: SECRET } } }],
    ['clients', 'client_metadata.client_secret', { client_metadata: { client_secret: SECRET } }],
    ['clients', 'client_secret', { client_id: 'a', client_secret: SECRET }],
    ['clients', 'encryption_key', { encryption_key: { pub: SECRET, cert: SECRET, subject: 'x' } }],
    ['clients', 'signing_keys.*.pkcs7', { signing_keys: [{ pkcs7: SECRET, subject: 'x' }] }],
    ['clients', 'signing_keys.*.key', { signing_keys: [{ kid: '1', key: SECRET }] }],
    ['clients', 'signing_keys.*.cert', { signing_keys: [{ alg: 'RS256', cert: SECRET }] }],
    ['clients', 'addons.azure_sb.sasKey', { addons: { azure_sb: { namespace: 'n', sasKey: SECRET } } }],
    ['clients', 'addons.firebase.private_key', { addons: { firebase: { private_key: SECRET, client_email: 'e' } } }],
    ['clients', 'addons.firebase.private_key_id', { addons: { firebase: { private_key_id: SECRET } } }],
    ['clients', 'addons.firebase.secret', { addons: { firebase: { secret: SECRET } } }],
    ['clients', 'addons.layer.privateKey', { addons: { layer: { privateKey: SECRET, keyId: 'k' } } }],
    ['clients', 'addons.sap_api.servicePassword', { addons: { sap_api: { servicePassword: SECRET, clientid: 'c' } } }],
    ['clients', 'addons.own.api_token', { addons: { own: { api_token: SECRET } } }],
    ['clients', 'addons.own.deep.credentials', { addons: { own: { deep: { credentials: [SECRET] } } } }],
    ['logs', 'details.response.body.client_secret', { details: { response: { body: { client_secret: SECRET } } } }],
    ['logs', 'details.request.body.password', { details: { request: { body: { password: SECRET } } } }],
    ['logs', 'details.request.body.new_password', { details: { request: { body: { new_password: SECRET } } } }],
    ['logs', 'details.body.access_token', { details: { body: { access_token: SECRET } } }],
    ['logs', 'details.body.id_token', { details: { body: { id_token: SECRET } } }],
    ['logs', 'details.body.refresh_token', { details: { body: { refresh_token: SECRET } } }],
    ['logs', 'details.body.access_token_secret', { details: { body: { access_token_secret: SECRET } } }],
    ['logs', 'details.body.client_assertion', { details: { body: { client_assertion: SECRET } } }],
    ['logs', 'details.a.*.private_key', { details: { a: [{ private_key: SECRET }] } }],
    ['logs', 'details.a.encryption_key', { details: { a: { encryption_key: { pub: SECRET } } } }],
    ['logs', 'details.a.signing_keys', { details: { a: { signing_keys: [{ pkcs7: SECRET }] } } }],
    ['logs', 'details.a.signing_key', { details: { a: { signing_key: SECRET } } }],
    ['logs', 'details.password', { details: { password: '****x' } }],
  ])('%s: %s is left out', (name, path, value) => {
    const result = dropped(resources[name], value);
    expect(result.dropped).toEqual([path]);
    expect(result.holds(SECRET)).toBe(false);
  });

  it.each<[ResourceName, object]>([
    ['users', { app_metadata: { plan: 'token', tokens: 5 }, user_metadata: { has_password: 'yes' } }],
    ['users', { identities: [{ access_token_expires: 1, provider: 'x_token' }] }],
    ['clients', { signing_keys: [{ subject: '/CN=x', kid: '1', alg: 'RS256', thumbprint: 'x' }] }],
    ['clients', { client_metadata: { plan: 'addons' }, jwt_configuration: { secret_encoded: true } }],
    ['clients', { addons: { samlp: { audience: 'a', logout: { callback: 'c' } } } }],
    ['clients', { client_authentication_methods: { private_key_jwt: { credentials: [{ id: 'cred_1' }] } } }],
    ['logs', { details: { request: { body: { password: '*****' } } } }],
    ['logs', { details: { body: { password: '', client_secret: null, refresh_token: true } } }],
    ['logs', { description: 'client_secret', user_agent: 'password', scope: 'x_token' }],
    ['logs', { details: { accessedSecrets: ['client_secret', 'encryption_key'] } }],
    ['logs', { details: null }],
  ])('%s: nothing is left out of %j', (name, value) => {
    expect(dropped(resources[name], value).dropped).toEqual([]);
  });

  it('leave all other bytes of a record alone', () => {
    const text = '{ "client_id":"a",\n"n":1.10, "client_secret" : "x", "big":123456789012345678901234 }';
    expect(redact(text, clients.redaction).text).toBe('{ "client_id":"a",\n"n":1.10, "big":123456789012345678901234 }');
  });
});

describe('descriptions', () => {
  it('are there for every resource, under its own name', () => {
    expect(Object.keys(resources)).toEqual([...RESOURCES]);
    for (const [name, resource] of Object.entries(resources)) {
      expect(resource.name).toBe(name);
      const columns = resource.columns.map((column) => column.name);
      expect(new Set(columns).size).toBe(columns.length);
      expect(columns).not.toContain(resource.keyColumn);
    }
  });

  it('ask the export job for every field that a column of users shows', () => {
    const exported = new Set<string>(EXPORT_FIELDS);
    expect(exported.size).toBe(EXPORT_FIELDS.length);
    expect(
      [users.keyColumn, ...users.columns.map(({ path }) => path[0])].filter((name) => !exported.has(name)),
    ).toEqual([]);
  });
});
