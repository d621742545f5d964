import { ClickHouseError } from '@clickhouse/client';
import { ExtractError } from '../contracts/errors.js';
import { ProxyError } from '../outbound-proxy.js';

/**
 * Codes that say: later. Files and sockets that fail, time-out, a quota that is counted an hour, too many queries or
 * parts, network, Keeper, memory, disk space, replica read-only, quorum, a table or server that restarts. Whatever else a
 * server says stays so: schema, rights, types, and what will never fit.
 */
const LATER = new Set(
  (
    '23 24 74 75 76 95 96 159 173 198 201 202 203 204 209 210 225 236 241 242 243 252 254 279 285 286 319 384 394 425 ' +
    '439 473 499 571 733 745 999'
  ).split(' '),
);
/** One insert into too many partitions has the code of too many parts, and fits at no time. */
const NEVER_FITS = /Too many partitions/i;

/**
 * Turns what the client throws into an error of the taxonomy. The server's text is passed on only where it is about
 * the statement: that of a parse error quotes the row.
 */
export function classifyClickHouseError(error: unknown): ExtractError {
  if (error instanceof ExtractError) return error;
  if (error instanceof ProxyError)
    return new ExtractError('DestinationUnavailable', `ClickHouse cannot be reached: ${error.message}`, {
      code: error.code,
    });
  const { code, type } = codeOf(error);
  if (code === undefined) {
    const network = networkCode(error);
    return new ExtractError('DestinationUnavailable', `ClickHouse cannot be reached (${network})`, { code: network });
  }
  const isLater = LATER.has(code) && !(error instanceof Error && NEVER_FITS.test(error.message));
  const kind = isLater ? 'DestinationUnavailable' : 'DestinationRefused';
  const message = error instanceof Error && !QUOTES_ROWS.has(code) ? firstSentence(error.message) : '';
  const cure = code === UNKNOWN_TABLE ? ' (repair tables makes dropped tables again)' : '';
  return new ExtractError(kind, `ClickHouse error ${code} ${type}${message && `: ${message}`}${cure}`, { code: type });
}

const UNKNOWN_TABLE = '60';

/** Parse errors: CANNOT_PARSE_*, TYPE_MISMATCH, INCORRECT_DATA, …: their texts hold pieces of the data. */
const QUOTES_ROWS = new Set('6 25 26 27 33 38 41 53 69 70 72 117 130 131 321 349 376 467 675 676'.split(' '));

function codeOf(error: unknown): { code: string | undefined; type: string } {
  if (error instanceof ClickHouseError) return { code: error.code, type: error.type ?? '' };
  // Servers before 20.x answer `Code: 50, e.displayText() = …`, which the client does not take apart.
  const match = error instanceof Error ? /^Code: (\d+)/.exec(error.message) : null;
  return { code: match?.[1], type: '' };
}

function networkCode(error: unknown): string {
  if (error instanceof Error) {
    if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
    if (error instanceof AggregateError && error.errors.length > 0) return networkCode(error.errors[0]);
    if (/timeout/i.test(error.message)) return 'timeout';
    if (/socket hang up/i.test(error.message)) return 'ECONNRESET';
  }
  return 'no answer';
}

function firstSentence(message: string): string {
  return message.replaceAll(/\s+/g, ' ').slice(0, 300);
}
