import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRecord, parsePage, parseRecord, rowsOf } from '../../../src/json/page.js';
import { JsonTextError } from '../../../src/json/scan.js';
import { textOf, written } from './json-text.js';

/** Texts that a round trip through JSON.parse would change. */
const VERBATIM = [
  '{"n":123456789012345678901234,"price":1.10,"e":1E400}',
  '{"a":"\\u0041\\/","b":"\\ud83d","c":"😀 é"}',
  '{"a":1,"a":2}',
  '{ "x" :\r\n\t[ null , { "y" : null } ] }',
  '{"s":"]},{[\\"\\\\"}',
  '{}',
];

const ENVELOPES: Record<string, (list: string) => string> = {
  'an array': (list) => list,
  'a list under its name with totals': (list) => `{"start":0,"limit":100,"length":2,"users":${list},"total":7}`,
  'a list under data': (list) => `{"data":${list}}`,
};

describe.each(Object.entries(ENVELOPES))('%s', (_name, envelope) => {
  it('gives every record as it was written', () => {
    const page = parsePage(` ${envelope(`[ ${VERBATIM.join(' ,\n')} ]`)}\n`, 'users');
    expect(page.records.map(({ raw }) => raw)).toEqual(VERBATIM);
    expect(page.records.map(({ value }) => value)).toEqual(VERBATIM.map((text): unknown => JSON.parse(text)));
  });

  it('may be empty', () => {
    expect(parsePage(envelope('[ ]'), 'users').records).toEqual([]);
  });

  it('throws wherever the text is cut off', () => {
    const text = envelope(`[${VERBATIM.join(',')}]`);
    for (let end = 0; end < text.length; end++)
      expect(() => parsePage(text.slice(0, end), 'users'), text.slice(0, end)).toThrow(JsonTextError);
  });
});

it.each<[string, { total: number | null; limit: number | null; next: string | null }]>([
  ['{"start":0,"limit":50,"total":101,"clients":[]}', { total: 101, limit: 50, next: null }],
  ['{"next":"Fe26.2*x\\u002a","clients":[]}', { total: null, limit: null, next: 'Fe26.2*x*' }],
  ['{"clients":[],"next":null}', { total: null, limit: null, next: null }],
  ['{"clients":[],"next":""}', { total: null, limit: null, next: null }],
  ['{"clients":[],"next":7,"total":"9","limit":-1}', { total: null, limit: null, next: null }],
  ['{"clients":[],"total":1.5,"limit":1e400}', { total: null, limit: null, next: null }],
  ['[]', { total: null, limit: null, next: null }],
])('reads totals and checkpoint of %s', (text, expected) => {
  expect(parsePage(text, 'clients')).toEqual({ ...expected, records: [] });
});

it('prefers the list under its own name to another one', () => {
  for (const text of ['{"data":[{"a":1}],"users":[{"a":2}]}', '{"users":[{"a":2}],"data":[{"a":1}]}'])
    expect(parsePage(text, 'users').records.map(({ raw }) => raw)).toEqual(['{"a":2}']);
});

it.each([
  ['nothing', ''],
  ['spaces', ' \n'],
  ['a byte order mark, which the caller takes off', '\uFEFF[]'],
  ['HTML', '<html><body>502 Bad Gateway</body></html>'],
  ['a scalar', '"users"'],
  ['null', 'null'],
  ['data that is no list', '{"data":{}}'],
  ['a list that is null', '{"users":null}'],
  ['an error body', '{"statusCode":400,"error":"Bad Request","message":"m"}'],
  ['a list under another name', '{"clients":[]}'],
  ['text after an array', '[] []'],
  ['text after an object', '{"users":[]}x'],
  ['a comma at the end', '[{},]'],
  ['a comma at the start', '[,{}]'],
  ['two records without a comma', '[{}{}]'],
  ['a comma at the end of a record', '[{"a":1,}]'],
  ['brackets that do not match', '[{"a":[}]]'],
  ['a single-quoted name', "[{'a':1}]"],
  ['a name without a colon', '{"users" []}'],
  ['a member without a value', '{"total":,"users":[]}'],
  ['NaN', '[{"a":NaN}]'],
  ['a line end inside a string', '[{"a":"x\ny"}]'],
  ['a total that is no JSON', '{"total":01,"users":[]}'],
  ['another member that is no JSON', '{"users":[],"meta":{nonsense}}'],
  ['another list that is no JSON', '{"users":[],"meta":[1 2]}'],
  ['a name that is no JSON', '{"\\x":1,"users":[]}'],
])('refuses %s', (_name, text) => {
  expect(() => parsePage(text, 'users')).toThrow(JsonTextError);
});

