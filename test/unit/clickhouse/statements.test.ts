import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseRows } from '../../../src/clickhouse/statements.js';
import { ExtractError } from '../../../src/contracts/errors.js';

const row = z.object({ id: z.string(), n: z.coerce.number() });
const QUERY =
  'SELECT id, n FROM `auth0`.`logs_raw` FINAL WHERE id NOT IN (SELECT id FROM (SELECT id FROM auth0.users))';

function refusalOf(body: unknown, query = QUERY): ExtractError {
  try {
    parseRows(row, query, body);
  } catch (error) {
    if (error instanceof ExtractError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('rows of an answer', () => {
  it('are parsed', () => {
    expect(parseRows(row, QUERY, [{ id: 'a', n: '18' }])).toEqual([{ id: 'a', n: 18 }]);
    expect(parseRows(row, QUERY, [])).toEqual([]);
  });

  it('of another form are refused for good, by column and place, without their values', () => {
    const refusal = refusalOf([
      { id: 'a', n: 1 },
      { id: 7, n: 'jane@example.com' },
      { id: { secret: 'jane' }, n: 2 },
    ]);
    expect(refusal.kind).toBe('DestinationUnreadable');
    expect(refusal.message).toBe(
      'ClickHouse answered with id, n in another form than expected (asked of auth0.logs_raw, auth0.users)',
    );
  });

  it('that are no rows, or of no table, are refused too', () => {
    expect(refusalOf(['jane']).message).toContain('with rows in another form');
    expect(refusalOf('<html>').message).toContain('with rows in another form');
    expect(refusalOf([{}], 'SELECT  version() AS id').message).toContain('(asked of SELECT version() AS id)');
  });

  it('that end with an error are that error: it was found after the server had said 200', () => {
    const exception =
      'Code: 241. DB::Exception: Memory limit (total) exceeded: while executing. (MEMORY_LIMIT_EXCEEDED) (version 24.8.3.59 (official build))';
    const refusal = refusalOf([{ id: 'a', n: 1 }, { exception }]);
    expect([refusal.kind, refusal.context.code]).toEqual(['DestinationUnavailable', 'MEMORY_LIMIT_EXCEEDED']);
    expect(refusalOf([{ exception: 'a column of that name', id: 1 }]).kind).toBe('DestinationUnreadable');
  });
});
