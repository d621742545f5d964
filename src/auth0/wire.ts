import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress, createGunzip, gunzip } from 'node:zlib';
import { ExtractError } from '../contracts/errors.js';
import { createSkimmer } from '../json/skim.js';
import { agentFor } from '../outbound-proxy.js';

/** A request as it goes out. */
export interface WireRequest {
  /** GET unless it says otherwise. */
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Ends the request, and its answer as long as that is read. */
  signal: AbortSignal;
}

/** Status and headers of an answer. Headers of one name are joined. */
export interface AnswerHead {
  status: number;
  headers: Headers;
}

/** An answer that was read to its end, unpacked. */
export interface WireAnswer extends AnswerHead {
  body: Buffer;
}

/** What a connection may take to be there, TLS included, ms: less than the whole answer, to tell a firewall from a slow tenant. */
const CONNECT_MS = 10_000;

/** What is far beyond any answer must not fill the memory. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** How an answer's body is read. */
export interface BodyOptions {
  /** More bytes than this, packed or unpacked, are an error. */
  maxBytes?: number;
  /** Of a page of any size what is left without values of more bytes than this: see {@link createSkimmer}. */
  skim?: number;
}

/**
 * Sends a request; resolves with its answer once the head is there. Redirects are not followed. Connections are Node's
 * own shared ones: kept alive for as long as the server says and at most 5 s, without keeping the process alive, and as
 * many as there are requests under way. A GET that meets one that the server has closed meanwhile is sent once more, on
 * a fresh one: https://nodejs.org/api/http.html#requestreusedsocket. A proxy of the environment is used (see
 * outbound-proxy.ts). Rejects with Node's error of the connection, or a ProxyError.
 */
export function openAnswer(
  url: URL,
  request: WireRequest,
  { connectMs = CONNECT_MS }: { connectMs?: number } = {},
): Promise<IncomingMessage> {
  const { method = 'GET', body, ...rest } = request;
  const isSecure = url.protocol === 'https:';
  const attempt = (isRepetition: boolean): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { request: start } = isSecure ? https : http;
      const agent = agentFor(url, { fresh: isRepetition }) ?? (isRepetition ? false : undefined);
      const outgoing = start(url, { method, ...rest, agent });
      let isAnswered = false;
      outgoing.once('response', (answer) => {
        isAnswered = true;
        resolve(answer);
      });
      outgoing.on('error', (error) => {
        if (!isAnswered && method === 'GET' && isStale(outgoing, error)) resolve(attempt(true));
        else reject(error);
      });
      boundConnecting(outgoing, isSecure ? 'secureConnect' : 'connect', connectMs);
      outgoing.end(body);
    });
  return attempt(false);
}

/** The server closed a kept connection while the request was on its way: nobody has answered it, nothing is wrong. */
function isStale(outgoing: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function boundConnecting(outgoing: ClientRequest, connected: 'connect' | 'secureConnect', connectMs: number): void {
  outgoing.once('socket', (socket) => {
    if (outgoing.reusedSocket) return;
    const giveUp = (): void => {
      outgoing.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    };
    const timer = setTimeout(giveUp, connectMs);
    const end = (): void => clearTimeout(timer);
    socket.once(connected, end);
    outgoing.once('close', end);
  });
}

/**
 * Sends a request and reads its answer. `timeoutMs` bounds all of it; `onHead` is told of the head before the body is
 * read. Throws ExtractError (AnswerTooLarge, UnreadableAnswer for a body that cannot be unpacked), a TimeoutError, the
 * signal's reason when it is aborted, and Node's errors of the connection.
 */
export async function exchange(
  url: URL,
  request: Omit<WireRequest, 'signal'> & { signal?: AbortSignal | undefined },
  options: BodyOptions & { timeoutMs: number; onHead?: (head: AnswerHead) => void },
): Promise<WireAnswer> {
  const { signal, ...rest } = request;
  const { timeoutMs, onHead = () => {} } = options;
  signal?.throwIfAborted();
  // One controller, timer and listener: AbortSignal.any and AbortSignal.timeout cost more, and signals live long.
  const over = new AbortController();
  const leave = (): void => over.abort(signal?.reason);
  signal?.addEventListener('abort', leave);
  const timer = setTimeout(() => over.abort(new DOMException('no answer in time', 'TimeoutError')), timeoutMs);
  try {
    const headers = { ...rest.headers, 'accept-encoding': 'br, gzip' };
    const answer = await openAnswer(url, { ...rest, headers, signal: over.signal });
    const head = { status: answer.statusCode ?? 0, headers: headersOf(answer) };
    onHead(head);
    const { skim } = options;
    return { ...head, body: skim === undefined ? await readBody(answer, options) : await skimBody(answer, skim) };
  } catch (error) {
    // The connection that was ended for it says something else.
    over.signal.throwIfAborted();
    over.abort();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
  return headers;
}

async function readBody(answer: IncomingMessage, { maxBytes = MAX_BODY_BYTES }: BodyOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const pieces: AsyncIterable<Buffer> = answer;
  for await (const chunk of pieces) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(answer, maxBytes);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks, size);
  const unpack = UNPACKERS.get(answer.headers['content-encoding']?.toLowerCase() ?? '');
  if (unpack === undefined || size === 0) return body;
  try {
    return await unpack(body, { maxOutputLength: maxBytes, chunkSize: 256 * 1024 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(answer, maxBytes);
    throw notUnpacked(answer, code);
  }
}

const UNPACKERS: ReadonlyMap<string, (body: Buffer, options: ZlibBounds) => Promise<Buffer>> = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['br', promisify(brotliDecompress)],
]);

interface ZlibBounds {
  maxOutputLength: number;
  chunkSize: number;
}

async function skimBody(answer: IncomingMessage, longest: number): Promise<Buffer> {
  const coding = answer.headers['content-encoding']?.toLowerCase() ?? '';
  const unpacker = coding === 'br' ? createBrotliDecompress() : /^(x-)?gzip$/.test(coding) ? createGunzip() : undefined;
  // An error of either stream ends the other, so that it reaches whoever reads.
  const pieces: AsyncIterable<Buffer> = unpacker ? pipeline(answer, unpacker, () => {}) : answer;
  const skimmer = createSkimmer('page', longest);
  try {
    for await (const piece of pieces) if (!skimmer.add(piece)) throw tooLarge(answer, MAX_BODY_BYTES);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw /^(Z_|ERR_.*BROTLI)/i.test(code) ? notUnpacked(answer, code) : error;
  }
  return skimmer.text();
}

function tooLarge({ statusCode = 0 }: IncomingMessage, maxBytes: number): ExtractError {
  const message = `The answer is larger than ${maxBytes / 1024 / 1024} MiB`;
  return new ExtractError('AnswerTooLarge', message, { status: statusCode });
}

function notUnpacked({ statusCode = 0 }: IncomingMessage, code: string): ExtractError {
  return new ExtractError('UnreadableAnswer', 'The answer cannot be unpacked', { status: statusCode, code });
}
