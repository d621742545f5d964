import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { portOf } from '../unit/auth0/loopback-server.js';

/** A tenant whose records may be of any size: they are written as they are sent, so that it takes no memory itself. */
export interface LargeTenant {
  origin: string;
  /** Paths with their queries. */
  asked: string[];
  close(): Promise<void>;
}

/** Bytes of filler in each record. */
export interface LargeRecords {
  users?: readonly number[];
  clients?: readonly number[];
  logs?: readonly number[];
  /** A page begins with the log of `from`. */
  inclusive?: boolean;
  /** Users are sent all at once, however many are asked for. */
  unpaged?: boolean;
  /** Lines of the export file instead of those of the users. */
  exportLines?: readonly string[];
}

/** Id of the nth log: it carries the time at which it was given, as Auth0's do. */
export const logIdOf = (n: number): string =>
  `90020260101000000${String(n).padStart(3, '0')}${'0'.repeat(15)}${String(n).padStart(21, '0')}`;

/** Starts the tenant on loopback. */
export async function startLargeTenant(records: LargeRecords): Promise<LargeTenant> {
  const asked: string[] = [];
  const at = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n).toISOString();
  const piece = Buffer.alloc(64 * 1024, 'x');
  const gone = new WeakMap<ServerResponse, Promise<unknown>>();
  const write = async (response: ServerResponse, part: string | number): Promise<void> => {
    for (let left = typeof part === 'string' ? part.length : part; left > 0 && !response.closed;) {
      const chunk = typeof part === 'string' ? Buffer.from(part) : piece.subarray(0, Math.min(left, piece.length));
      left -= chunk.length;
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), gone.get(response)]);
    }
  };
  const sendList = async (
    response: ServerResponse,
    items: readonly (readonly [string, number])[],
    [open, close]: [string, string] = ['[', ']'],
  ): Promise<void> => {
    response.writeHead(200, { 'content-type': 'application/json' });
    await write(response, open);
    for (const [i, [head, bytes]] of items.entries()) {
      await write(response, `${i > 0 ? ',' : ''}${head},"details":{"text":"`);
      await write(response, bytes);
      await write(response, '"}}');
    }
    response.end(close);
  };
  const user = (bytes: number, n: number) =>
    [`{"user_id":"auth0|u${n}","created_at":"${at(n)}","updated_at":"${at(n)}"`, bytes] as const;
  const client = (bytes: number, n: number) => [`{"client_id":"client-${n}","name":"c"`, bytes] as const;
  const log = (bytes: number, n: number) => [`{"date":"${at(n)}","type":"s","log_id":"${logIdOf(n)}"`, bytes] as const;

  const answer = async ({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams: query } = new URL(url, 'http://x');
    asked.push(url);
    gone.set(response, once(response, 'close'));
    const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);
    const offset = number('page', 0) * number('per_page', 50);
    const json = (body: unknown): void => void response.writeHead(200).end(JSON.stringify(body));
    switch (pathname) {
      case '/oauth/token':
        return json({ access_token: 't', token_type: 'Bearer' });
      case '/api/v2/users': {
        const all = (records.users ?? []).map(user);
        const page = records.unpaged ? all : all.slice(offset, offset + number('per_page', 50));
        return sendList(response, page, ['{"users":[', `],"total":${all.length}}`]);
      }
      case '/api/v2/clients': {
        const all = (records.clients ?? []).map(client);
        if (!query.has('take'))
          return sendList(response, all.slice(offset, offset + number('per_page', 50)), [
            '{"clients":[',
            `],"total":${all.length}}`,
          ]);
        const begin = number('from', 0);
        const end = begin + number('take', 50);
        const next = end < all.length ? `,"next":"${end}"` : '';
        return sendList(response, all.slice(begin, end), ['{"clients":[', `]${next}}`]);
      }
      case '/api/v2/logs': {
        const all = (records.logs ?? []).map(log);
        const from = query.get('from');
        if (from === null) return sendList(response, all.slice(offset, offset + number('per_page', 50)));
        const isBehind = (n: number) => logIdOf(n) > from || (records.inclusive === true && logIdOf(n) === from);
        return sendList(response, all.filter((_log, n) => isBehind(n)).slice(0, number('take', 50)));
      }
      case '/api/v2/jobs/users-exports':
        return json({ id: 'job_1', status: 'pending' });
      case '/api/v2/jobs/job_1':
        return json({ id: 'job_1', status: 'completed', location: '/file' });
      case '/file': {
        const lines =
          records.exportLines ??
          (records.users ?? []).map((bytes, n) => `${user(bytes, n)[0]},"x":"${'x'.repeat(bytes)}"}`);
        return void response.writeHead(200).end(gzipSync(`${lines.join('\n')}\n`));
      }
      default:
        response.writeHead(404).end('{}');
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${portOf(server.address())}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
