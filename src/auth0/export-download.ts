import { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { ExtractError } from '../contracts/errors.js';
import { classifyNetworkError } from './classify.js';

/** A line of the file is one user; a profile is at most some hundred kB, what is far beyond is no user. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Streams the lines of an export file: download, gunzip, split; blank lines left out, nothing held but the line at
 * hand. The request carries no token: S3 answers 400 "Only one auth mechanism allowed", and it is another host.
 * Throws ExtractError: ExportLinkExpired for a link that is not accepted, UnreadableAnswer for a file that is cut off.
 */
export async function* downloadLines(url: URL, signal: AbortSignal): AsyncGenerator<string[]> {
  const response = await open(url, signal);
  const { first, rest } = await peek(response, url, signal);
  const isGzip = first[0] === 0x1f && first[1] === 0x8b;
  const bytes = Readable.from(rest, { objectMode: false });
  const plain = isGzip ? bytes.compose(createGunzip(), { signal }) : bytes;
  try {
    yield* splitLines(plain);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ExtractError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('Z_'))
      throw new ExtractError('UnreadableAnswer', 'The export file is cut off or no gzip', { code });
    throw classifyNetworkError(error, url.host);
  } finally {
    bytes.destroy();
  }
}

async function open(url: URL, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { redirect: 'follow', signal });
  } catch (error) {
    signal.throwIfAborted();
    throw classifyNetworkError(error, url.host);
  }
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  if (status >= 500) throw new ExtractError('TenantUnavailable', `The download answered HTTP ${status}`, { status });
  throw new ExtractError('ExportLinkExpired', `The download link was not accepted (HTTP ${status})`, { status });
}

/** The first chunk and then everything: gzip is told by its magic bytes, since fetch undoes a Content-Encoding itself. */
async function peek(response: Response, url: URL, signal: AbortSignal) {
  const chunks = chunksOf(response, url, signal);
  const { value } = await chunks.next();
  const first = value ?? new Uint8Array();
  async function* rest(): AsyncGenerator<Uint8Array> {
    yield first;
    yield* chunks;
  }
  return { first, rest: rest() };
}

async function* chunksOf(response: Response, url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array, undefined> {
  if (response.body === null) return undefined;
  try {
    for await (const chunk of response.body) yield chunk;
  } catch (error) {
    signal.throwIfAborted();
    throw classifyNetworkError(error, url.host);
  }
  return undefined;
}

/** Lines of a byte stream, a batch for each chunk. Throws ExtractError for bytes that are no UTF-8. */
export async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let open: Uint8Array[] = [];
  let openBytes = 0;
  const take = (last: Uint8Array): string => {
    const line = decode(decoder, open.length === 0 ? last : Buffer.concat([...open, last]));
    open = [];
    openBytes = 0;
    return line;
  };
  for await (const chunk of bytes) {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      lines.push(take(chunk.subarray(from, at)));
      from = at + 1;
    }
    if (from < chunk.length) {
      open.push(chunk.subarray(from));
      openBytes += chunk.length - from;
      if (openBytes > MAX_LINE_BYTES)
        throw new ExtractError('UnreadableAnswer', 'The export file has a line without an end');
    }
    const filled = lines.filter((line) => line.trim() !== '');
    if (filled.length > 0) yield filled;
  }
  const last = open.length > 0 ? take(new Uint8Array()) : '';
  if (last.trim() !== '') yield [last];
}

function decode(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ExtractError('UnreadableAnswer', 'The export file is not valid UTF-8');
  }
}
