import { ClickHouseError } from '@clickhouse/client';
import { ExtractError } from '../contracts/errors.js';
import { ProxyError } from '../outbound-proxy.js';

/** Codes that say: later. Too many queries, memory, replica read-only, Keeper, too many parts, network, time-out. */
const LATER = new Set('159 173 202 209 210 225 236 241 242 243 252 285 286 319 394 425 439 999'.split(' '));

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
  const kind = LATER.has(code) ? 'DestinationUnavailable' : 'DestinationRefused';
  const message = error instanceof Error && !QUOTES_ROWS.has(code) ? firstSentence(error.message) : '';
  return new ExtractError(kind, `ClickHouse error ${code} ${type}${message && `: ${message}`}`, { code: type });
}

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
