import { z } from 'zod';

import { oauthError } from '../api-error.js';
import { KEY_ALGORITHMS } from '../client-assertion.js';
import type { EmulatorContext } from '../context.js';
import { jsonReply, type EmulatorRequest, type Reply } from '../exchange.js';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

const textRecord = z.record(z.string(), z.unknown());

/** POST /oauth/token: client credentials for an access token. Throws the endpoint's OAuth errors. */
export function issueToken(context: EmulatorContext, request: EmulatorRequest): Reply {
  const read = bodyReader(request);
  const grantType = required(read, 'grant_type');
  const { options, settings } = context;
  // An assertion says itself who the client is.
  const isAsserted = options.clientAssertions !== undefined && read('client_assertion') !== undefined;
  const clientId = isAsserted ? (read('client_id') ?? options.clientId) : required(read, 'client_id');
  if (grantType === 'password' || grantType === 'authorization_code' || grantType === 'refresh_token') {
    throw oauthError(403, 'unauthorized_client', `Grant type '${grantType}' not allowed for the client.`);
  }
  if (grantType !== 'client_credentials') {
    throw oauthError(403, 'unsupported_grant_type', `Unsupported grant type: ${grantType}`);
  }
  if (isAsserted) {
    const given = { type: read('client_assertion_type'), assertion: read('client_assertion') };
    const isAccepted = options.clientAssertions?.accept(given, issuers(context, request), request.nowMs) ?? false;
    // Which check failed stands only in the tenant's own log.
    if (clientId !== options.clientId || !isAccepted)
      throw oauthError(401, 'invalid_client', 'Client authentication failed');
  } else if (
    clientId !== options.clientId ||
    options.clientAssertions !== undefined ||
    read('client_secret') !== options.clientSecret
  ) {
    throw oauthError(401, 'access_denied', 'Unauthorized');
  }
  const audience = read('audience');
  if (audience === undefined) {
    throw oauthError(
      403,
      'access_denied',
      'No audience parameter was provided, and no default audience has been configured',
    );
  }
  if (!isKnownAudience(context, request, audience)) {
    const isOurs = audience.replace(/\/?$/, '/') !== audience && isKnownAudience(context, request, `${audience}/`);
    const text = isOurs ? `Service not found: ${audience}` : `Service not enabled within domain: ${audience}`;
    throw oauthError(403, 'access_denied', text);
  }
  const scope = settings.scopes.join(' ');
  const lifetimeSeconds = settings.tokenLifetimeSeconds;
  const grant = { issuer: `${request.origin}/`, audience, clientId, scope, lifetimeSeconds, nowMs: request.nowMs };
  const accessToken = context.tokens.mint(grant);
  context.stats.tokenMinted();
  return jsonReply({ access_token: accessToken, scope, expires_in: lifetimeSeconds, token_type: 'Bearer' });
}

/** Minimal discovery document. */
export function discovery(_context: EmulatorContext, request: EmulatorRequest): Reply {
  const { origin } = request;
  return jsonReply({
    issuer: `${origin}/`,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/oauth/token`,
    jwks_uri: `${origin}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['HS256'],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: [...KEY_ALGORITHMS],
  });
}

// The official SDKs always write https into the audience, also when a custom fetch takes them elsewhere.
function isKnownAudience(context: EmulatorContext, request: EmulatorRequest, audience: string): boolean {
  return context.options.audiences.includes(audience) || ownUrls(request, '/api/v2/').includes(audience);
}

/** What an assertion may be meant for: the tenant's own URL, with its slash. */
function issuers({ options }: EmulatorContext, request: EmulatorRequest): string[] {
  return [`https://${options.tenant}.auth0.com/`, ...ownUrls(request, '/')];
}

function ownUrls(request: EmulatorRequest, path: string): string[] {
  const { host, port } = new URL(request.origin);
  const hosts = [host, ...LOOPBACK_NAMES.map((name) => `${name}:${port}`)];
  return hosts.flatMap((name) => [`http://${name}${path}`, `https://${name}${path}`]);
}

function required(read: (name: string) => string | undefined, name: string): string {
  const value = read(name);
  if (value === undefined || value === '')
    throw oauthError(400, 'invalid_request', `Missing required parameter: ${name}`);
  return value;
}

function bodyReader(request: EmulatorRequest): (name: string) => string | undefined {
  const basic = basicCredentials(request.headers.authorization);
  const fields = bodyFields(request);
  return (name) => fields(name) ?? basic[name];
}

function bodyFields(request: EmulatorRequest): (name: string) => string | undefined {
  if (request.headers['content-type']?.startsWith('application/json') !== true) {
    const form = new URLSearchParams(request.body);
    return (name) => form.get(name) ?? undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw oauthError(400, 'invalid_request', 'Invalid JSON body');
  }
  const parsed = textRecord.safeParse(value);
  if (!parsed.success) throw oauthError(400, 'invalid_request', 'Invalid JSON body');
  return (name) => {
    const field = parsed.data[name];
    return typeof field === 'string' ? field : undefined;
  };
}

function basicCredentials(header: string | undefined): Readonly<Record<string, string>> {
  const encoded = /^Basic (\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return {};
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 2);
  try {
    return { client_id: decodeURIComponent(id), client_secret: decodeURIComponent(secret) };
  } catch {
    return {};
  }
}
