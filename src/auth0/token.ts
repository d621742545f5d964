import * as oidc from 'openid-client';
import { ExtractError } from '../contracts/errors.js';
import { classifyNetworkError, classifyTokenAnswer } from './classify.js';
import { authenticateClient, type ClientAuthentication } from './client-auth.js';
import { isLoopback } from './loopback.js';
import { exchange, type WireAnswer } from './wire.js';

/** Credentials of the machine-to-machine application. */
export interface Credentials {
  /** Origin that issues the tokens, e.g. `https://acme.eu.auth0.com`. */
  origin: string;
  audience: string;
  clientId: string;
  auth: ClientAuthentication;
}

/** A bearer token for the Management API, shared by all callers of the process. */
export interface TokenSource {
  /** The current token; fetches one when there is none or it is about to expire. Throws {@link ExtractError}. */
  get(): Promise<string>;
  /**
   * Forgets this token, if it is still the current one: the API has refused it. `olderThanMs`: only if it was fetched
   * so long ago.
   */
  invalidate(token: string, olderThanMs?: number): void;
  /** Tokens asked for so far. */
  minted(): number;
}

/** A token is not used in its last seconds: the request that carries it must still arrive in time. */
const EXPIRY_MARGIN_MS = 60_000;

interface Token {
  value: string;
  /** ms since 1970; Infinity where the endpoint names no `expires_in` (some mocks): then a 401 ends it. */
  goodUntil: number;
  fetchedAt: number;
}

/**
 * Client credentials grant with an audience, proven by the client secret or a signed assertion. One token until shortly
 * before its `expires_in`; callers that come while it is fetched share that one request. Auth0 counts and logs each
 * token, so it is never fetched per page. Throws {@link ExtractError} for an origin or a key that cannot be used.
 * https://auth0.com/docs/secure/tokens/access-tokens/management-api-access-tokens
 */
export function createTokenSource(
  credentials: Credentials,
  {
    now = Date.now,
    timeoutMs = 30_000,
    onMint = () => {},
  }: { now?: () => number; timeoutMs?: number; onMint?: () => void } = {},
): TokenSource {
  const url = new URL(credentials.origin);
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new ExtractError('Configuration', `${credentials.origin} is plain http and not loopback`);
  const prove = authenticateClient(credentials.auth);
  let configuration: oidc.Configuration | undefined;
  let current: Token | undefined;
  let pending: Promise<Token> | undefined;
  let minted = 0;

  const fetchToken = async (): Promise<Token> => {
    minted++;
    onMint();
    try {
      configuration ??= configure(credentials, await prove(), timeoutMs);
      const answer = await oidc.clientCredentialsGrant(configuration, { audience: credentials.audience });
      const lifeMs = answer.expires_in === undefined ? Infinity : answer.expires_in * 1000;
      // A short-lived token keeps half its life, or each request would fetch a new one.
      return {
        value: answer.access_token,
        fetchedAt: now(),
        goodUntil: now() + Math.max(lifeMs - EXPIRY_MARGIN_MS, lifeMs / 2),
      };
    } catch (error) {
      throw toExtractError(error);
    }
  };

  return {
    async get() {
      if (current && now() < current.goodUntil) return current.value;
      pending ??= fetchToken().finally(() => {
        pending = undefined;
      });
      current = await pending;
      return current.value;
    },
    invalidate(token, olderThanMs = 0) {
      if (current?.value === token && now() - current.fetchedAt >= olderThanMs) current = undefined;
    },
    minted: () => minted,
  };
}

function configure(
  { origin, clientId, auth }: Credentials,
  proof: oidc.ClientAuth,
  timeoutMs: number,
): oidc.Configuration {
  const url = new URL(origin);
  const configuration = new oidc.Configuration(
    { issuer: `${url.origin}/`, token_endpoint: `${url.origin}/oauth/token` },
    clientId,
    undefined,
    proof,
  );
  configuration.timeout = timeoutMs / 1000;
  configuration[oidc.customFetch] = (endpoint, options) => askTokenEndpoint(endpoint, options, { auth, timeoutMs });
  if (url.protocol === 'http:') {
    // eslint-disable-next-line typescript/no-deprecated -- marked deprecated only to stand out; the origin is loopback
    oidc.allowInsecureRequests(configuration);
  }
  return configuration;
}

/** Sends the request itself, so that one place turns the endpoint's answers into errors of the taxonomy. */
async function askTokenEndpoint(
  endpoint: string,
  { method, headers, body, signal }: oidc.CustomFetchOptions,
  { auth, timeoutMs }: { auth: ClientAuthentication; timeoutMs: number },
): Promise<Response> {
  const url = new URL(endpoint);
  let answer: WireAnswer;
  try {
    const form = await new Response(body).text();
    answer = await exchange(url, { method, headers, body: form, signal }, { timeoutMs });
  } catch (error) {
    throw classifyNetworkError(error, url.host);
  }
  const text = new TextDecoder().decode(answer.body);
  if (answer.status !== 200)
    throw classifyTokenAnswer({ ...answer, text: withoutProof(text, auth) }, { method: auth.method });
  return new Response(withTokenType(text), { status: 200, headers: { 'content-type': 'application/json' } });
}

/** Errors are shown and stored, and some gateways repeat in theirs what they were sent: as it is, in JSON or in a form. */
function withoutProof(text: string, auth: ClientAuthentication): string {
  // An assertion is a JWT, which reads the same in each of these forms.
  if (auth.method === 'private_key_jwt') return text.replaceAll(/eyJ[\w-]+(?:\.[\w-]*)*/g, '***');
  const secret = auth.clientSecret;
  const inJson = JSON.stringify(secret).slice(1, -1);
  const inForm = new URLSearchParams({ '': secret }).toString().slice(1);
  let out = text;
  for (const form of [inJson, secret, encodeURIComponent(secret), inForm]) out = out.replaceAll(form, '***');
  return out;
}

/**
 * Some mocks of the token endpoint leave `token_type` out, which openid-client refuses
 * (`"response" body "token_type" property must be a string`); RFC 6749 has it, Auth0 always says Bearer.
 */
function withTokenType(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'access_token' in body && !('token_type' in body)) {
      return JSON.stringify({ ...body, token_type: 'Bearer' });
    }
  } catch {
    // No JSON: openid-client finds that out and says so.
  }
  return text;
}

/** openid-client wraps what a custom fetch throws; its own errors mean a 200 that was no token. */
function toExtractError(error: unknown): ExtractError {
  if (error instanceof ExtractError) return error;
  if (error instanceof Error && error.cause instanceof ExtractError) return error.cause;
  if (error instanceof Error && /TIMEOUT/.test('code' in error ? String(error.code) : ''))
    return new ExtractError('TenantUnreachable', 'The token endpoint did not answer in time');
  const reason = error instanceof Error ? error.message : 'unknown reason';
  // Not retried: it is hardly ever a passing fault, nearly always a host that is no Auth0 tenant.
  return new ExtractError(
    'Configuration',
    `The domain (AUTH0_DOMAIN, or tenants.yaml) answers, but its /oauth/token gives no token (${reason})`,
  );
}
