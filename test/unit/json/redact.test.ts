import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, type RedactionRule } from '../../../src/json/redact.js';
import { JsonTextError } from '../../../src/json/scan.js';
import { textOf, written } from './json-text.js';

const rule: RedactionRule = {};

it.each([
  ['first', '{"secret":1,"a":2,"b":3}', '{"a":2,"b":3}'],
  ['in the middle', '{"a":2,"secret":1,"b":3}', '{"a":2,"b":3}'],
  ['last', '{"a":2,"b":3,"secret":1}', '{"a":2,"b":3}'],
  ['the only one', '{"secret":1}', '{}'],
  ['all', '{"secret":1,"secret":2,"secret":3}', '{}'],
  ['first and last', '{"secret":1,"a":2,"secret":3}', '{"a":2}'],
  ['two first', '{"secret":1,"secret":2,"a":3}', '{"a":3}'],
  ['two last', '{"a":3,"secret":1,"secret":2}', '{"a":3}'],
  ['every other one', '{"a":1,"secret":1,"b":2,"secret":2,"c":3}', '{"a":1,"b":2,"c":3}'],
  ['with spaces', '{ "secret" : 1 , "a" : 1.10 }', '{ "a" : 1.10 }'],
  ['with spaces, last', '{ "a" : 1.10 ,\n "secret" : 1\n}', '{ "a" : 1.10\n}'],
  ['with spaces, alone', '{ "secret" : 1 }', '{  }'],
  ['an object', '{"secret":{"a":{"b":1}},"c":{}}', '{"c":{}}'],
  ['in an object', '{"a":{"secret":1}}', '{"a":{}}'],
  ['in arrays', '{"a":[1,{"secret":2},[{"secret":3,"b":4},[]]]}', '{"a":[1,{},[{"b":4},[]]]}'],
  ['a text that looks like the end', '{"secret":"\\"},{","a":1}', '{"a":1}'],
  ['by an escaped name', '{"\\u0073ecret":1,"a":2}', '{"a":2}'],
])('leaves out a member that is %s', (_name, text, expected) => {
  expect(redact(text, rule).text).toBe(expected);
});

it('leaves a text without secrets as it is, also where the hint matches', () => {
  for (const text of ['{"a":1}', ' { "a" : "secret" }', '{"a":"\\u0073ecret"}', '{"text":["secret"]}'])
    expect(redact(text, rule)).toEqual({ text, dropped: [] });
});

it.each(['\\u0063lient_secret', 'client\\u005fsecret', 'client\\u005Fsecret', 'client_secre\\u0074'])(
  'finds the name %s behind its escapes',
  (name) => {
    expect(redact(`{"a":1,"${name}":"x"}`, rule)).toEqual({ text: '{"a":1}', dropped: ['client_secret'] });
  },
);

it('names what it left out, sorted, each path once', () => {
  const text = '{"z":[{"secret":1},{"secret":2}],"secret":3,"b":{"secret":4},"secret":5}';
  expect(redact(text, rule).dropped).toEqual(['b.secret', 'secret', 'z.*.secret']);
});

it.each(['', 'secret=', '[{"secret":1}]', '"secret="', '{"secret":1', '{"a":{"secret":1}'])(
  'refuses %j, which is no JSON object',
  (text) => {
    expect(() => redact(`${text}secret=`, rule)).toThrow(JsonTextError);
  },
);

describe('deep nesting', () => {
  it('leaves out what lies deeper than any real record', () => {
    const { text, dropped } = redact(
      `{"secret":1,"k":2,"a":${'{"a":'.repeat(5_000)}{"secret":2}${'}'.repeat(5_000)}}`,
      rule,
    );
    expect(text).not.toContain('"secret"');
    expect(JSON.parse(text)).toHaveProperty('k', 2);
    expect(dropped).toContain('secret');
    expect(dropped.some((path) => path.startsWith('a.a.a.'))).toBe(true);
  });

  it('does so in arrays as well', () => {
    const { text, dropped } = redact(`{"k":2,"a":${'['.repeat(20_000)}{"secret":2}${']'.repeat(20_000)}}`, rule);
    expect(text).not.toContain('"secret"');
    expect(JSON.parse(text)).toHaveProperty('k', 2);
    expect(dropped.some((path) => path.startsWith('a.*.*.'))).toBe(true);
  });

  it('keeps what a real record nests', () => {
    const text = `{"secret":1,"a":${'[{"a":'.repeat(90)}1${'}]'.repeat(90)}}`;
    expect(redact(text, rule)).toEqual({ text: text.replace('"secret":1,', ''), dropped: ['secret'] });
  });
});

/** What a secret's name may stand before and be kept: nothing, or nothing any more. */
const HARMLESS = /^(?:"\**"|null|true|false|\{\s*\}|\[\s*\])$/;

it('changes nothing but the secret members of any record', () => {
  const { object } = written(['"secret"', '"\\u0073ecret"', '"a"', '"S"']);
  fc.assert(
    fc.property(object, (record) => {
      const { text, dropped } = redact(textOf(record), rule);
      const isSecret = (path: readonly string[], value: string) => path.at(-1) === 'secret' && !HARMLESS.test(value);
      expect(text).toBe(textOf(record, isSecret));
      expect(JSON.parse(text)).toBeTypeOf('object');
      expect(dropped.length > 0).toBe(text !== textOf(record));
    }),
    { numRuns: 500 },
  );
});
