import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { classifyAnswer, classifyNetworkError, classifyTokenAnswer } from '../../../src/auth0/classify.js';
import { exchange } from '../../../src/auth0/wire.js';
import { type ErrorKind, ExtractError } from '../../../src/contracts/errors.js';
import { portOf } from './loopback-server.js';

const api = (statusCode: number, error: string, message: string, errorCode?: string): string =>
  JSON.stringify({ statusCode, error, message, ...(errorCode !== undefined && { errorCode }) });
const oauth = (error: string, description: string): string => JSON.stringify({ error, error_description: description });

const HTML = '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>';
const WALL =
  'You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation';
const LOG_WALL =
  'Requesting page 11 exceeds the allowed maximum of 1000 records: please consider searching by checkpoint https://auth0.com/docs/logs/retrieve-log-events-using-mgmt-api#retrieve-logs-by-checkpoint';
const TAKE = "Query validation error: 'Value 1000 is greater than maximum 100' on property take (Number of results).";

describe('Management API', () => {
  it.each<[number, string, ErrorKind, string | undefined, string?]>([
    [400, api(400, 'Bad Request', WALL, 'invalid_paging'), 'PagingLimit', 'invalid_paging'],
    [400, api(400, 'Bad Request', WALL), 'PagingLimit', undefined],
    [400, api(400, 'Bad Request', LOG_WALL), 'PagingLimit', undefined],
    [400, api(400, 'Bad Request', 'Other words', 'invalid_paging'), 'PagingLimit', 'invalid_paging'],
    [400, api(400, 'Bad Request', TAKE, 'invalid_query_string'), 'InvalidRequest', 'invalid_query_string'],
    [400, api(400, 'Bad Request', 'The connection does not exist.'), 'InvalidRequest', undefined],
    [400, '', 'InvalidRequest', undefined],
    [401, api(401, 'Unauthorized', 'Invalid token.'), 'TokenRejected', undefined],
    [401, api(401, 'Unauthorized', 'Client is not global.'), 'TokenRejected', undefined],
    [
      401,
      '{"statusCode":401,"error":"Unauthorized","message":"Expired token received for JSON Web Token validation","attributes":{"error":"Expired token received for JSON Web Token validation"}}',
      'TokenRejected',
      undefined,
    ],
    [
      403,
      api(403, 'Forbidden', 'Insufficient scope, expected any of: read:logs,read:logs_users', 'insufficient_scope'),
      'InsufficientScope',
      'insufficient_scope',
      'read:logs,read:logs_users',
    ],
    [
      403,
      api(403, 'Forbidden', 'Insufficient scope; expected any of: read:users.', 'insufficient_scope'),
      'InsufficientScope',
      'insufficient_scope',
    ],
    [
      403,
      api(403, 'Forbidden', 'Please upgrade your subscription to enable Supplemental Signals', 'insufficient_scope'),
      'NotInPlan',
      'insufficient_scope',
      'Please upgrade',
    ],
    [403, HTML, 'InsufficientScope', undefined],
    [404, api(404, 'Not Found', 'Job not found.'), 'InvalidRequest', undefined, 'Job not found.'],
    [408, '', 'TenantUnavailable', undefined],
    [414, '<html><h1>414 Request-URI Too Large</h1></html>', 'InvalidRequest', undefined],
    [
      429,
      api(429, 'Too Many Requests', 'Global limit has been reached', 'too_many_requests'),
      'RateLimited',
      'too_many_requests',
      'Global limit has been reached',
    ],
    [
      429,
      api(429, 'Too Many Requests', 'Too many requests. Check the X-RateLimit-Limit headers.'),
      'RateLimited',
      undefined,
    ],
    [500, api(500, 'Internal Server Error', 'An internal server error occurred'), 'TenantUnavailable', undefined],
    [502, HTML, 'TenantUnavailable', undefined],
    [503, api(503, 'Service Unavailable', 'The query exceeded the timeout'), 'TenantUnavailable', undefined],
    [504, '', 'TenantUnavailable', undefined],
    [301, '', 'UnreadableAnswer', undefined, 'redirect'],
    [302, HTML, 'UnreadableAnswer', undefined, 'redirect'],
    [307, '', 'UnreadableAnswer', undefined, 'redirect'],
    [202, '{}', 'UnreadableAnswer', undefined, 'HTTP 202'],
    [204, '', 'UnreadableAnswer', undefined, 'HTTP 204'],
    [400, 'null', 'InvalidRequest', undefined],
    [400, '["message"]', 'InvalidRequest', undefined],
    [400, '{"statusCode":400,"error":"Bad Request","message":{"a":1},"errorCode":5}', 'InvalidRequest', undefined],
  ])('%i %s', (status, text, kind, code, says = '') => {
    const error = classifyAnswer({ status, headers: new Headers(), text });
    expect(error.kind).toBe(kind);
    expect(error.context).toEqual({ status, ...(code !== undefined && { code }) });
    expect(error.message).toContain(says);
    expect(error.message).not.toContain('<');
    expect(error.retryAfterMs).toBeUndefined();
  });

  it.each<[string, string | undefined, ErrorKind]>([
    ['The log_id in parameter from has expired: it is older than the log retention period', undefined, 'CursorExpired'],
    ['The log event is no longer available', 'invalid_query_string', 'CursorExpired'],
    ['log_id not found', undefined, 'CursorExpired'],
    ['Invalid log_id in parameter from: x', 'invalid_query_string', 'InvalidRequest'],
    [
      "Query validation error: 'String does not match pattern' on property from",
      'invalid_query_string',
      'InvalidRequest',
    ],
    [TAKE, 'invalid_query_string', 'InvalidRequest'],
  ])('with a log cursor: %s', (message, code, kind) => {
    const answer = { status: 400, headers: new Headers(), text: api(400, 'Bad Request', message, code) };
    expect(classifyAnswer(answer, { logsCheckpoint: true }).kind).toBe(kind);
    expect(classifyAnswer(answer).kind).toBe('InvalidRequest');
    expect(classifyAnswer({ ...answer, status: 404 }, { logsCheckpoint: true }).kind).toBe('InvalidRequest');
  });

  it('waits as it is told to, where waiting helps', () => {
    const headers = new Headers({ 'x-ratelimit-reset': '1767323054', 'x-ratelimit-remaining': '0' });
    const options = { now: 1_767_323_045_000 };
    for (const status of [429, 503, 408])
      expect(classifyAnswer({ status, headers, text: '' }, options).retryAfterMs).toBe(9_000);
    for (const status of [400, 401, 403, 204])
      expect(classifyAnswer({ status, headers, text: '' }, options).retryAfterMs).toBeUndefined();
  });

  it('passes on no more than a piece of a foreign text', () => {
    const { message, context } = classifyAnswer({
      status: 400,
      headers: new Headers(),
      text: api(400, 'Bad Request', 'm'.repeat(100_000), 'c'.repeat(100_000)),
    });
    expect(message.length).toBeLessThan(400);
    expect(context.code?.length).toBeLessThan(400);
  });
});

