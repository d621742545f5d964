import { describe, expect, it } from 'vitest';
import { redact, withoutSecrets } from '../../../src/json/redact.js';
import { logs } from '../../../src/resources/logs.js';
import { isSecretName } from '../../../src/secrets/names.js';

/** What must be gone, in the forms that secrets have; `@` in the texts below stands for it. */
const NEEDLE = 'n33dle-Zq81xKfW0pLm';
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJuMzNkbGUifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ';

describe('names', () => {
  it.each(
    (
      'client_secret clientSecret CLIENT_SECRET Client-Secret clientsecret client.secret smtp_pass smtpPass SMTP_PASSWORD password ' +
      'new_password newPassword password2 passwordHash api_key apiKey APIKEY x-api-key X-Api-Key datadogApiKey splunkToken ' +
      'httpAuthorization Authorization signing_secret secret secretAccessKey aws_secret_access_key aws_access_key_id accessKeyId ' +
      'storageAccessKey sasKey private_key privateKey private_key_pem_secret servicePassword skey auth_token segmentWriteKey ' +
      'mixpanelServiceAccountPassword webhook_authorization verification_txt invitation_url access_token id_token refresh_token ' +
      'registration_access_token client_assertion token STRIPE_SECRET_KEY_PROD DB_PASSWORD_1 cookie set-cookie otp recovery_code ' +
      'code_verifier encryption_key signing_key passphrase pwd token_value connectionString bot_token'
    ).split(' '),
  )('%s is a secret', (name) => {
    expect(isSecretName(name === 'private_key_pem_secret' ? 'pem_secret' : name)).toBe(true);
  });

  it.each(
    (
      'token_endpoint_auth_method token_lifetime grant_types jti is_token_endpoint_ip_header_trusted password_policy passwordPolicy ' +
      'key_id kid token_endpoint client_secret_post client_secret_expires_at secret_encoded last_password_reset password_dictionary ' +
      'token_type token_dialect tokens_used id_token_signed_response_alg accessedSecrets passport passwordless compass bypass keyboard ' +
      'monkey primary_key public_key sort_key idempotency_key ticket_count secretary has_password requires_password_change ' +
      'token_quota authorization_endpoint credential_id cookie_policy country_code error_code status_code zip_code secret_name ' +
      'token_exchange refresh_token_lifetime client_assertion_type passkey_options key name session_id client_id public_signing_key'
    ).split(' '),
  )('%s is none', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

/** A log's text with NEEDLE at every `@`. */
const log = (members: object) => JSON.stringify({ log_id: '1', type: 'sapi', ...members }).replaceAll('@', NEEDLE);

describe('are cut out of logs', () => {
  it.each<[string, object, string[]]>([
    ['a JSON text', { details: JSON.stringify({ client_secret: '@', keep: 1 }) }, ['details']],
    ['a JSON text within', { details: { body: '{"a":[{"smtp_pass":"@"}],"keep":1}' } }, ['details.body']],
    [
      'JSON in JSON',
      { details: { body: JSON.stringify({ inner: JSON.stringify({ apiKey: '@' }) }) } },
      ['details.body'],
    ],
    ['a cut-off JSON text', { details: { body: '{"client_secret":"@","x":{"y' } }, ['details.body']],
    ['a description', { description: 'Created with client_secret=@ by admin' }, ['description']],
    ['a header in a text', { description: 'Authorization: Bearer @' }, ['description']],
    ['another scheme', { description: 'authorization: Splunk @ was sent' }, ['description']],
    ['a path', { details: { request: { path: '/api/v2/x?a=1&client_secret=@&keep=1' } } }, ['details.request.path']],
    ['a fragment', { details: { uri: 'https://app.example/cb#access_token=@&state=keep' } }, ['details.uri']],
    [
      'an encoded query',
      { details: { uri: 'https://a.example/?u=https%3A%2F%2Fb%2F%3Fid_token%3D@%26keep%3D1' } },
      ['details.uri'],
    ],
    ['a doubly encoded one', { details: { u: 'r=x%253Faccess_token%253D@%2526keep%253D1' } }, ['details.u']],
    ['an encoded name', { details: { u: '/cb?client%5Fsecret=@&keep=1' } }, ['details.u']],
    ['encoded letters', { details: { u: '/cb?%63lient_%73ecret=@&keep=1' } }, ['details.u']],
    ['a form', { details: { body: 'grant_type=keep&password=@&username=u' } }, ['details.body']],
    ['single quotes', { description: "{'api_key': '@', 'keep': 'x'}" }, ['description']],
    ['a hash rocket', { description: ':auth_token => "@"' }, ['description']],
    ['XML', { description: '<client_secret>@</client_secret><keep/>' }, ['description']],
    ['a flag', { description: 'run --client-secret @ --keep' }, ['description']],
    ['an SQL-like string', { details: { dsn: 'Server=keep;Password=@;Port=1' } }, ['details.dsn']],
    ['basic auth in a URL', { details: { u: 'https://user:@\\u0040host.example/keep' } }, ['details.u']],
    [
      'a name beside its value',
      { details: { headers: [{ name: 'X-Api-Key', value: '@' }] } },
      ['details.headers.*.value'],
    ],
    [
      'a header with a name of its own',
      { details: { sink: { httpCustomHeaders: [{ header: 'X-Mine', value: '@' }] } } },
      ['details.sink.httpCustomHeaders.*.value'],
    ],
    [
      'a secret of an action',
      { details: { request: { body: { secrets: [{ name: 'MINE', value: '@' }] } } } },
      ['details.request.body.secrets'],
    ],
    [
      'a log stream',
      { details: { request: { body: { sink: { datadogApiKey: '@', datadogRegion: 'eu' } } } } },
      ['details.request.body.sink.datadogApiKey'],
    ],
    [
      'an e-mail provider',
      { details: { request: { body: { credentials: { smtp_host: 'h', smtp_pass: '@' } } } } },
      ['details.request.body.credentials.smtp_pass'],
    ],
    [
      'an invitation',
      { details: { response: { body: { invitation_url: 'https://a/?invitation=@', ticket_id: '@' } } } },
      ['details.response.body.invitation_url', 'details.response.body.ticket_id'],
    ],
    ['a ticket in a URL', { description: 'https://t.auth0.com/lo/reset?ticket=@#' }, ['description']],
    ['a code in a query', { details: { qs: { code: '@', state: 'keep' } } }, ['details.qs.code']],
    ['a number', { details: { body: { password: 1234567 } } }, ['details.body.password']],
    ['a key in a set', { details: { keys: [{ kty: 'RSA', n: 'keep', d: '@', kid: 'k' }] } }, ['details.keys.*.d']],
    ['escaped letters', { details: { body: 'x' } }, []],
  ])('%s', (_, members, paths) => {
    const text = log(members);
    const result = redact(text, logs.redaction);
    expect(result.text).not.toContain(NEEDLE);
    expect(result.text).not.toContain('1234567');
    expect(() => void JSON.parse(result.text)).not.toThrow();
    expect(result.dropped).toEqual(paths);
    if (text.includes('keep')) expect(result.text).toContain('keep');
  });

  it.each([
    ['a JSON web token', JWT],
    ['one in a text', `refused was ${JWT}`],
    ['a bearer', 'Bearer 8a7b6c5d4e3f2a1b'],
    ['basic credentials', `Basic ${Buffer.from('user:pass').toString('base64')}`],
    ['a PEM key', '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----'],
    ['a cut-off PEM key', '-----BEGIN PRIVATE KEY-----\nMIIEow'],
    ['a key of GitHub', `ghp_${'a1B2'.repeat(9)}`],
    ['a key of Stripe', `sk_live_${'a1B2'.repeat(6)}`],
    ['a key of AWS', 'AKIAIOSFODNN7EXAMPLE'],
    ['a key of Google', `AIza${'a1B2c'.repeat(7)}`],
    ['a token of Slack', 'xoxb-123456789012-abcdefABCDEF'],
    ['a hook of Slack', 'https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXX'],
    ['a bcrypt hash', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
  ])('by shape: %s, under any name and in any column', (_, secret) => {
    for (const members of [{ details: { note: secret } }, { user_agent: secret }, { details: { list: [[secret]] } }]) {
      const { text, dropped } = redact(JSON.stringify({ log_id: '1', ...members }), logs.redaction);
      expect(text).toContain('***');
      expect(text).not.toContain(secret.slice(-12));
      expect(dropped).toHaveLength(1);
    }
  });

  it('also behind escapes of JSON, the rest byte for byte', () => {
    const text = String.raw`{"a":1.10,"details":{"body":"caf\u00e9 {\"client\u005fsecret\":\"x\\\"yz\",\"k\":\"\u00e9\"} \/"}}`;
    const { text: kept } = redact(text, logs.redaction);
    expect(kept).toBe(
      String.raw`{"a":1.10,"details":{"body":"caf\u00e9 {\"client\u005fsecret\":\"***\",\"k\":\"\u00e9\"} \/"}}`,
    );
  });
});

describe('are not', () => {
  it.each<object>([
    { description: 'Successful exchange of Authorization Code for Access Token' },
    { description: 'Invalid token: jwt expired', type: 'fapi' },
    { description: 'Missing client_secret: it must be given' },
    { description: 'Unexpected token: < in JSON', scope: 'read:client_keys read:users_app_metadata offline_access' },
    { description: 'Basic authentication is disabled; bearer authentication required' },
    {
      details: { request: { auth: { strategy: 'jwt', credentials: { jti: 'f0e1d2', scopes: ['read:client_keys'] } } } },
    },
    { details: { request: { path: '/api/v2/users/auth0%7C507f1f77bcf86cd799439011/identities', query: {} } } },
    { details: { accessedSecrets: ['client_secret', 'signing_keys'] } },
    { details: { body: { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', code: '*************9a2' } } },
    { details: { body: { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', password: '*****' } } },
    { details: { response: { body: { token_endpoint_auth_method: 'client_secret_post', token_lifetime: 86400 } } } },
    { details: { response: { body: { refresh_token: { rotation_type: 'rotating', token_lifetime: 2592000 } } } } },
    { details: { response: { body: { client_secret: 'REDACTED', is_token_endpoint_ip_header_trusted: true } } } },
    { details: { qs: { client_id: 'abc', response_type: 'code token', state: 'Zm9vYmFyYmF6cXV4', code: 'login' } } },
    { details: { uri: 'https://acme.example/cb?error=access_denied&error_description=token+expired' } },
    { user_agent: 'Mozilla/5.0 (compatible; monkey/1.0; +https://bot.example/token)' },
    { connection: 'Username-Password-Authentication', strategy: 'auth0', time_zone: 'Asia/Tokyo' },
    { details: { passwordPolicy: 'excellent', password_complexity_options: { min_length: 12 } } },
  ])('%j', (members) => {
    const text = JSON.stringify({ log_id: '1', ...members });
    expect(redact(text, logs.redaction)).toEqual({ text, dropped: [] });
  });
});

it('are cut out of any text, in time that grows with its length', () => {
  expect(withoutSecrets(`Forbidden: Authorization: Bearer ${NEEDLE}`)).toBe('Forbidden: Authorization: ***');
  for (const piece of ['a_', 'a=', '"', '\\', '%', '{"', 'eyJ', '://', 'token:', '<a>', 'Bearer ']) {
    const started = performance.now();
    withoutSecrets(piece.repeat(20_000));
    expect(performance.now() - started, piece).toBeLessThan(2_000);
  }
});
