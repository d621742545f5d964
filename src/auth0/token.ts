import { isDeepStrictEqual } from 'node:util';
import * as oidc from 'openid-client';
import { z } from 'zod';
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
  /** Forgets this token, if it is still the current one: the API has refused it. */
  invalidate(token: string): void;
  /** Tokens asked for so far. */
  minted(): number;
}

/** A token is not used in its last seconds: the request that carries it must still arrive in time. */
const EXPIRY_MARGIN_MS = 60_000;

interface Token {
  value: string;
  /** ms since 1970; Infinity where the endpoint names no `expires_in` (some mocks): then a 401 ends it. */
  goodUntil: number;
}

/**
 * Client credentials grant with an audience, proven by the client secret or a signed assertion. One token until shortly
 * before its `expires_in`; callers that come while it is fetched share that one request. Auth0 counts and logs each
 * token, so it is never fetched per page. `authNow` is asked before each token how the client proves itself by then: a
 * secret in a file may have been changed. Throws {@link ExtractError} for an origin or a key that cannot be used.
 * https://auth0.com/docs/secure/tokens/access-tokens/management-api-access-tokens
 */
export function createTokenSource(
  credentials: Credentials,
  {
    now = Date.now,
    timeoutMs = 30_000,
    onMint = () => {},
    authNow = () => credentials.auth,
  }: { now?: () => number; timeoutMs?: number; onMint?: () => void; authNow?: () => ClientAuthentication } = {},
): TokenSource {
  const url = new URL(credentials.origin);
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new ExtractError('Configuration', `${credentials.origin} is plain http and not loopback`);
  authenticateClient(credentials.auth);
  let configured: { auth: ClientAuthentication; configuration: oidc.Configuration } | undefined;
  let current: Token | undefined;
  let pending: Promise<Token> | undefined;
  let minted = 0;

  const fetchToken = async (): Promise<Token> => {
    minted++;
    onMint();
    try {
      const auth = authNow();
      if (configured === undefined || !isDeepStrictEqual(configured.auth, auth)) {
        const proof = await authenticateClient(auth)();
        configured = { auth, configuration: configure({ ...credentials, auth }, proof, timeoutMs) };
      }
      const answer = await oidc.clientCredentialsGrant(configured.configuration, { audience: credentials.audience });
      const lifeMs = answer.expires_in === undefined ? Infinity : answer.expires_in * 1000;
      // A short-lived token keeps half its life, or each request would fetch a new one.
      return {
        value: answer.access_token,
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
    invalidate(token) {
      if (current?.value === token) current = undefined;
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
    throw classifyTokenAnswer(
      { ...answer, text },
      // Some gateways repeat in their errors what they were sent; an assertion is told by its form.
      { method: auth.method, secrets: auth.method === 'client_secret' ? [auth.clientSecret] : [] },
    );
  return new Response(plainGrant(text), { status: 200, headers: { 'content-type': 'application/json' } });
}

const grant = z.object({
  access_token: z.string(),
  token_type: z.string().min(1).catch('Bearer'),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
});

/**
 * What of a grant is used, as RFC 6749 has it: openid-client refuses the whole for members that are null, a missing
 * `token_type` or a life of 0, which some gateways and mocks write. A life that tells nothing is none: a 401 ends it.
 */
function plainGrant(text: string): string {
  try {
    const parsed = grant.safeParse(JSON.parse(text));
    if (parsed.success) return JSON.stringify(parsed.data);
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
