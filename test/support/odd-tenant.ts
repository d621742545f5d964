import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A log as the tenant serves it. */
export type OddLog = Readonly<Record<string, unknown>>;

/** What GET /logs answers. */
export interface LogsAnswer {
  status?: number;
  logs: readonly OddLog[];
  /** `from` of the Link header. */
  link?: string | undefined;
}

/** A tenant that serves logs in a way of its own. */
export interface OddTenant {
  origin: string;
  /** Queries of GET /logs so far. */
  queries: Record<string, string>[];
  close(): Promise<void>;
}

/** Starts a tenant whose logs a function serves; everything else is as small as can be. */
export async function startOddTenant(
  serve: (query: Record<string, string>) => LogsAnswer | Promise<LogsAnswer>,
  { delayMs = 0, headers = {} }: { delayMs?: number; headers?: Record<string, string> } = {},
): Promise<OddTenant> {
  const queries: Record<string, string>[] = [];
  let origin = '';
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', origin);
    request.resume();
    if (url.pathname === '/oauth/token')
      return send(response, 200, { access_token: 't', token_type: 'Bearer', expires_in: 86_400 });
    if (url.pathname !== '/api/v2/logs') return send(response, 404, { statusCode: 404, message: 'not here' });
    const query = Object.fromEntries(url.searchParams);
    queries.push(query);
    void answer(response, query);
  });
  const answer = async (response: ServerResponse, query: Record<string, string>): Promise<void> => {
    const { status = 200, logs, link } = await serve(query);
    const linkHeader = link === undefined ? {} : { link: `<${origin}/api/v2/logs?from=${link}&take=100>; rel="next"` };
    const body = status === 200 ? logs : { statusCode: status, error: 'Bad Request', message: 'Invalid from' };
    await delay(delayMs);
    send(response, status, body, { ...linkHeader, ...headers });
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${addressOf(server.address()).port}`;
  return {
    origin,
    queries,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address;
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A tenant's way of serving logs that it keeps in the order of intake: a search, or pages behind a position. */
export function servedFrom(
  logs: readonly OddLog[],
  page: (first: number, take: number, from: string) => Pick<LogsAnswer, 'logs' | 'link'>,
): (query: Record<string, string>) => LogsAnswer {
  const at = new Map(logs.map(({ log_id: id }, n) => [id, n]));
  return (query) => {
    const { from, take, per_page: perPage } = query;
    if (from === undefined) {
      const sorted = query['sort'] === 'date:-1' ? logs.toReversed() : logs;
      return { logs: sorted.slice(0, Number(perPage)) };
    }
    // A position that is made up lies among decimal ids by its number.
    const known =
      at.get(from) ?? logs.findLastIndex(({ log_id: id }) => String(id).length === from.length && String(id) < from);
    return page(known + 1, Number(take), from);
  };
}