describe('token endpoint', () => {
  it.each<[number, string, ErrorKind, string | undefined]>([
    [401, oauth('access_denied', 'Unauthorized'), 'CredentialsRejected', 'access_denied'],
    [401, oauth('invalid_client', 'Client authentication failed'), 'CredentialsRejected', 'invalid_client'],
    [
      403,
      oauth(
        'access_denied',
        'Client is not authorized to access "https://acme.auth0.com/api/v2/". You need to create a "client-grant" associated to this API.',
      ),
      'AudienceRejected',
      'access_denied',
    ],
    [
      403,
      oauth('access_denied', 'Service not enabled within domain: https://login.acme.com/api/v2/'),
      'AudienceRejected',
      'access_denied',
    ],
    [
      400,
      oauth('access_denied', 'Service not enabled within domain: https://login.acme.com/api/v2/'),
      'AudienceRejected',
      'access_denied',
    ],
    [
      403,
      oauth('unauthorized_client', "Grant type 'client_credentials' not allowed for the client."),
      'CredentialsRejected',
      'unauthorized_client',
    ],
    [
      400,
      oauth('unauthorized_client', "Grant type 'client_credentials' not allowed for the client."),
      'CredentialsRejected',
      'unauthorized_client',
    ],
    [400, oauth('invalid_request', 'Missing required parameter: client_id'), 'CredentialsRejected', 'invalid_request'],
    [429, oauth('too_many_requests', 'Client quota exceeded'), 'RateLimited', 'too_many_requests'],
    [404, HTML, 'Configuration', undefined],
    [302, '', 'Configuration', undefined],
    [204, '', 'Configuration', undefined],
    [502, HTML, 'TenantUnavailable', undefined],
    [500, oauth('server_error', 'x'), 'TenantUnavailable', 'server_error'],
    [408, '', 'TenantUnavailable', undefined],
    [401, api(401, 'Unauthorized', 'Unauthorized'), 'CredentialsRejected', undefined],
  ])('%i %s', (status, text, kind, code) => {
    const error = classifyTokenAnswer({ status, headers: new Headers(), text });
    expect(error.kind).toBe(kind);
    expect(error.context).toEqual({ status, ...(code !== undefined && { code }) });
    expect(error.message).not.toContain('<');
  });

  it('waits as a quota tells it to', () => {
    const answer = { status: 429, headers: new Headers({ 'retry-after': '3540' }), text: '' };
    expect(classifyTokenAnswer(answer).retryAfterMs).toBe(900_000);
    expect(classifyTokenAnswer({ ...answer, headers: new Headers({ 'retry-after': '7' }) }).retryAfterMs).toBe(7_000);
  });
});

