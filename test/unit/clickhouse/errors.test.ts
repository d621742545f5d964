import { ClickHouseError } from '@clickhouse/client';
import { describe, expect, it } from 'vitest';
import { classifyClickHouseError } from '../../../src/clickhouse/errors.js';
import { ERRORS, type ErrorKind, ExtractError } from '../../../src/contracts/errors.js';

const server = (code: string, type: string, message: string) => new ClickHouseError({ code, type, message });

describe('an answer of the server', () => {
  it.each<[string, string, ErrorKind]>([
    ['159', 'TIMEOUT_EXCEEDED', 'DestinationUnavailable'],
    ['202', 'TOO_MANY_SIMULTANEOUS_QUERIES', 'DestinationUnavailable'],
    ['209', 'SOCKET_TIMEOUT', 'DestinationUnavailable'],
    ['210', 'NETWORK_ERROR', 'DestinationUnavailable'],
    ['225', 'NO_ZOOKEEPER', 'DestinationUnavailable'],
    ['241', 'MEMORY_LIMIT_EXCEEDED', 'DestinationUnavailable'],
    ['242', 'TABLE_IS_READ_ONLY', 'DestinationUnavailable'],
    ['252', 'TOO_MANY_PARTS', 'DestinationUnavailable'],
    ['75', 'CANNOT_WRITE_TO_FILE_DESCRIPTOR', 'DestinationUnavailable'],
    ['201', 'QUOTA_EXCEEDED', 'DestinationUnavailable'],
    ['243', 'NOT_ENOUGH_SPACE', 'DestinationUnavailable'],
    ['279', 'ALL_CONNECTION_TRIES_FAILED', 'DestinationUnavailable'],
    ['499', 'S3_ERROR', 'DestinationUnavailable'],
    ['733', 'TABLE_IS_BEING_RESTARTED', 'DestinationUnavailable'],
    ['319', 'UNKNOWN_STATUS_OF_INSERT', 'DestinationUnavailable'],
    ['425', 'SYSTEM_ERROR', 'DestinationUnavailable'],
    ['999', 'KEEPER_EXCEPTION', 'DestinationUnavailable'],
    ['16', 'NO_SUCH_COLUMN_IN_TABLE', 'DestinationRefused'],
    ['60', 'UNKNOWN_TABLE', 'DestinationRefused'],
    ['62', 'SYNTAX_ERROR', 'DestinationRefused'],
    ['81', 'UNKNOWN_DATABASE', 'DestinationRefused'],
    ['164', 'READONLY', 'DestinationRefused'],
    ['53', 'TYPE_MISMATCH', 'DestinationRefused'],
    ['192', 'UNKNOWN_USER', 'DestinationRefused'],
    ['497', 'ACCESS_DENIED', 'DestinationRefused'],
    ['516', 'AUTHENTICATION_FAILED', 'DestinationRefused'],
    ['27', 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'DestinationRefused'],
  ])('%s %s is %s', (code, type, kind) => {
    const error = classifyClickHouseError(server(code, type, 'the reason'));
    expect(error.kind).toBe(kind);
    expect(error.context).toEqual({ code: type });
    expect(error.message).toContain(`ClickHouse error ${code} ${type}`);
    expect(ERRORS[error.kind].retry).toBe(kind === 'DestinationUnavailable');
  });

  it('that an insert has too many partitions stays so: it has the code of too many parts, which goes away', () => {
    const text =
      'Too many partitions for single INSERT block (more than 100). The limit is controlled by max_partitions_per_insert_block';
    expect(classifyClickHouseError(server('252', 'TOO_MANY_PARTS', text)).kind).toBe('DestinationRefused');
    const merging = 'Too many parts (3000 with average size of 1.00 KiB). Merges are processing significantly slower';
    expect(classifyClickHouseError(server('252', 'TOO_MANY_PARTS', merging)).kind).toBe('DestinationUnavailable');
  });

  it.each(['6', '26', '27', '33', '38', '41', '53', '69', '70', '72', '117', '130', '131', '321'])(
    '%s quotes the row: its text is not passed on',
    (code) => {
      const text = `Cannot parse input: expected '"' before: 'jane@example.com", ...': (at row 3)\n: While executing ParallelParsingBlockInputFormat`;
      const { message } = classifyClickHouseError(server(code, 'CANNOT_PARSE', text));
      expect(message).toBe(`ClickHouse error ${code} CANNOT_PARSE`);
    },
  );

  it('about the statement is passed on, on one line and not at length', () => {
    const text = `Table auth0.logs_raw\n  does not exist. ${'x'.repeat(2_000)}`;
    const { message } = classifyClickHouseError(server('60', 'UNKNOWN_TABLE', text));
    expect(message).toContain('UNKNOWN_TABLE: Table auth0.logs_raw does not exist.');
    expect(message.length).toBeLessThan(400);
  });

  it('of an old server is told by its code', () => {
    const error = classifyClickHouseError(new Error('Code: 252, e.displayText() = DB::Exception: Too many parts'));
    expect(error.kind).toBe('DestinationUnavailable');
    const quoting = classifyClickHouseError(new Error("Code: 27, e.displayText() = before: 'jane@example.com'"));
    expect([quoting.kind, quoting.message.includes('jane')]).toEqual(['DestinationRefused', false]);
  });
});

it.each<[unknown, string]>([
  [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  [new AggregateError([Object.assign(new Error('x'), { code: 'EHOSTUNREACH' })]), 'EHOSTUNREACH'],
  [new Error('Timeout error.'), 'timeout'],
  [new Error('socket hang up'), 'ECONNRESET'],
  [new Error('jane@example.com'), 'no answer'],
  ['thrown text', 'no answer'],
])('no answer: %s is told as %s', (thrown, code) => {
  expect(classifyClickHouseError(thrown)).toMatchObject({
    kind: 'DestinationUnavailable',
    message: `ClickHouse cannot be reached (${code})`,
    context: { code },
  });
});

it('leaves errors of ours alone', () => {
  const known = new ExtractError('Configuration', 'm');
  expect(classifyClickHouseError(known)).toBe(known);
});
