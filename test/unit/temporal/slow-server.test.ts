import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { Connection } from '@temporalio/client';
import { afterEach, expect, it } from 'vitest';
import { describeFailure } from '../../../src/commands/failure.js';
import { serverTrouble, untilAnswered } from '../../../src/temporal/slow-server.js';

/** A gRPC server that answers each call in turn with one of these codes; null: never. The last one repeats. */
let server: Http2Server | undefined;
let connection: Connection | undefined;
let calls = 0;

afterEach(async () => {
  await connection?.close();
  server?.close();
  calls = 0;
});

async function connectTo(
  codes: readonly (number | null)[],
  patience = { tryMs: 300, allMs: 10_000 },
): Promise<Connection> {
  server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    const code = codes[Math.min(calls++, codes.length - 1)] ?? null;
    stream.on('error', () => {});
    if (code === null) return;
    if (code > 0) {
      const head = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code) };
      return stream.respond({ ...head, 'grpc-message': 'context deadline exceeded' }, { endStream: true });
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server does not listen on TCP');
  connection = Connection.lazy({ address: `127.0.0.1:${bound.port}`, interceptors: [untilAnswered(patience)] });
  return connection;
}

const describeOn = (to: Connection) => to.workflowService.describeNamespace({ namespace: 'x' });

it.each<[string, (number | null)[]]>([
  ['is out of time', [4, 4, 0]],
  ['does not answer in time', [null, 0]],
  ['refuses for now', [8, 0]],
  ['is away', [14, 14, 0]],
])('asks again a server that %s', async (_, codes) => {
  const to = await connectTo(codes);
  await expect(describeOn(to)).resolves.toBeDefined();
  expect(calls).toBe(codes.length);
});

it.each([4, 8, 14])('gives up at last, and says what it is: no bug (code %i)', async (code) => {
  const to = await connectTo([code], { tryMs: 200, allMs: 300 });
  const error: unknown = await describeOn(to).catch((reason: unknown) => reason);
  expect(serverTrouble(error)?.kind).toBe('TemporalUnavailable');
  const { message, exitCode } = describeFailure(error);
  expect(message).toContain('TEMPORAL_ADDRESS');
  expect(message).not.toContain('bug');
  expect(exitCode).toBe(1);
});

it('asks once where the answer is one, and as long as the caller has said', async () => {
  const to = await connectTo([5]);
  await expect(describeOn(to)).rejects.toMatchObject({ code: 5 });
  expect(calls).toBe(1);
  expect(serverTrouble(new Error('other'))).toBeUndefined();
  await expect(to.withDeadline(Date.now() - 1, () => describeOn(to))).rejects.toMatchObject({ code: 4 });
});
