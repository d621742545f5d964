import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import type { Engine, Outcome } from './engine.js';
import { httpStatus, type EngineError } from './errors.js';
import { contentTypeOf } from './formats.js';
import type { Request } from './request.js';

const gzipAll = promisify(gzip);
const GZIP = { level: 1 };

/** Sends a text that is not a query's result. */
export function replyText(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' }).end(text);
}

/** Sends ClickHouse's error text with the status and headers by which clients recognise it. */
export function replyError(response: ServerResponse, engine: Engine, error: EngineError): void {
  if (response.headersSent) return;
  response.setHeader('X-ClickHouse-Exception-Code', error.code);
  replyText(response, httpStatus(error.code), errorText(engine, error));
}

/** Sends a whole result. */
export async function replyOutcome(
  response: ServerResponse,
  engine: Engine,
  request: Request,
  outcome: Outcome,
): Promise<void> {
  setHeaders(response, engine, request, outcome);
  const bytes = request.compress ? await gzipAll(outcome.bytes, GZIP) : outcome.bytes;
  response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes);
}

// Held back so that the error of a query that fails early still sets the status; ClickHouse's own buffer is of this order.
const HOLD_BYTES = 1024 * 1024;
// A reader that takes nothing for so long is given up: its query holds one of the two places for reads.
const STALL_MS = 60_000;

/**
 * Runs a SELECT and sends its result as it comes.
 * @throws EngineError when it fails before anything was sent; later the error goes into the body, as ClickHouse does it.
 */
export async function replyStream(response: ServerResponse, engine: Engine, request: Request): Promise<void> {
  const tag = randomBytes(8).toString('hex');
  const held: Buffer[] = [];
  let heldBytes = 0;
  let out: Writable | undefined;

  const open = (): Writable => {
    setHeaders(response, engine, request, undefined);
    response.setHeader('X-ClickHouse-Exception-Tag', tag);
    response.writeHead(200);
    if (!request.compress) return response;
    const packer = createGzip(GZIP);
    packer.pipe(response);
    return packer;
  };
  const send = async (chunk: Buffer): Promise<boolean> => {
    if (response.destroyed) return false;
    if (out === undefined) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < HOLD_BYTES) return true;
      out = open();
      for (const piece of held.splice(0)) out.write(piece);
    } else {
      out.write(chunk);
    }
    return !out.writableNeedDrain || drained(out, response);
  };

  try {
    await engine.stream(request.statement, send);
  } catch (error) {
    if (out === undefined) throw error;
    abort(out, response, tag, errorText(engine, error));
    return;
  }
  if (response.destroyed) return;
  if (out !== undefined) out.end();
  else await replyOutcome(response, engine, request, { ...NOTHING, bytes: Buffer.concat(held) });
}

async function drained(out: Writable, response: ServerResponse): Promise<boolean> {
  const give = new AbortController();
  const onClose = (): void => give.abort();
  response.once('close', onClose);
  try {
    await once(out, 'drain', { signal: AbortSignal.any([give.signal, AbortSignal.timeout(STALL_MS)]) });
    return true;
  } catch {
    response.destroy();
    return false;
  } finally {
    response.off('close', onClose);
  }
}

/**
 * Writes the error behind the rows in the way of ClickHouse 25.11 and later (marker, tag, text, its length, tag,
 * marker), then breaks the connection off so that a client that does not know the marker sees a cut answer too.
 */
function abort(out: Writable, response: ServerResponse, tag: string, text: string): void {
  const block = `\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`;
  const end = (): void => {
    response.socket?.end();
  };
  if (out === response) out.write(block, end);
  else out.write(block, () => 'flush' in out && flushThen(out, end));
}

function flushThen(packer: Writable, end: () => void): void {
  const flush: unknown = Reflect.get(packer, 'flush');
  if (typeof flush === 'function') flush.call(packer, constants.Z_SYNC_FLUSH, () => setImmediate(end));
}

function errorText(engine: Engine, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `${text} (version ${engine.version})\n`;
}

const NOTHING = { readRows: 0, readBytes: 0, writtenRows: 0, writtenBytes: 0, elapsed: 0 };

function setHeaders(response: ServerResponse, engine: Engine, request: Request, outcome: Outcome | undefined): void {
  const { readRows, readBytes, writtenRows, writtenBytes, elapsed } = outcome ?? NOTHING;
  const summary = {
    read_rows: readRows,
    read_bytes: readBytes,
    written_rows: writtenRows,
    written_bytes: writtenBytes,
    total_rows_to_read: 0,
    result_rows: writtenRows,
    result_bytes: outcome?.bytes.length ?? 0,
    elapsed_ns: Math.round(elapsed * 1e9),
  };
  const texts = Object.entries(summary).map(([name, value]) => [name, String(value)]);
  response.setHeader('X-ClickHouse-Server-Display-Name', hostname());
  response.setHeader('X-ClickHouse-Query-Id', request.queryId);
  response.setHeader('X-ClickHouse-Format', request.format);
  response.setHeader('X-ClickHouse-Timezone', engine.timezone);
  response.setHeader('X-ClickHouse-Summary', JSON.stringify(Object.fromEntries(texts)));
  response.setHeader('Content-Type', contentTypeOf(request.format));
  if (request.compress) response.setHeader('Content-Encoding', 'gzip');
}
