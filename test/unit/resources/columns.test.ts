import { afterEach, describe, expect, it } from 'vitest';
import { parseRecord, type RawRecord } from '../../../src/json/page.js';
import {
  column,
  type ColumnKind,
  parseInstant,
  type Path,
  readBool,
  readInt,
  readJson,
  readText,
  readTexts,
  readTime,
} from '../../../src/resources/columns.js';

const READERS: Record<ColumnKind, (record: RawRecord, path: Path) => unknown> = {
  text: readText,
  time: readTime,
  'time?': readTime,
  'bool?': readBool,
  'int?': readInt,
  texts: readTexts,
  json: readJson,
};

/** Value of one column of a record; undefined where it is malformed. */
function read(text: string, kind: ColumnKind, ...path: string[]): unknown {
  return READERS[kind](parseRecord(text), column('c', kind, ...path).path);
}

it.each<[ColumnKind, string, unknown]>([
  ['text', '{"c":"a\\"\\n\\u00e9😀"}', 'a"\né😀'],
  ['text', '{}', ''],
  ['text', '{"c":null}', ''],
  ['text', '{"c":""}', ''],
  ['text', '{"c":1.10}', '1.10'],
  ['text', '{"c":123456789012345678901234}', '123456789012345678901234'],
  ['text', '{"c":true}', 'true'],
  ['text', '{"c":["openid", "email"]}', '["openid", "email"]'],
  ['text', '{"c":{"b":1.10}}', '{"b":1.10}'],
  ['text', '{"c":1,"c":{"b":2}}', '{"b":2}'],
  ['time', '{"c":"2026-01-02T03:04:05.678Z"}', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
  ['time', '{}', null],
  ['time', '{"c":null}', null],
  ['time', '{"c":{"date":"2026-01-02T03:04:05.678Z"}}', undefined],
  ['time', '{"c":1767323045678}', undefined],
  ['time', '{"c":"yesterday"}', undefined],
  ['time?', '{"c":"2026-01-02T03:04:05Z"}', Date.UTC(2026, 0, 2, 3, 4, 5)],
  ['time?', '{}', null],
  ['time?', '{"c":null}', null],
  ['time?', '{"c":""}', undefined],
  ['time?', '{"c":["2026-01-02"]}', undefined],
  ['bool?', '{"c":true}', true],
  ['bool?', '{"c":false}', false],
  ['bool?', '{}', null],
  ['bool?', '{"c":null}', null],
  ['bool?', '{"c":"true"}', undefined],
  ['bool?', '{"c":1}', undefined],
  ['int?', '{"c":0}', 0],
  ['int?', '{"c":-7}', -7],
  ['int?', '{"c":1e3}', 1000],
  ['int?', '{"c":9007199254740991}', 9007199254740991],
  ['int?', '{}', null],
  ['int?', '{"c":null}', null],
  ['int?', '{"c":9007199254740993}', undefined],
  ['int?', '{"c":1.5}', undefined],
  ['int?', '{"c":"7"}', undefined],
  ['texts', '{"c":["a","b"]}', ['a', 'b']],
  ['texts', '{"c":[]}', []],
  ['texts', '{"c":["a",1,null,{"b":1},"c"]}', ['a', 'c']],
  ['texts', '{}', []],
  ['texts', '{"c":null}', []],
  ['texts', '{"c":"a"}', undefined],
  ['texts', '{"c":{"0":"a"}}', undefined],
  ['json', '{"x":0, "c" : { "a": 1.10,\n"b":[]} }', '{ "a": 1.10,\n"b":[]}'],
  ['json', '{"c":"\\u0041"}', '"\\u0041"'],
  ['json', '{"c":1,"c":2.0}', '2.0'],
  ['json', '{}', ''],
  ['json', '{"c":null}', ''],
])('%s of %s', (kind, text, value) => {
  expect(read(text, kind)).toEqual(value);
});

describe('paths', () => {
  it.each<[string, ColumnKind, string[], unknown]>([
    ['{"a":{"b":"x"}}', 'text', ['a', 'b'], 'x'],
    ['{"a":{"b":1.10}}', 'text', ['a', 'b'], '1.10'],
    ['{"a":{"b":{"c":1.10}}}', 'text', ['a', 'b'], '{"c":1.10}'],
    ['{"a":{}}', 'text', ['a', 'b'], ''],
    ['{"a":null}', 'text', ['a', 'b'], ''],
    ['{}', 'text', ['a', 'b'], ''],
    ['{"a":"b"}', 'text', ['a', 'b'], undefined],
    ['{"a":[{"b":1}]}', 'text', ['a', 'b'], undefined],
    ['{"a":[{"b":"x"},{},{"b":null},3,{"b":"y"}]}', 'texts', ['a', '*', 'b'], ['x', 'y']],
    ['{"a":[]}', 'texts', ['a', '*', 'b'], []],
    ['{}', 'texts', ['a', '*', 'b'], []],
    ['{"a":null}', 'texts', ['a', '*', 'b'], []],
    ['{"a":{"b":"x"}}', 'texts', ['a', '*', 'b'], undefined],
  ])('of %s', (text, kind, path, value) => {
    expect(read(text, kind, ...path)).toEqual(value);
  });
});

it('takes any depth of a member', () => {
  const deep = '['.repeat(5_000) + ']'.repeat(5_000);
  expect(read(`{"c":${deep}}`, 'text')).toBe(deep);
  expect(read(`{"c":${deep}}`, 'json')).toBe(deep);
  expect(read(`{"c":${deep}}`, 'texts')).toEqual([]);
});

describe('instants', () => {
  const zone = process.env['TZ'];
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it.each([
    ['2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04Z', '2026-01-02T03:04:00.000Z'],
    ['2026-01-02t03:04:05z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02 03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05.123456789Z', '2026-01-02T03:04:05.123Z'],
    ['2026-01-02T03:04:05.1Z', '2026-01-02T03:04:05.100Z'],
    ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05.000Z'],
    ['2026-01-02T23:04:05-0330', '2026-01-03T02:34:05.000Z'],
    ['2026-01-02', '2026-01-02T00:00:00.000Z'],
    ['2026-01', '2026-01-01T00:00:00.000Z'],
    // What no calendar has would be refused by ClickHouse together with all other rows of the insert.
    ['2026-01-02T24:00:00.000Z', '2026-01-03T00:00:00.000Z'],
    ['2026-02-30T00:00:00.000Z', '2026-03-02T00:00:00.000Z'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
    ['2299-12-30T23:59:59.999Z', '2299-12-30T23:59:59.999Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseInstant(text)).toBe(Date.parse(iso));
    expect(read(JSON.stringify({ c: text }), 'time')).toBe(Date.parse(iso));
  });

  it.each(['2026-01-02T03:04:05', '2026-01-02T03:04:05.000', '2026-01-02 03:04'])(
    '%s is in UTC wherever the worker runs',
    (text) => {
      process.env['TZ'] = 'America/New_York';
      expect(new Date(2026, 0, 1).getTimezoneOffset()).toBe(300);
      expect(parseInstant(text)).toBe(Date.parse(`${text.replace(' ', 'T')}Z`));
    },
  );

  it.each([
    '',
    'oldest',
    '9999-12-31T23:59:59Z',
    '2300-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999Z',
    '0000-00-00T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-02T25:00:00Z',
    '2026-01-02 hello',
    '2026-01-02 5 pm',
    '2026-01-02T03:04:05 EST',
    '+012026-01-02T03:04:05Z',
    '90020260102030405000000000000000000000000000000000000000',
    ' 2026-01-02',
    '2026-01-02\n',
    20260102,
    null,
    undefined,
    new Date(0),
    ['2026-01-02'],
  ])('%j is none', (value) => {
    expect(parseInstant(value)).toBeUndefined();
  });
});
