import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Transform, type Readable } from 'node:stream';

import type { Reply } from './exchange.js';

const TRUNCATED_STREAM_BYTES = 4096;

/** Sends an answer. Resolves when it is sent, or when the other side has gone. */
export async function sendReply(response: ServerResponse, reply: Reply): Promise<void> {
  if (typeof reply.body === 'function') {
    response.writeHead(reply.status, reply.headers);
    await pipeToEnd(reply.body(), response);
    return;
  }
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(reply.body.length) });
  response.end(reply.body);
}

/**
 * Sends the beginning of an answer, then closes the connection: half of it where `bytes` is undefined, or 4 KiB of a stream.
 * The headers announce the whole. Resolves when the connection is closed.
 */
export async function sendTruncated(response: ServerResponse, reply: Reply, bytes: number | undefined): Promise<void> {
  if (typeof reply.body === 'function') {
    response.writeHead(reply.status, reply.headers);
    const source = reply.body();
    await pipeToEnd(
      source,
      response,
      firstBytes(bytes ?? TRUNCATED_STREAM_BYTES, () => response.destroy()),
    );
    source.destroy();
    return;
  }
  const { body } = reply;
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) });
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.write(body.subarray(0, bytes ?? Math.floor(body.length / 2)), () => response.destroy());
    response.flushHeaders();
  });
}

// A reader that goes away in the middle is its own business, not an error of the emulator.
async function pipeToEnd(source: Readable, response: ServerResponse, filter?: Transform): Promise<void> {
  try {
    await (filter === undefined ? pipeline(source, response) : pipeline(source, filter, response));
  } catch {
    response.destroy();
  }
}

function firstBytes(bytes: number, whenReached: () => void): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      this.push(part);
      // The part must reach the socket before the connection is cut, so the cut waits for the next turn of the event loop.
      if (left === 0) setImmediate(whenReached);
      else done();
    },
  });
}