describe('network', () => {
  async function thrownBy(url: string, timeoutMs = 10_000): Promise<unknown> {
    try {
      await exchange(new URL(url), {}, { timeoutMs });
    } catch (error) {
      return error;
    }
    throw new Error('did not throw');
  }

  /** Answers one connection in its own way, then is gone. */
  async function withTcp(answer: string | null, use: (origin: string) => Promise<unknown>): Promise<unknown> {
    const server = createTcpServer((socket) => {
      socket.once('data', () => {
        if (answer === null) socket.resetAndDestroy();
        else socket.end(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      return await use(`http://127.0.0.1:${portOf(server.address())}/`);
    } finally {
      server.close();
    }
  }

  it('names a refused connection', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = portOf(server.address());
    await new Promise((resolve) => server.close(resolve));
    for (const host of ['127.0.0.1', 'localhost']) {
      const error = classifyNetworkError(await thrownBy(`http://${host}:${port}/`), host);
      expect(error).toMatchObject({
        kind: 'TenantUnreachable',
        message: `${host}: the connection was refused`,
        context: { code: 'ECONNREFUSED' },
      });
    }
  });

  it('names a connection that was reset', async () => {
    const error = classifyNetworkError(await withTcp(null, (url) => thrownBy(url)), 'h');
    expect(error).toMatchObject({ kind: 'TenantUnreachable', context: { code: 'ECONNRESET' } });
    expect(error.message).toBe('h: the connection was reset');
  });

  it('names an answer that was cut off', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{"a":';
    const error = classifyNetworkError(await withTcp(half, (url) => thrownBy(url)), 'h');
    expect(error).toMatchObject({ kind: 'TenantUnreachable', context: { code: 'ECONNRESET' } });
    expect(error.message).toBe('h: the connection was closed in the middle of the answer');
  });

  it('names an answer that takes too long', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${portOf(server.address())}/`;
    const error = classifyNetworkError(await thrownBy(url, 30), 'h');
    server.closeAllConnections();
    server.close();
    expect(error).toMatchObject({ message: 'h: no answer in time', context: { code: 'TimeoutError' } });
  });

  it.each<[unknown, string, string | undefined]>([
    [
      Object.assign(new Error('getaddrinfo ENOTFOUND h'), { code: 'ENOTFOUND' }),
      'the host name does not exist',
      'ENOTFOUND',
    ],
    [
      new AggregateError([Object.assign(new Error('x'), { code: 'EHOSTUNREACH' })]),
      'the host cannot be reached',
      'EHOSTUNREACH',
    ],
    [Object.assign(new Error('x'), { code: 'EPROTO' }), 'EPROTO', 'EPROTO'],
    [new Error('some text with data'), 'the connection failed', undefined],
    ['thrown text', 'the connection failed', undefined],
    [undefined, 'the connection failed', undefined],
  ])('reads the code behind %s', (thrown, reason, code) => {
    const error = classifyNetworkError(thrown, 'h');
    expect(error.message).toBe(`h: ${reason}`);
    expect(error.context).toEqual(code === undefined ? {} : { code });
  });

  it('leaves errors of ours alone', () => {
    const known = new ExtractError('UnreadableAnswer', 'm');
    expect(classifyNetworkError(known, 'h')).toBe(known);
  });
});
