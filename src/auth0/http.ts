import { ExtractError } from '../contracts/errors.js';
import { type Meter, NO_METER } from '../observability/meter.js';
import { decodeBody } from './body.js';
import { classifyAnswer, classifyNetworkError } from './classify.js';
import type { Pacer } from './pacer.js';
import type { TokenSource } from './token.js';
import { type AnswerHead, type BodyOptions, exchange } from './wire.js';

/** A request to the Management API, and how its answer is read. */
export interface ApiRequest extends BodyOptions {
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
   * Sends a request with the bearer token; a 401 or 403 is answered once with a fresh one, since a token keeps the
   * scopes that it was given. Throws {@link ExtractError}, and the signal's reason when it is aborted.
   */
  send(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  /** Requests sent so far, those for tokens left out. */
  requests(): number;
}

/**
 * Creates the client of one tenant's Management API. No retries of its own but on a stale connection: the others are
 * Temporal's, where they can be seen. Redirects are not followed, so that the token never travels to another host.
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
    const sentAt = Date.now();
    requests++;
    let status: number | null = null;
    const onHead = (head: AnswerHead): void => {
      ({ status } = head);
      pacer.observe({ ...head, sentAt, receivedAt: Date.now() });
    };
    try {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'user-agent': userAgent,
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
      };
      const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) };
      const { method = 'GET', maxBytes, skim } = request;
      const reading = { ...(maxBytes !== undefined && { maxBytes }), ...(skim !== undefined && { skim }) };
      const answer = await exchange(url, { method, headers, ...body, signal }, { timeoutMs, onHead, ...reading });
      const text = decodeBody(answer.body);
      if (text === undefined)
        throw new ExtractError('UnreadableAnswer', 'The answer is not valid UTF-8', { status: answer.status });
      return { status: answer.status, headers: answer.headers, text, sentAt };
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
      if (answer.status === 401 || answer.status === 403) {
        tokens.invalidate(token);
        token = await tokens.get();
        answer = await sendOnce(request, token, signal);
      }
      const { status, headers, text, sentAt } = answer;
      if (status !== 200 && status !== 201) {
        const logsCheckpoint = request.path === '/api/v2/logs' && request.query?.['from'] !== undefined;
        throw classifyAnswer({ status, headers, text }, { logsCheckpoint, secrets: [token] });
      }
      const date = Date.parse(headers.get('date') ?? '');
      return { headers, text, sentAt, serverTime: Number.isFinite(date) ? date : sentAt };
    },
    requests: () => requests,
  };
}
