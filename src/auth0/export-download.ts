import type { IncomingMessage } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ExtractError } from '../contracts/errors.js';
import { createSkimmer, type Skimmer } from '../json/skim.js';
import { decodeBody } from './body.js';
import { classifyNetworkError } from './classify.js';
import { openAnswer } from './wire.js';

/** A line of the file is one user; what is longer is given without its large values (see `isCut`). */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const SHORT_VALUE = 4 * 1024;
/** So much without a single user is no file of users. */
const MAX_BLANK_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Streams the lines of an export file: download, gunzip, split; blank lines left out, nothing held but the line at
 * hand. The request carries no token: S3 answers 400 "Only one auth mechanism allowed", and it is another host.
 * `timeoutMs` is the longest wait for the answer, and then for each further piece of it: the whole may take long.
 * Throws ExtractError: ExportLinkExpired for a link that is not accepted, UnreadableAnswer for a file that is cut off,
 * TenantUnreachable for one that stops coming or hardly comes, SourceStuck for one that goes on without a user.
 */
export async function* downloadLines(
  url: URL,
  signal: AbortSignal,
  timeoutMs: number,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<string[]> {
  const wait = patience(signal, timeoutMs);
  const response = await open(url, signal, wait);
  const { head, all } = await peek(response, url, signal, wait);
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const bytes = Readable.from(all, { objectMode: false });
  const plain = isGzip ? unpack(bytes) : bytes;
  try {
    yield* splitLines(plain, maxLineBytes);
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

/** Bounds single waits for one download, which ends when one of them is too long. */
interface Patience {
  readonly signal: AbortSignal;
  /** Time that was waited so far, ms, and how much of it has to bring something. */
  readonly waited: number;
  readonly windowMs: number;
  during<T>(work: Promise<T>): Promise<T>;
}

/** A file that comes more slowly than this, for several of the longest waits, never ends: bytes in that time. */
const FEWEST_BYTES = 64 * 1024;
const WAITS_A_WINDOW = 5;

/** The time between two waits, in which rows are stored, does not count. */
function patience(signal: AbortSignal, timeoutMs: number): Patience {
  const over = new AbortController();
  let waited = 0;
  return {
    signal: AbortSignal.any([signal, over.signal]),
    get waited() {
      return waited;
    },
    windowMs: WAITS_A_WINDOW * timeoutMs,
    async during(work) {
      const startedAt = performance.now();
      const timer = setTimeout(() => over.abort(new DOMException('no answer in time', 'TimeoutError')), timeoutMs);
      try {
        return await work;
      } catch (error) {
        // The connection that was ended for it says something else.
        over.signal.throwIfAborted();
        throw error;
      } finally {
        clearTimeout(timer);
        waited += performance.now() - startedAt;
      }
    },
  };
}

const MOST_REDIRECTS = 5;

/** The answer to the link, past its redirects. */
async function open(url: URL, signal: AbortSignal, wait: Patience, redirects = 0): Promise<IncomingMessage> {
  let response: IncomingMessage;
  try {
    response = await wait.during(openAnswer(url, { signal: wait.signal }));
  } catch (error) {
    signal.throwIfAborted();
    throw classifyNetworkError(error, url.host);
  }
  const { statusCode: status = 0, headers } = response;
  if (status === 200) return response;
  response.destroy();
  if (status >= 300 && status < 400 && headers.location !== undefined && redirects < MOST_REDIRECTS) {
    const next = new URL(headers.location, url);
    // Neither ever downwards from https nor to anything that is no web server.
    if (next.protocol === 'https:' || next.protocol === url.protocol) return open(next, signal, wait, redirects + 1);
  }
  if (status >= 500) throw new ExtractError('TenantUnavailable', `The download answered HTTP ${status}`, { status });
  throw new ExtractError('ExportLinkExpired', `The download link was not accepted (HTTP ${status})`, { status });
}

/** Unpacked at a time: each piece is a turn through another thread, and 16 kB, as they are by themselves, are many turns. */
const UNPACKED_BYTES = 256 * 1024;

function unpack(bytes: Readable): Readable {
  const gunzip = createGunzip({ chunkSize: UNPACKED_BYTES });
  // An error of either stream ends the other, so that it reaches whoever reads the lines; here is nothing left to do.
  pipeline(bytes, gunzip, () => {});
  return gunzip;
}

/**
 * The first two bytes and then everything: gzip is told by its magic bytes, since some servers name it and some do not.
 * Throws ExtractError for a file that has not even those: it was cut off.
 */
async function peek(response: IncomingMessage, url: URL, signal: AbortSignal, wait: Patience) {
  const chunks = chunksOf(response, url, signal, wait);
  let head: Uint8Array = new Uint8Array();
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done) throw new ExtractError('UnreadableAnswer', 'The export file is empty');
    head = Buffer.concat([head, value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* chunks;
  }
  return { head, all: all() };
}

async function* chunksOf(
  response: IncomingMessage,
  url: URL,
  signal: AbortSignal,
  wait: Patience,
): AsyncGenerator<Uint8Array, undefined> {
  const pieces: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
  let windowBegan = wait.waited;
  let bytes = 0;
  try {
    for (;;) {
      const { value, done } = await wait.during(pieces.next());
      if (done) return undefined;
      bytes += value.length;
      if (wait.waited - windowBegan > wait.windowMs) {
        if (bytes < FEWEST_BYTES)
          throw new ExtractError('TenantUnreachable', `${url.host}: the export file comes too slowly to ever end`);
        windowBegan = wait.waited;
        bytes = 0;
      }
      yield value;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw classifyNetworkError(error, url.host);
  } finally {
    // Frees the connection where the file is left in the middle.
    response.destroy();
  }
}

/** Lines of a byte stream, a batch for each chunk. Throws ExtractError for bytes that are no UTF-8, and without an end. */
export async function* splitLines(
  bytes: AsyncIterable<Uint8Array>,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<string[]> {
  let open: Uint8Array[] = [];
  let openBytes = 0;
  let tooLong: Skimmer | undefined;
  let blankBytes = 0;
  for await (const chunk of bytes) {
    let rest = chunk;
    if (tooLong !== undefined) {
      const end = rest.indexOf(NEWLINE);
      skim(tooLong, end < 0 ? rest : rest.subarray(0, end));
      if (end < 0) continue;
      yield [cutLine(tooLong)];
      tooLong = undefined;
      rest = rest.subarray(end + 1);
    }
    // What ends with a line break is decoded in one go: line by line costs more than all the rest of the splitting.
    const end = rest.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const lines = linesOf([...open, rest.subarray(0, end)]);
      blankBytes = lines.length > 0 ? 0 : blankBytes + openBytes + end;
      if (blankBytes > MAX_BLANK_BYTES)
        throw new ExtractError('SourceStuck', 'The export file goes on with nothing but empty lines');
      open = [];
      openBytes = 0;
      if (lines.length > 0) yield lines;
    }
    if (end < rest.length) {
      open.push(rest.subarray(end));
      openBytes += rest.length - end;
      if (openBytes > maxLineBytes) {
        tooLong = createSkimmer('record', SHORT_VALUE);
        for (const piece of open) skim(tooLong, piece);
        open = [];
        openBytes = 0;
      }
    }
  }
  if (tooLong !== undefined) yield [cutLine(tooLong)];
  const last = linesOf(open);
  if (last.length > 0) yield last;
}

function skim(skimmer: Skimmer, piece: Uint8Array): void {
  if (!skimmer.add(piece)) throw new ExtractError('SourceStuck', 'The export file has a line without an end');
}

function cutLine(skimmer: Skimmer): string {
  const line = decodeBody(skimmer.text());
  if (line === undefined) throw new ExtractError('UnreadableAnswer', 'The export file is not valid UTF-8');
  return line;
}

/** The lines of whole characters, blank ones left out. */
function linesOf(pieces: readonly Uint8Array[]): string[] {
  const text = decodeBody(Buffer.concat(pieces));
  if (text === undefined) throw new ExtractError('UnreadableAnswer', 'The export file is not valid UTF-8');
  return text.split('\n').filter((line) => line.trim() !== '');
}
