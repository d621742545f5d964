import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';

/** The request's body cannot be taken; `status` is the HTTP status to answer with. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const DECODERS = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/**
 * Reads a request's body and undoes its Content-Encoding.
 * @throws BodyError 413 when it is larger than `limit` bytes, packed or unpacked; 415 for an unknown encoding; 400
 * when it is cut off or corrupt.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const packed = await collect(request, limit);
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '' || packed.length === 0) return packed;
  const decode = DECODERS.get(encoding);
  if (decode === undefined) {
    throw new BodyError(415, `Content-Encoding ${encoding} is not supported; use gzip, deflate, br or none`);
  }
  try {
    return await decode(packed, { maxOutputLength: limit });
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw new BodyError(400, `the request body is not valid ${encoding}`);
  }
}

async function collect(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // What comes beyond the limit is read and thrown away: closing the connection at once would reset it, and the
    // client would see that instead of the answer.
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.once('end', () => {
      const [only] = chunks;
      if (size > limit) reject(tooLarge(limit));
      else resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
    });
    request.once('error', reject);
    request.once('close', () => reject(new BodyError(400, 'the request ended before its body was complete')));
  });
}

function tooLarge(limit: number): BodyError {
  const mib = Math.floor(limit / 1024 / 1024);
  return new BodyError(413, `the request body is larger than ${mib} MiB; send fewer rows per insert`);
}
