import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { engineError } from './errors.js';
import { isStreamable } from './formats.js';
import { split } from './split.js';
import { isRead, type SqlShape } from './sql.js';
import type { Statement } from './statement.js';

/** How a statement is run. */
type Plan = 'read' | 'stream' | 'insert' | 'command';

/** One HTTP request. */
export interface Request {
  statement: Statement;
  queryId: string;
  /** The format of its result, unless the statement names one. */
  format: string;
  /** Answer only when the statement has ended, so that its error can still set the status. */
  waitEnd: boolean;
  /** gzip the answer. */
  compress: boolean;
}

// Parameters of the HTTP interface itself; every other one is a setting.
const INTERFACE = new Set([
  'query',
  'database',
  'query_id',
  'default_format',
  'user',
  'password',
  'quota_key',
  'session_id',
  'session_timeout',
  'session_check',
  'client_protocol_version',
  'wait_end_of_query',
  'buffer_size',
  'stacktrace',
  'enable_http_compression',
  'http_zlib_compression_level',
  'add_http_cors_header',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'cancel_http_readonly_queries_on_client_close',
]);
const UNSUPPORTED = ['compress', 'decompress', 'role'];

/**
 * Turns an HTTP request into a statement by the rules of ClickHouse's HTTP interface.
 * @throws EngineError for what a server would refuse before running it.
 */
export async function parseRequest(message: IncomingMessage, url: URL, body: Buffer): Promise<Request> {
  const fields = new Map(url.searchParams);
  let rest = body;
  const type = message.headers['content-type'] ?? '';
  if (type.startsWith('multipart/form-data')) {
    for (const [name, value] of await formFields(type, body)) fields.set(name, value);
    rest = Buffer.alloc(0);
  }
  for (const name of UNSUPPORTED) {
    if (!['', '0', undefined].includes(fields.get(name))) {
      throw engineError(48, 'NOT_IMPLEMENTED', `The embedded server does not support the parameter '${name}'.`);
    }
  }
  const { sql, rows } = split(fields.get('query') ?? '', rest);
  const format = fields.get('default_format') ?? header(message, 'x-clickhouse-format') ?? 'TabSeparated';
  const compress = isOn(fields.get('enable_http_compression')) && acceptsGzip(message);
  const waitEnd = isOn(fields.get('wait_end_of_query'));
  const settings = new Map<string, string>();
  const params = new Map<string, string>();
  for (const [name, value] of fields) {
    if (INTERFACE.has(name) || UNSUPPORTED.includes(name)) continue;
    if (!/^[A-Za-z_]\w*$/.test(name)) throw engineError(115, 'UNKNOWN_SETTING', `Unknown setting '${name}'.`);
    if (name.startsWith('param_')) params.set(name.slice('param_'.length), value);
    else settings.set(name, value);
  }
  return {
    statement: {
      sql,
      rows,
      settings,
      params,
      format,
      database: fields.get('database') ?? header(message, 'x-clickhouse-database'),
      readonly: message.method !== 'POST',
    },
    queryId: fields.get('query_id') || randomUUID(),
    format,
    waitEnd,
    compress,
  };
}

/** How to run a statement of this shape. `format`: the one that the result will really be in. */
export function planOf(shape: SqlShape, format: string, waitEnd: boolean): Plan {
  if (shape.verb === 'INSERT') return 'insert';
  if (shape.verb === 'SELECT' && shape.selects === 1 && isStreamable(format) && !waitEnd) return 'stream';
  return isRead(shape) ? 'read' : 'command';
}

async function formFields(contentType: string, body: Buffer): Promise<[string, string][]> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
  return [...form].map(([name, value]) => {
    if (typeof value === 'string') return [name, value];
    throw engineError(48, 'NOT_IMPLEMENTED', 'The embedded server does not take external tables.');
  });
}

function header(message: IncomingMessage, name: string): string | undefined {
  const value = message.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isOn(value: string | undefined): boolean {
  return value === '1' || value === 'true';
}

function acceptsGzip(message: IncomingMessage): boolean {
  return /\bgzip\b/.test(message.headers['accept-encoding'] ?? '');
}