it.each([
  ['[1]', [], 1],
  ['[{"a":1},null,{"b":2}]', ['{"a":1}', '{"b":2}'], 1],
  ['{"users":[[{}],"x",true,{"a":1}],"total":4}', ['{"a":1}'], 3],
])('takes the records of %s, and counts what is none', (text, records, nonRecords) => {
  const page = parsePage(text, 'users');
  expect([page.records.map(({ raw }) => raw), page.nonRecords, rowsOf(page)]).toEqual([
    records,
    nonRecords,
    records.length + nonRecords,
  ]);
});

it('never quotes the text in its message: it can be personal data', () => {
  for (const text of ['[{"email":"jane@example.com"', '[{"email":jane@example.com}]', '{"jane@example.com":[]}']) {
    let message = '';
    try {
      parsePage(text, 'users');
    } catch (error) {
      message = error instanceof JsonTextError ? error.message : 'another error';
    }
    expect(message).toMatch(/^(?!.*jane)(?!another error)./);
  }
});

it('takes 5,000 levels of nesting', () => {
  const deep = `{"a":${'[{"b":'.repeat(2_500)}1${'}]'.repeat(2_500)}}`;
  for (const text of [`[${deep}]`, `{"users":[${deep}]}`, `{"meta":${deep},"users":[${deep}]}`])
    expect(parsePage(text, 'users').records.map(({ raw }) => raw)).toEqual([deep]);
  expect(() => parsePage(`[${deep.slice(0, -1)}]`, 'users')).toThrow(JsonTextError);
});

const { object } = written(['"data"', '"users"', '"next"']);

it('keeps any record as it was written', () => {
  fc.assert(
    fc.property(
      fc.array(object, { maxLength: 4 }),
      fc.constantFrom(...Object.values(ENVELOPES)),
      (records, envelope) => {
        const texts = records.map((record) => textOf(record));
        const page = parsePage(envelope(`[${texts.join(',')}]`), 'users');
        expect(page.records.map(({ raw }) => raw)).toEqual(texts);
      },
    ),
    { numRuns: 150 },
  );
});

it('takes a broken text for JSON only where JSON.parse does, and then finds the same records', () => {
  const edit = fc.tuple(
    fc.nat(),
    fc.nat({ max: 2 }),
    fc.constantFrom('', ',', '}', ']', '{', '[', '"', '\\', ':', '1'),
  );
  fc.assert(
    fc.property(fc.array(object, { maxLength: 3 }), fc.boolean(), edit, (records, isArray, [at, length, added]) => {
      const list = `[${records.map((record) => textOf(record)).join(',')}]`;
      const whole = isArray ? list : `{"total":1,"meta":{"a":[1]},"users":${list}}`;
      const from = at % whole.length;
      const text = whole.slice(0, from) + added + whole.slice(from + length);
      let found: unknown[];
      try {
        found = parsePage(text, 'users').records.map(({ value }) => value);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonTextError);
        return;
      }
      const value: unknown = JSON.parse(text);
      const wanted: unknown = isRecord(value) ? value['users'] : value;
      expect(found).toEqual(Array.isArray(wanted) ? wanted.filter((element) => isRecord(element)) : 'a list');
    }),
    { numRuns: 1_000 },
  );
});

it('parses a single record', () => {
  expect(parseRecord(' {"a":1.10}\r')).toEqual({ raw: ' {"a":1.10}\r', value: { a: 1.1 } });
  for (const text of ['', '[]', 'null', '1', '{"a":1', '{"a":1}{}'])
    expect(() => parseRecord(text), text).toThrow(JsonTextError);
});
