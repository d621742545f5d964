import { afterEach, describe, expect, it } from 'vitest';
import { parseRecord } from '../../../src/json/page.js';
import { column, type ColumnKind, parseInstant, renderColumns } from '../../../src/resources/columns.js';

const EPOCH = '1970-01-01 00:00:00.000';

/** Value of one column of a record, and whether it counted as malformed. */
function rendered(text: string, kind: ColumnKind, ...path: string[]): { value: unknown; malformed: number } {
  const { json, malformed } = renderColumns(parseRecord(text), [column('c', kind, ...path)]);
  return { value: JSON.parse(json), malformed };
}

it.each<[ColumnKind, string, unknown, number]>([
  ['text', '{"c":"a\\"\\n\\u00e9😀"}', 'a"\né😀', 0],
  ['text', '{}', '', 0],
  ['text', '{"c":null}', '', 0],
  ['text', '{"c":""}', '', 0],
  ['text', '{"c":1.10}', '1.10', 0],
  ['text', '{"c":123456789012345678901234}', '123456789012345678901234', 0],
  ['text', '{"c":true}', 'true', 0],
  ['text', '{"c":["openid", "email"]}', '["openid", "email"]', 0],
  ['text', '{"c":{"b":1.10}}', '{"b":1.10}', 0],
  ['text', '{"c":1,"c":{"b":2}}', '{"b":2}', 0],
  ['time', '{"c":"2026-01-02T03:04:05.678Z"}', '2026-01-02 03:04:05.678', 0],
  ['time', '{}', EPOCH, 1],
  ['time', '{"c":null}', EPOCH, 1],
  ['time', '{"c":{"date":"2026-01-02T03:04:05.678Z"}}', EPOCH, 1],
  ['time', '{"c":1767323045678}', EPOCH, 1],
  ['time', '{"c":"yesterday"}', EPOCH, 1],
  ['time?', '{"c":"2026-01-02T03:04:05Z"}', '2026-01-02 03:04:05.000', 0],
  ['time?', '{}', null, 0],
  ['time?', '{"c":null}', null, 0],
  ['time?', '{"c":""}', null, 1],
  ['time?', '{"c":["2026-01-02"]}', null, 1],
  ['bool?', '{"c":true}', true, 0],
  ['bool?', '{"c":false}', false, 0],
  ['bool?', '{}', null, 0],
  ['bool?', '{"c":null}', null, 0],
  ['bool?', '{"c":"true"}', null, 1],
  ['bool?', '{"c":1}', null, 1],
  ['int?', '{"c":0}', 0, 0],
  ['int?', '{"c":-7}', -7, 0],
  ['int?', '{"c":1e3}', 1000, 0],
  ['int?', '{"c":9007199254740991}', 9007199254740991, 0],
  ['int?', '{}', null, 0],
  ['int?', '{"c":null}', null, 0],
  ['int?', '{"c":9007199254740993}', null, 1],
  ['int?', '{"c":1.5}', null, 1],
  ['int?', '{"c":"7"}', null, 1],
  ['texts', '{"c":["a","b"]}', ['a', 'b'], 0],
  ['texts', '{"c":[]}', [], 0],
  ['texts', '{"c":["a",1,null,{"b":1},"c"]}', ['a', 'c'], 0],
  ['texts', '{}', [], 0],
  ['texts', '{"c":null}', [], 0],
  ['texts', '{"c":"a"}', [], 1],
  ['texts', '{"c":{"0":"a"}}', [], 1],
  ['json', '{"x":0, "c" : { "a": 1.10,\n"b":[]} }', '{ "a": 1.10,\n"b":[]}', 0],
  ['json', '{"c":"\\u0041"}', '"\\u0041"', 0],
  ['json', '{"c":1,"c":2.0}', '2.0', 0],
  ['json', '{}', '', 0],
  ['json', '{"c":null}', '', 0],
])('%s of %s', (kind, text, value, malformed) => {
  expect(rendered(text, kind)).toEqual({ value, malformed });
});

describe('paths', () => {
  it.each<[string, ColumnKind, string[], unknown, number]>([
    ['{"a":{"b":"x"}}', 'text', ['a', 'b'], 'x', 0],
    ['{"a":{"b":1.10}}', 'text', ['a', 'b'], '1.10', 0],
    ['{"a":{"b":{"c":1.10}}}', 'text', ['a', 'b'], '{"c":1.10}', 0],
    ['{"a":{}}', 'text', ['a', 'b'], '', 0],
    ['{"a":null}', 'text', ['a', 'b'], '', 0],
    ['{}', 'text', ['a', 'b'], '', 0],
    ['{"a":"b"}', 'text', ['a', 'b'], '', 1],
    ['{"a":[{"b":1}]}', 'text', ['a', 'b'], '', 1],
    ['{"a":[{"b":"x"},{},{"b":null},3,{"b":"y"}]}', 'texts', ['a', '*', 'b'], ['x', 'y'], 0],
    ['{"a":[]}', 'texts', ['a', '*', 'b'], [], 0],
    ['{}', 'texts', ['a', '*', 'b'], [], 0],
    ['{"a":null}', 'texts', ['a', '*', 'b'], [], 0],
    ['{"a":{"b":"x"}}', 'texts', ['a', '*', 'b'], [], 1],
  ])('of %s', (text, kind, path, value, malformed) => {
    expect(rendered(text, kind, ...path)).toEqual({ value, malformed });
  });
});

it('counts every member of a broken shape, and keeps the order of the columns', () => {
  const columns = [column('a', 'bool?'), column('b', 'text'), column('c', 'int?'), column('d', 'texts', 'e')];
  expect(renderColumns(parseRecord('{"c":"1","b":"x","a":"no","e":["z"]}'), columns)).toEqual({
    json: 'null,"x",null,["z"]',
    malformed: 2,
  });
});

it('takes any depth of a member', () => {
  const deep = '['.repeat(5_000) + ']'.repeat(5_000);
  expect(rendered(`{"c":${deep}}`, 'text')).toEqual({ value: deep, malformed: 0 });
  expect(rendered(`{"c":${deep}}`, 'json')).toEqual({ value: deep, malformed: 0 });
  expect(rendered(`{"c":${deep}}`, 'texts')).toEqual({ value: [], malformed: 0 });
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
    const value = iso.replace('T', ' ').replace('Z', '');
    expect(rendered(JSON.stringify({ c: text }), 'time')).toEqual({ value, malformed: 0 });
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
