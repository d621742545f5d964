import { expect, it } from 'vitest';
import { httpStatus, parseEngineError } from '../../../src/embedded/clickhouse/errors.js';

it.each([
  // As the native call throws them: plain, wrapped three times, with words behind the name, and not ClickHouse's at all.
  [
    "Code: 115. DB::Exception: Unknown setting 'foo'. (UNKNOWN_SETTING)",
    115,
    "Code: 115. DB::Exception: Unknown setting 'foo'. (UNKNOWN_SETTING)",
  ],
  [
    'Code: 73. DB::Exception: Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Foo. (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)',
    73,
    'Code: 73. DB::Exception: Unknown format Foo. (UNKNOWN_FORMAT)',
  ],
  [
    "Code: 27. DB::Exception: Cannot parse input: expected '\"' before: 'x': (at row 1)\n: While executing ParallelParsingBlockInputFormat. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)",
    27,
    "Code: 27. DB::Exception: Cannot parse input: expected '\"' before: 'x': (at row 1)\n: While executing ParallelParsingBlockInputFormat. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)",
  ],
  ['Connection is gone', 1001, 'Code: 1001. DB::Exception: Connection is gone (STD_EXCEPTION)'],
])('reads %s', (text, code, message) => {
  expect(parseEngineError(new Error(text))).toMatchObject({ code, message });
});

it.each([
  [62, 400],
  [27, 400],
  [516, 403],
  [60, 404],
  [115, 404],
  [159, 408],
  [48, 501],
  [241, 500],
  [395, 500],
])('code %i is HTTP %i', (code, status) => expect(httpStatus(code)).toBe(status));
