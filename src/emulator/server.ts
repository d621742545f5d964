import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { ApiError, managementError } from './api-error.js';
import type { EmulatorContext } from './context.js';
import type { EmulatorRequest, Reply } from './exchange.js';
import { answerWithFault } from './fault-actions.js';
import { FAULT_ROUTES, type FaultRoute } from './faults.js';
import { isKnownHost } from '../hosts.js';
import { takeToken, type BucketState } from './rate-bucket.js';
import { createRouter, type Route } from './router.js';
import { sendReply } from './send.js';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_ADMIN_BODY_BYTES = 64 * 1024 * 1024;
const IDLE_CONNECTION_MS = 120_000;

/** Makes the HTTP server of an emulated tenant, not listening yet. */
export function createEmulatorServer(context: EmulatorContext): Server {
  const router = createRouter(context.tenant);
  let bucket: BucketState | undefined;

  function handle(route: Route | undefined, request: EmulatorRequest): Reply {
    if (route === undefined) throw managementError(404, 'Not Found');
    if (route.anyScope === undefined) return route.handle(context, request, new Set());
    const limited = passLimit(request.nowMs);
    try {
      const scopes = context.tokens.check(request.headers.authorization, request.nowMs);
      if (!route.anyScope.some((scope) => scopes.has(scope))) {
        const wanted = route.anyScope.join(',');
        throw managementError(403, `Insufficient scope, expected any of: ${wanted}`, 'insufficient_scope');
      }
      const reply = route.handle(context, request, scopes);
      return limited === undefined ? reply : { ...reply, headers: { ...reply.headers, ...limited } };
    } catch (error) {
      if (!(error instanceof ApiError) || limited === undefined) throw error;
      throw new ApiError(error.status, error.body, { ...error.headers, ...limited });
    }
  }

  function passLimit(nowMs: number): Readonly<Record<string, string>> | undefined {
    const { rateLimit } = context.settings;
    if (rateLimit === null) return undefined;
    const verdict = takeToken(rateLimit, bucket, nowMs);
    bucket = verdict.state;
    const headers = {
      'x-ratelimit-limit': String(rateLimit.burst),
      'x-ratelimit-remaining': String(verdict.remaining),
      'x-ratelimit-reset': String(verdict.resetSecond),
    };
    if (verdict.allowed) return headers;
    const refused = managementError(429, 'Global limit has been reached', 'too_many_requests');
    const seconds = String(Math.max(1, verdict.resetSecond - Math.floor(nowMs / 1000)));
    const retry = rateLimit.retryAfter === true ? { 'retry-after': seconds } : {};
    throw new ApiError(refused.status, refused.body, { ...refused.headers, ...headers, ...retry });
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = incoming.method ?? 'GET';
    const [path, search] = splitTarget(incoming.url ?? '/');
    const found = router.find(method, path);
    const isAdmin = found?.route.name === 'admin';
    tellTime(response);
    const name = found?.route.name ?? 'unknown';
    if (!isAdmin) {
      context.stats.requestStarted();
      response.once('close', () => context.stats.requestEnded());
    }
    const body = hasBody(incoming) ? await readBody(incoming, isAdmin ? MAX_ADMIN_BODY_BYTES : MAX_BODY_BYTES) : '';
    const isForeign = !isKnownHost(incoming.headers.host, [context.options.host]);
    // Admin routes ask for no token, so a page in somebody's browser must not be able to call them.
    if (isForeign || (isAdmin && incoming.headers.origin !== undefined)) {
      await sendReply(
        response,
        replyOf(() => {
          throw managementError(403, 'Requests of other hosts and of web pages are refused.');
        }),
      );
      return;
    }
    const carryOut = () =>
      replyOf(() => {
        if (body === undefined) throw managementError(413, 'Payload content length greater than maximum allowed');
        const nowMs = Math.floor(context.options.clock());
        context.tenant.advance(nowMs);
        return handle(found?.route, {
          method,
          path,
          query: new URLSearchParams(search),
          headers: incoming.headers,
          body,
          parameters: found?.parameters ?? [],
          origin: `http://${incoming.headers.host ?? context.options.host}`,
          nowMs,
        });
      });
    const fault = context.faults.next(faultRoute(name));
    if (fault !== undefined) {
      context.stats.faultFired();
      context.stats.answered(name, await answerWithFault(fault, response, carryOut));
      return;
    }
    const reply = carryOut();
    if (!isAdmin) context.stats.answered(name, reply.status);
    await sendReply(response, reply);
  }

  function tellTime(response: ServerResponse): void {
    const { dateAheadMs } = context.settings;
    if (dateAheadMs === null) response.sendDate = false;
    else if (dateAheadMs !== 0)
      response.setHeader('date', new Date(context.options.clock() + dateAheadMs).toUTCString());
  }

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = IDLE_CONNECTION_MS;
  return server;
}

function splitTarget(target: string): [path: string, search: string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

function faultRoute(name: string): FaultRoute | undefined {
  return FAULT_ROUTES.find((route) => route === name);
}

function replyOf(handle: () => Reply): Reply {
  try {
    return handle();
  } catch (error) {
    const refusal = error instanceof ApiError ? error : managementError(500, String(error));
    return { status: refusal.status, headers: refusal.headers, body: Buffer.from(refusal.body) };
  }
}

function hasBody(incoming: IncomingMessage): boolean {
  return incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
}

async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size > maxBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}
