import { ExtractError } from '../contracts/errors.js';
import { type Meter, NO_METER } from '../observability/meter.js';
import { decodeBody } from './body.js';
import { classifyAnswer, classifyNetworkError } from './classify.js';
import type { Pacer } from './pacer.js';
import type { TokenSource } from './token.js';

/** A request to the Management API. */
export interface ApiRequest {
  method?: 'GET' | 'POST';
  /** Path without the origin, e.g. `/api/v2/logs`. */
  path: string;
  query?: Readonly<Record<string, string>>;
  /** Body of a POST, sent as JSON. */
  body?: unknown;
}

/** A successful answer. */
export interface ApiAnswer {
  headers: Headers;
  /** The body, decoded from UTF-8; a byte order mark is left out. */
  text: string;
  /** When the request was sent, ms since 1970. */
  sentAt: number;
  /** The tenant's own time at the answer, ms since 1970; ours where it does not say. */
  serverTime: number;
}

/** The Management API of one tenant. */
export interface ManagementApi {
  readonly origin: string;
  /** Longest wait for an answer, ms. */
  readonly timeoutMs: number;
  /**
   * Sends a request with the bearer token; a 401 is answered once with a fresh one. Throws {@link ExtractError}, and
   * the signal's reason when it is aborted.
   */
  send(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  /** Requests sent so far, those for tokens left out. */
  requests(): number;
}

/** A token that lacks a scope is given up after this, ms: not sooner, since each new one is counted and logged. */
const SCOPES_AGE_MS = 5 * 60_000;

/** A page of 100 logs is about 150 kB; what is far beyond is no page, and must not fill the memory. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Creates the client of one tenant's Management API. No retries of its own: those are Temporal's, where they can be
 * seen. Redirects are not followed, so that the token never travels to another host.
 */
export function createManagementApi(options: {
  origin: string;
  tokens: TokenSource;
  pacer: Pacer;
  timeoutMs: number;
  userAgent: string;
  /** Told of every request, under this tenant's name. */
  tenant?: string;
  meter?: Pick<Meter, 'request'>;
}): ManagementApi {
  const { origin, tokens, pacer, timeoutMs, userAgent, tenant = '', meter = NO_METER } = options;
  const { host } = new URL(origin);
  let requests = 0;

  const sendOnce = async (request: ApiRequest, token: string, signal: AbortSignal | undefined) => {
    const url = new URL(request.path, origin);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const askedAt = performance.now();
    await pacer.acquire(signal);
    const grantedAt = performance.now();
    const timeout = AbortSignal.timeout(timeoutMs);
    const sentAt = Date.now();
    requests++;
    let status: number | null = null;
    try {
      const response = await fetch(url, {
        method: request.method ?? 'GET',
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          'user-agent': userAgent,
          ...(request.body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      });
      ({ status } = response);
      pacer.observe({ status, headers: response.headers, sentAt, receivedAt: Date.now() });
      return { response, text: await readText(response), sentAt };
    } catch (error) {
      signal?.throwIfAborted();
      throw classifyNetworkError(error, host);
    } finally {
      meter.request({
        tenant,
        path: request.path,
        status,
        waitedSeconds: (grantedAt - askedAt) / 1000,
        tookSeconds: (performance.now() - grantedAt) / 1000,
      });
    }
  };

  return {
    origin,
    timeoutMs,
    async send(request, signal) {
      let token = await tokens.get();
      let answer = await sendOnce(request, token, signal);
      if (answer.response.status === 401) {
        tokens.invalidate(token);
        token = await tokens.get();
        answer = await sendOnce(request, token, signal);
      }
      const { response, text, sentAt } = answer;
      const { status, headers } = response;
      if (status !== 200 && status !== 201) {
        const logsCheckpoint = request.path === '/api/v2/logs' && request.query?.['from'] !== undefined;
        // A token keeps the scopes that it was given: one that was granted meanwhile comes with the next.
        if (status === 403) tokens.invalidate(token, SCOPES_AGE_MS);
        throw classifyAnswer({ status, headers, text }, { logsCheckpoint });
      }
      const date = Date.parse(headers.get('date') ?? '');
      return { headers, text, sentAt, serverTime: Number.isFinite(date) ? date : sentAt };
    },
    requests: () => requests,
  };
}

/** Reads a body up to the cap. Throws ExtractError when it is larger, or no UTF-8. */
async function readText(response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES)
      throw new ExtractError('UnreadableAnswer', `The answer is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`, {
        status: response.status,
      });
    chunks.push(chunk);
  }
  const text = decodeBody(Buffer.concat(chunks));
  if (text === undefined)
    throw new ExtractError('UnreadableAnswer', 'The answer is not valid UTF-8', { status: response.status });
  return text;
}
