import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { portOf } from '../unit/auth0/loopback-server.js';

/** A tenant some of whose lists never end. */
export interface EndlessTenant {
  origin: string;
  close(): Promise<void>;
}

/** What it answers for a list; undefined: an empty list. */
export type ListAnswer = (query: URLSearchParams, asked: number) => unknown;

/** Starts the tenant on loopback. `exportLine`: a file that repeats this line for ever, which pages send everybody to. */
export async function startEndlessTenant(
  lists: { users?: ListAnswer; clients?: ListAnswer; logs?: ListAnswer },
  exportLine?: string,
): Promise<EndlessTenant> {
  let asked = 0;
  const answer = async ({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const json = (body: unknown, status = 200): void => void response.writeHead(status).end(JSON.stringify(body));
    switch (pathname) {
      case '/oauth/token':
        return json({ access_token: 't', token_type: 'Bearer' });
      case '/api/v2/users':
        return json(lists.users?.(searchParams, asked++) ?? { users: [], total: 0 });
      case '/api/v2/clients':
        return json(lists.clients?.(searchParams, asked++) ?? { clients: [], total: 0 });
      case '/api/v2/logs':
        return json(lists.logs?.(searchParams, asked++) ?? []);
      case '/api/v2/jobs/users-exports':
        return exportLine === undefined ? json({ statusCode: 403 }, 403) : json({ id: 'job_1', status: 'pending' });
      case '/api/v2/jobs/job_1':
        return json({ id: 'job_1', status: 'completed', location: '/file' });
      case '/file': {
        const closed = once(response, 'close');
        const piece = `${exportLine}\n`.repeat(1_000);
        response.writeHead(200);
        while (!response.closed) if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
        return;
      }
      default:
        json({ statusCode: 404 }, 404);
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${portOf(server.address())}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
