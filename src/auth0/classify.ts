import { ExtractError } from '../contracts/errors.js';
import { isRecord } from '../json/page.js';
import { withoutSecrets } from '../json/redact.js';
import { onOneLine } from '../printable.js';
import { ProxyError } from '../outbound-proxy.js';
import type { ClientAuthentication } from './client-auth.js';
import { retryAfterMs } from './retry-timing.js';

/** An answer that was no success. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** What a Management API or token endpoint error body says; both shapes. */
interface ErrorBody {
  message: string | undefined;
  code: string | undefined;
}

/** Longest piece of a foreign message that is passed on, and of one that is looked at. */
const MESSAGE_LIMIT = 300;
const SEARCHED = 4_000;
const CODE_LIMIT = 80;

/**
 * Turns a Management API answer into an error of the taxonomy. Codes decide, texts only where there is no code: the
 * texts change (`expected any of: a,b` and `a;b` are both seen). `logsCheckpoint`: the request was GET /logs with
 * `from`, where a 400 can mean that the cursor is older than the tenant keeps. `secrets`: what the request carried, which
 * an answer may repeat.
 */
export function classifyAnswer(
  answer: Answer,
  options: { logsCheckpoint?: boolean; now?: number; secrets?: readonly string[] } = {},
): ExtractError {
  const { status, headers } = answer;
  const { message, code } = readErrorBody(answer.text, options.secrets);
  const context = { status, ...(code !== undefined && { code }) };
  const said = message === undefined ? '' : `: ${message}`;
  const wait = retryAfterMs(headers, options.now ?? Date.now());
  const timing = wait === undefined ? {} : { retryAfterMs: wait };

  if (status === 429) return new ExtractError('RateLimited', `The tenant's rate limit was hit${said}`, context, timing);
  if (status >= 500 || status === 408)
    return new ExtractError('TenantUnavailable', `The tenant answered HTTP ${status}${said}`, context, timing);
  if (status === 401) return new ExtractError('TokenRejected', `The tenant refused the token${said}`, context);
  if (status === 403) {
    // The same code, insufficient_scope, is used for what the subscription does not include.
    if (/upgrade|subscription|not (be )?available|not enabled/i.test(message ?? ''))
      return new ExtractError('NotInPlan', `The tenant does not offer this endpoint${said}`, context);
    return new ExtractError('InsufficientScope', `The application may not read this${said}`, context);
  }
  if (status === 400 && (code === 'invalid_paging' || /1,?000 records|first 1000/i.test(message ?? '')))
    return new ExtractError('PagingLimit', `The query matches more than can be paged${said}`, context);
  if (status === 400 && options.logsCheckpoint && isExpiredCursor(message))
    return new ExtractError('CursorExpired', `The tenant no longer knows the cursor${said}`, context);
  if (status >= 300 && status < 400)
    return new ExtractError(
      'UnreadableAnswer',
      `The tenant answered with a redirect (HTTP ${status}), which is not followed`,
      context,
    );
  if (status < 300)
    return new ExtractError('UnreadableAnswer', `The tenant answered HTTP ${status} where a page was due`, context);
  return new ExtractError('InvalidRequest', `The tenant refused the request with HTTP ${status}${said}`, context);
}

/** Words of a 400 that speak of the cursor's age, against those of a malformed one or of another parameter. */
function isExpiredCursor(message: string | undefined): boolean {
  return /expired|no longer (available|exists?)|retention|older than|not found/i.test(message ?? '');
}

/** Turns the token endpoint's refusal into an error of the taxonomy: its shape is OAuth's, not the API's. */
export function classifyTokenAnswer(
  { status, headers, text }: Answer,
  {
    now = Date.now(),
    method = 'client_secret',
    secrets = [],
  }: { now?: number; method?: ClientAuthentication['method']; secrets?: readonly string[] } = {},
): ExtractError {
  const { message, code } = readErrorBody(text, secrets);
  const context = { status, ...(code !== undefined && { code }) };
  const said = message === undefined ? '' : `: ${message}`;
  const wait = retryAfterMs(headers, now);
  const timing = wait === undefined ? {} : { retryAfterMs: wait };
  if (status === 429) return new ExtractError('RateLimited', `The token quota was hit${said}`, context, timing);
  if (status >= 500 || status === 408)
    return new ExtractError('TenantUnavailable', `The token endpoint answered HTTP ${status}${said}`, context, timing);
  // The words about a refused assertion can speak of its own audience.
  if (method === 'private_key_jwt' && (status === 401 || code === 'invalid_client' || /assertion/i.test(message ?? '')))
    return new ExtractError(
      'CredentialsRejected',
      `The tenant refused the client id or the assertion that the private key signed${said}`,
      context,
    );
  // A bad secret is 401 access_denied "Unauthorized" in practice and invalid_client in the published description;
  // 403 access_denied says that the application has no grant for the audience.
  if (/audience|client-grant|not authorized to access|service not enabled/i.test(message ?? '') || status === 403) {
    const grant =
      code === 'unauthorized_client'
        ? 'The application may not use the client credentials grant'
        : 'The tenant refused the audience';
    return new ExtractError(
      code === 'unauthorized_client' ? 'CredentialsRejected' : 'AudienceRejected',
      `${grant}${said}`,
      context,
    );
  }
  if (status === 401 || code === 'invalid_client' || code === 'access_denied' || code === 'unauthorized_client')
    return new ExtractError('CredentialsRejected', `The tenant refused the client id or secret${said}`, context);
  if (status === 404 || status < 400)
    return new ExtractError(
      'Configuration',
      `There is no token endpoint (HTTP ${status}) at the domain (AUTH0_DOMAIN, or tenants.yaml)`,
      context,
    );
  return new ExtractError('CredentialsRejected', `The token endpoint answered HTTP ${status}${said}`, context);
}

/** Turns an error of a connection into one of the taxonomy. */
export function classifyNetworkError(error: unknown, host: string): ExtractError {
  if (error instanceof ExtractError) return error;
  if (error instanceof ProxyError)
    return new ExtractError('TenantUnreachable', `${host}: ${error.message} (HTTPS_PROXY, NO_PROXY)`, {
      code: error.code,
    });
  const code = networkCode(error);
  const reason = isCutOff(error) ? CUT_OFF : (NETWORK_REASONS[code] ?? code);
  return new ExtractError('TenantUnreachable', `${host}: ${reason}`, code === 'unknown' ? {} : { code });
}

const CUT_OFF = 'the connection was closed in the middle of the answer';
const NETWORK_REASONS: Record<string, string> = {
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name could not be looked up',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the connection timed out',
  TimeoutError: 'no answer in time',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  unknown: 'the connection failed',
};

/** Where a host has several addresses, all were tried: the first one's error tells. */
function networkCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError && error.errors.length > 0) return networkCode(error.errors[0]);
  return error.name === 'TimeoutError' ? error.name : 'unknown';
}

/** By its message only: the code is that of a connection that was reset before there was an answer. */
function isCutOff(error: unknown): boolean {
  return error instanceof Error && error.message === 'aborted';
}

/** What the tenant says: a bounded piece of its message, without secrets and control characters, and its code. */
function readErrorBody(text: string, secrets: readonly string[] = []): ErrorBody {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { message: undefined, code: undefined };
  }
  if (!isRecord(body)) return { message: undefined, code: undefined };
  const { message, errorCode, error, error_description: description } = body;
  const isApiShape = 'statusCode' in body || typeof errorCode === 'string';
  const textOf = (value: unknown): string | undefined => {
    if (typeof value !== 'string' || value === '') return undefined;
    return (
      onOneLine(withoutSecrets(value.slice(0, SEARCHED), secrets))
        .slice(0, MESSAGE_LIMIT)
        .trim() || undefined
    );
  };
  const code = textOf(errorCode) ?? (isApiShape ? undefined : textOf(error));
  return {
    message: textOf(message) ?? textOf(description) ?? textOf(error),
    code: code?.replaceAll(/[^\w.:*-]+/g, '_').slice(0, CODE_LIMIT),
  };
}
